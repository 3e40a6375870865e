//! `health --watch`: goes on looking, and shows what is to be seen whenever that changes.

use std::time::Duration;

use vps_health::Status;
use vps_ops::NetworkOperationWrapper;
use vps_ops::probe::Places;
use vps_ops::watch::Board;

use super::cannot;
use super::table::{self, Look};
use crate::app::App;
use crate::args::FailOn;
use crate::cmd::notify;
use crate::exit::Exit;
use crate::metrics::HealthFigures;
use crate::report::{Failure, document, print, print_line};

/// A table again and again would be all there is to read: at most this often.
const TABLES: Duration = Duration::from_secs(1);

/// Ends when it is told to, with how the services are then.
pub(super) async fn run(
    app: &App,
    network: &NetworkOperationWrapper,
    places: Places,
    fail_on: FailOn,
) -> Result<Exit, Failure> {
    let health = network.health().as_asked_for();
    let (tell, _telling) = notify::start(app, network)?;
    let watch = health.watch(places, true, tell).await.map_err(|error| cannot(&error))?;
    let shown = show(app, &watch);
    let watching = watch.run(&app.cancel);
    let shown = tokio::select! {
        biased;
        () = watching => Ok(()),
        shown = shown => {
            // Nobody reads it any more.
            app.cancel.cancel();
            shown
        }
    };
    shown?;
    network.close().await;
    let is_bad = |status: Status| match fail_on {
        FailOn::Degraded => matches!(status, Status::Degraded | Status::Unhealthy),
        FailOn::Unhealthy => status == Status::Unhealthy,
    };
    let board = watch.board();
    app.found(HealthFigures::of(&board));
    let is_any_bad = board.rows.iter().any(|row| row.is_probed && is_bad(row.status));
    Ok(if is_any_bad { Exit::Offline } else { Exit::Done })
}

async fn show(app: &App, watch: &vps_ops::watch::Watch) -> Result<(), Failure> {
    let (mut seen, look) = (None, Look::of_terminal(app.term));
    loop {
        let version = watch.version();
        // The first table is worth the wait for the first round.
        let is_new = seen != Some(version) && (watch.is_ready() || seen.is_some());
        if is_new {
            seen = Some(version);
            tell(app, &watch.board(), &look)?;
        }
        app.env.bell(app.env.now().after(TABLES)).await;
    }
}

fn tell(app: &App, board: &Board, look: &Look) -> Result<(), Failure> {
    if app.global.json {
        return print_line(&document::Health::of(board)).map(drop);
    }
    print(&format!("{}\n", table::render(board, look))).map(drop)
}
