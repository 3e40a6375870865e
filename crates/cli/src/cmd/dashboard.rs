//! `dashboard`.

use std::io::IsTerminal as _;

use vps_ops::Kind;

use super::health::{cannot, chosen, places};
use crate::app::App;
use crate::args::DashboardArgs;
use crate::cmd::notify;
use crate::exit::Exit;
use crate::program;
use crate::report::Failure;
use crate::tui::{self, Ended};

pub(crate) async fn run(app: &App, args: DashboardArgs) -> Result<Exit, Failure> {
    can_draw(app)?;
    let loaded = app.config()?;
    let network = app.network(&loaded);
    let services = chosen(&network, &args.services)?;
    let places = places(&network, &services).await?;
    let (tell, _telling) = notify::start(app, &network)?;
    let watch = network.health().watch(places, tell).await.map_err(|error| cannot(&error))?;
    let named = if args.services.is_empty() { Vec::new() } else { services };
    let ended = tui::run(app, &loaded, &network, &watch, named).await;
    // What looks on ends, with everything written.
    app.cancel.cancel();
    watch.run(&app.cancel).await;
    network.close().await;
    match ended {
        Ok(Ended::Told) => Ok(app.stopped.by().map_or(Exit::Done, Exit::Signal)),
        Ok(Ended::Gone) => match app.stopped.by() {
            Some(signal) => Ok(Exit::Signal(signal)),
            None => Err(Failure::local("the terminal went away")),
        },
        Err(error) => Err(Failure::of_error(Exit::Local, Kind::Local, &error)),
    }
}

/// Fails where there is nothing to draw on.
fn can_draw(app: &App) -> Result<(), Failure> {
    if app.global.json {
        return Err(Failure::usage("`dashboard` prints nothing, and no JSON").hint(format!(
            "`{program} health --watch --json` prints an object whenever something changes",
            program = program::name()
        )));
    }
    let why = if !app.term.stdin_is_terminal || !std::io::stdout().is_terminal() {
        "`dashboard` needs a terminal, on standard input and on standard output"
    } else if app.environment.dumb_terminal {
        "`dashboard` needs a terminal that can be drawn on, and TERM says that this one cannot"
    } else {
        return Ok(());
    };
    Err(Failure::usage(why).hint(format!(
        "`{program} health --watch` prints a table whenever something changes",
        program = program::name()
    )))
}
