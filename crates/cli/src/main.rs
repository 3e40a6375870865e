//! `vps-configurator`: downloads and commands that survive a bad network.

mod app;
mod args;
mod cmd;
mod config;
mod exit;
mod observe;
mod report;
mod signals;
mod term;

use std::process::ExitCode;

use clap::Parser;

use crate::app::App;
use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::report::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        // These need nothing of this machine.
        Command::Completions { shell } => cmd::print::completions(shell),
        Command::Man => cmd::print::man(),
        command => run(App::start(cli.global), command),
    }
    .end()
}

fn run(app: App, command: Command) -> Exit {
    let refused = if matches!(command, Command::Run(_)) { Some(Exit::Command(125)) } else { None };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::of_error(Exit::Local, "local", &error);
            failure.print(app.global.json, app.global.quiet > 1, &app.screen);
            return refused.unwrap_or(failure.exit);
        }
    };
    let exit = runtime.block_on(dispatch(&app, command));
    // A resolver that hangs must not hold us up.
    runtime.shutdown_background();
    exit
}

async fn dispatch(app: &App, command: Command) -> Exit {
    let screen = app.screen.clone();
    let (stopped, _listening) = signals::listen(&app.env, app.cancel.clone(), move || {
        screen.clear();
        tracing::warn!("stopping; what is complete is kept (again to end at once)");
    });
    let outcome = match command {
        Command::Download(args) => cmd::download::run(app, args).await,
        Command::Run(args) => cmd::run::run(app, args).await,
        Command::CircuitBreaker(command) => cmd::circuit_breaker::run(app, command).await,
        Command::Connectivity(args) => cmd::connectivity::run(app, args).await,
        Command::Config(command) => cmd::config::run(app, &command),
        Command::Completions { .. } | Command::Man => Ok(Exit::Done),
    };
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            failure.print(app.global.json, app.global.quiet > 1, &app.screen);
            match (failure.exit, stopped.by()) {
                (Exit::Signal(_), Some(signal)) => Exit::Signal(signal),
                (exit, _) => exit,
            }
        }
    }
}
