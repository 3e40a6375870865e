//! `health --watch`: goes on looking, and shows what is to be seen whenever that changes.

use std::time::Duration;

use vps_ops::NetworkOperationWrapper;
use vps_ops::probe::Places;
use vps_ops::watch::Watch;

use super::table::{self, Look};
use super::{cannot, keep_named};
use crate::app::App;
use crate::args::HealthArgs;
use crate::cmd::notify;
use crate::exit::Exit;
use crate::metrics::HealthFigures;
use crate::report::{Failure, document, line_of, print_while_read};

/// A table again and again would be all there is to read: at most this often.
const TABLES: Duration = Duration::from_secs(1);

/// Ends when it is told to, or nobody reads it any more, with how the services are then.
pub(super) async fn run(
    app: &App,
    network: &NetworkOperationWrapper,
    places: Places,
    args: &HealthArgs,
) -> Result<Exit, Failure> {
    let health = network.health().as_asked_for();
    let (tell, _telling) = notify::start(app, network)?;
    let watch = health.watch(places, tell).await.map_err(|error| cannot(&error))?;
    let ended = tokio::select! {
        biased;
        () = watch.run(&app.cancel) => Ok(()),
        ended = show(app, &watch, &args.services) => ended,
    };
    // What looks on ends, with everything written.
    app.cancel.cancel();
    watch.run(&app.cancel).await;
    network.close().await;
    ended?;
    let board = watch.board();
    app.found(HealthFigures::of(&board));
    let is_any_bad = board.rows.iter().any(|row| row.is_probed && args.fail_on.is_bad(row.status));
    Ok(if is_any_bad { Exit::Offline } else { Exit::Done })
}

/// Until nobody reads it any more.
async fn show(app: &App, watch: &Watch, names: &[String]) -> Result<(), Failure> {
    let (mut seen, look) = (None, Look::of_terminal(app.term));
    loop {
        let version = watch.version();
        // The first table is worth the wait for the first round.
        let is_new = seen != Some(version) && (watch.is_ready() || seen.is_some());
        if is_new {
            seen = Some(version);
            let mut board = watch.board();
            keep_named(&mut board, names);
            let text = match app.global.json {
                true => line_of(&document::Health::of(&board)),
                false => format!("{}\n", table::render(&board, &look)),
            };
            if !print_while_read(&text)? {
                return Ok(());
            }
        }
        app.env.bell(app.env.now().after(TABLES)).await;
    }
}
