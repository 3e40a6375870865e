//! `run -- CMD`: the command's own code passes through; ours are those of timeout(1).

use serde_json::json;
use vps_ops::pipeline::Cause;
use vps_ops::process::{ProcessSpec, RetryOn};
use vps_ops::{Kind, OperationError};

use crate::app::App;
use crate::args::RunArgs;
use crate::cmd::preview::Preview;
use crate::exit::Exit;
use crate::report::{Failure, print_json};

pub(crate) async fn run(app: &App, args: RunArgs) -> Result<Exit, Failure> {
    execute(app, args).await.map_err(|mut failure| {
        // Whoever runs a command must be able to tell its codes from ours.
        if !matches!(failure.exit, Exit::Signal(_) | Exit::Command(_)) {
            failure.exit = Exit::REFUSED;
        }
        failure
    })
}

async fn execute(app: &App, args: RunArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    let network = app.network(&loaded);
    let options = app.options(&network, &args.network)?;
    let mut command = args.command.into_iter();
    let Some(program) = command.next() else { return Err(Failure::usage("there is no command after --")) };
    let spec = ProcessSpec::new(program).args(command);
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
        return preview.show(app, &network, &options).await;
    }
    let outcome = network.run_with_retry(&spec, &retry_on, &options).await;
    network.close().await;
    match outcome {
        Ok(()) => {
            if app.global.json {
                return print_json(
                    &json!({"schema": "vps-configurator.run/1", "command": spec.name(), "code": 0}),
                );
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            let mut failure = Failure::of_operation(&error);
            failure.exit = exit(&error, failure.exit);
            Err(failure)
        }
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
