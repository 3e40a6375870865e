//! `run -- CMD`: the command's own code passes through; ours are those of timeout(1).

use std::path::Path;

use vps_ops::foreign::shown;
use vps_ops::pipeline::Cause;
use vps_ops::process::{Input, ProcessSpec, RetryOn};
use vps_ops::settings::Options;
use vps_ops::{Kind, NetworkOperationWrapper, OperationError};

use crate::app::App;
use crate::args::{RunArgs, StdinChoice};
use crate::cmd::preview::Preview;
use crate::exit::Exit;
use crate::report::{Failure, document, file, one_line, pretty};
use crate::stdin::stopped;

pub(crate) async fn run(app: &App, args: RunArgs) -> Result<Exit, Failure> {
    let report = args.report.clone();
    let outcome = begin(app, args).await;
    tell(app, report.as_deref(), outcome)
}

/// The same by a network that is there, in another folder.
pub(super) async fn again(
    app: &App,
    network: &NetworkOperationWrapper,
    args: RunArgs,
    folder: Option<&Path>,
) -> Result<Exit, Failure> {
    let outcome = execute(app, network, args, folder).await;
    tell(app, None, outcome)
}

fn tell(
    app: &App,
    report: Option<&Path>,
    outcome: Result<Option<document::Run>, Failure>,
) -> Result<Exit, Failure> {
    let outcome = outcome.map_err(|mut failure| {
        // Whoever runs a command must be able to tell its codes from ours.
        if !matches!(failure.exit, Exit::Signal(_) | Exit::Command(_)) {
            failure.exit = Exit::REFUSED;
        }
        failure.ended_by(app.stopped.by())
    });
    if let Ok(None) = &outcome {
        return Ok(Exit::Done);
    }
    match report {
        Some(path) => {
            let text = match &outcome {
                Ok(done) => pretty(done),
                Err(failure) => format!("{:#}\n", failure.to_json()),
            };
            if let Err(error) = file::replace(&app.env, path, text.as_bytes()) {
                // The command's own end is what counts; with `-q` too, nobody else knows of it.
                tracing::error!("the report {} cannot be written: {error}", shown(path));
            }
        }
        None => {
            if let (Ok(done), true) = (&outcome, app.global.json) {
                app.screen.line(&one_line(done));
            }
        }
    }
    outcome.map(|_| Exit::Done)
}

/// What is to be reported of a command that was run; nothing of a preview.
async fn begin(app: &App, args: RunArgs) -> Result<Option<document::Run>, Failure> {
    let loaded = app.config()?;
    execute(app, &app.network(&loaded), args, None).await
}

async fn execute(
    app: &App,
    network: &NetworkOperationWrapper,
    args: RunArgs,
    folder: Option<&Path>,
) -> Result<Option<document::Run>, Failure> {
    let options = app.options(network, &args.network)?;
    let mut command = args.command.into_iter();
    let Some(program) = command.next() else { return Err(Failure::usage("there is no command after --")) };
    let mut spec = ProcessSpec::new(program).args(command);
    if let Some(folder) = folder {
        spec = spec.in_folder(folder);
    }
    let retry_on = if args.retry_on.is_empty() {
        RetryOn::default()
    } else {
        RetryOn::only(args.retry_on.iter().map(|code| i32::from(*code)))
    };
    if args.network.dry_run {
        let preview = Preview {
            action: format!("run `{}`", spec.name()),
            steps: vec![(spec.name(), options.service.clone())],
            configured: |limits| limits.command,
        };
        return preview.show(app, network, &options).await.map(|_| None);
    }
    let spec = spec.reading(input(app, &args.stdin, network, &options).await?);
    let outcome = network.run_with_retry(&spec, &retry_on, &options).await;
    network.close().await;
    match outcome {
        Ok(()) => Ok(Some(document::Run { command: spec.name(), code: 0 })),
        Err(error) => {
            let mut failure = Failure::of_operation(&error);
            failure.exit = exit(&error, failure.exit);
            if matches!(error.cause, Cause::TimedOut { .. }) && error.attempts() > 1 {
                failure = failure.hint("an attempt may take half of that, so that one that hangs is tried again; with `--retries 1` all of it");
            }
            Err(failure)
        }
    }
}

/// What each attempt reads. Said before it runs where that means only one.
async fn input(
    app: &App,
    choice: &StdinChoice,
    network: &NetworkOperationWrapper,
    options: &Options,
) -> Result<Input, Failure> {
    let ours = Input::ours();
    if ours.can_be_read_again() {
        return Ok(ours);
    }
    let policies = network.policies();
    let policy = options.over(options.service.as_ref().map_or(policies.general(), |name| policies.of(name)));
    if *choice == StdinChoice::Pass {
        if policy.retry.max_attempts().get() > 1 {
            tracing::warn!(
                "one attempt only: standard input is a pipe, which can be read once (`--stdin keep` keeps it for all, \
                 `</dev/null` gives the command none)"
            );
        }
        return Ok(ours);
    }
    let limit = app.env.now().after(options.total_or(policy.timeouts.command));
    tokio::select! {
        biased;
        () = app.cancel.cancelled() => Err(stopped("stopped before standard input was read to its end")),
        kept = app.env.until(limit, Input::kept(&app.env)) => match kept {
            Some(Ok(kept)) => Ok(kept),
            Some(Err(error)) => Err(Failure::of_error(Exit::REFUSED, Kind::Local, &error)),
            None => Err(Failure::new(Exit::TIMED_OUT, Kind::Timeout, "standard input did not end in time")
                .hint("allow more time with `--timeout`")),
        },
    }
}

fn exit(error: &OperationError<vps_ops::process::CommandError>, otherwise: Exit) -> Exit {
    match &error.cause {
        _ if error.kind() == Kind::Cancelled => otherwise,
        Cause::Operation(command) => Exit::Command(u8::try_from(command.code()).unwrap_or(255)),
        Cause::TimedOut { .. } => Exit::TIMED_OUT,
        _ => Exit::REFUSED,
    }
}
