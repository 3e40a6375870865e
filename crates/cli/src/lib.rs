//! `vps-configurator`: downloads, packages, clones and commands that survive a bad network.
//!
//! This crate is the program itself, for whoever builds one of his own with modules in it: kinds of steps of a plan that
//! are compiled in. [`run`] is all there is. What modules are made of is in [`module`]; what they do their work with is
//! in [`vps_ops`], which is this very version of it. `docs/modules.md` goes through it from nothing to a tested module.

mod app;
mod args;
mod cmd;
mod config;
mod exit;
mod metrics;
mod observe;
#[cfg(test)]
mod own_terminal;
mod program;
mod report;
mod shell;
mod signals;
mod stdin;
mod term;
#[cfg(feature = "tui")]
mod tui;
mod usage;
#[cfg(feature = "web")]
mod web;

use std::process::ExitCode;
use std::sync::Arc;

pub use vps_ops;
pub use vps_ops::plan::module;

use self::module::Modules;
use crate::app::App;
use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::report::Failure;

/// The whole program: reads the command line of this process, does what it says, and gives the code to end with. Steps
/// of a plan can be `modules`.
///
/// It is called once, from `main`, before anything else: it makes its own runtime, takes the signals, and chooses
/// whether standard output has colours.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use serde::Deserialize;
/// use vps_configurator::module::{
///     Change, ConfigurationModule, Context, InvalidModule, Meta, ModuleError, Modules, Verified, async_trait,
/// };
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Motd {
///     text: String,
/// }
///
/// #[async_trait]
/// impl ConfigurationModule for Motd {
///     fn meta() -> Meta {
///         Meta::new("motd", "The message of the day")
///     }
///
///     async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
///         Ok(match std::fs::read_to_string(cx.path("/etc/motd")) {
///             Ok(text) if text == self.text => Verified::satisfied("it says so"),
///             _ => Verified::missing("another text"),
///         })
///     }
///
///     async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
///         std::fs::write(cx.path("/etc/motd"), &self.text)?;
///         Ok(Change::changed("the message of the day"))
///     }
/// }
///
/// fn main() -> Result<ExitCode, InvalidModule> {
///     Ok(vps_configurator::run(Modules::builtin().with::<Motd>()?))
/// }
/// ```
#[must_use = "it says how the process is to end"]
pub fn run(modules: Modules) -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    program::is_called(typed.first().map(std::ffi::OsString::as_os_str));
    match usage::parse(&typed) {
        Ok(cli) => start(cli, modules),
        Err(exit) => exit,
    }
    .end()
}

fn start(cli: Cli, modules: Modules) -> Exit {
    let only_looks = cli.command.only_looks();
    let printed = match &cli.command {
        // These need nothing of this machine.
        Command::Completions { shell } => cmd::print::completions(*shell).map(Some),
        Command::Man { command } => cmd::print::man(command).map(Some),
        _ => Ok(None),
    };
    match printed {
        Ok(Some(exit)) => exit,
        Ok(None) => carry_out(&App::start(cli.global, only_looks, modules), cli.command),
        Err(failure) => App::start(cli.global, true, modules).tell(&failure),
    }
}

fn carry_out(app: &App, command: Command) -> Exit {
    if let Err(error) = vps_ops::process::forbid_core_dumps() {
        // Nothing is lost by it unless we crash.
        tracing::debug!("core dumps cannot be turned off: {error}");
    }
    let is_run = matches!(command, Command::Run(_));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let exit = if is_run { Exit::REFUSED } else { Exit::Local };
            return app.tell(&Failure::of_error(exit, vps_ops::Kind::Local, &error));
        }
    };
    let exit = runtime.block_on(dispatch(app, command));
    // A resolver that hangs must not hold us up.
    runtime.shutdown_background();
    exit
}

async fn dispatch(app: &App, command: Command) -> Exit {
    let screen = app.screen.clone();
    let tell = move || {
        screen.clear();
        tracing::warn!("stopping (again to end at once)");
    };
    let (screen, runner, json) = (app.screen.clone(), Arc::clone(&app.runner), app.global.json_errors());
    let last = move || {
        #[cfg(feature = "tui")]
        tui::give_back_terminal(&screen);
        screen.clear();
        App::abandon(&screen, &runner, json);
    };
    let _listening = signals::listen(&app.env, app.cancel.clone(), app.stopped.clone(), tell, last);
    let metrics_file = command.metrics_file();
    let outcome = match command {
        Command::Apply(args) => cmd::apply::run(app, args).await,
        Command::Download(args) => {
            if args.insecure {
                tracing::warn!(
                    "--insecure: certificates are not checked, so anybody on the way can send anything"
                );
            }
            cmd::download::run(app, args).await
        }
        Command::Apt(command) => cmd::apt::run(app, command).await,
        #[cfg(feature = "git")]
        Command::Git(command) => cmd::git::run(app, command).await,
        Command::Run(args) => cmd::run::run(app, args).await,
        Command::DeadLetter(command) => cmd::dead_letter::run(app, command).await,
        Command::CircuitBreaker(command) => cmd::circuit_breaker::run(app, command).await,
        Command::Connectivity(args) => cmd::connectivity::run(app, args).await,
        Command::Health(args) => cmd::health::run(app, args).await,
        #[cfg(feature = "web")]
        Command::Serve(args) => cmd::serve::run(app, args).await,
        #[cfg(feature = "tui")]
        Command::Dashboard(args) => cmd::dashboard::run(app, args).await,
        Command::Mute(args) => cmd::mute::run(app, args).await,
        Command::Plan(command) => cmd::plan::run(app, &command).await,
        Command::Config(command) => cmd::config::run(app, &command),
        Command::Completions { .. } | Command::Man { .. } => Ok(Exit::Done),
    };
    let outcome = cmd::dead_letter::told(app, outcome).await;
    if let Some(path) = metrics_file {
        // Before the error is told, which is the last line there is.
        metrics::write_file(app, &path).await;
    }
    match outcome {
        Ok(exit) => exit,
        Err(failure) => app.tell(&failure.ended_by(app.stopped.by())),
    }
}
