//! `circuit-breaker status|reset|open|close`.

mod status;

use std::time::Duration;

use vps_ops::guard::ControlError;
use vps_ops::service::ServiceName;
use vps_ops::{Hold, Kind, NetworkOperationWrapper, State};

use crate::app::{App, unknown_service};
use crate::args::{CircuitBreakerCommand, HoldArgs, ResetArgs};
use crate::cmd::confirm::can_ask;
use crate::exit::Exit;
use crate::observe::words::NOTHING_RESET;
use crate::program;
use crate::report::{Failure, document, print, print_json};
use crate::stdin::confirmed;

/// A circuit that is forced closed stays so for this long, unless told otherwise.
const CLOSED_FOR: Duration = Duration::from_secs(600);

pub(crate) async fn run(app: &App, command: CircuitBreakerCommand) -> Result<Exit, Failure> {
    if let CircuitBreakerCommand::Reset(ResetArgs { all: true, yes, .. }) = &command {
        can_ask(app, *yes, "`reset --all` resets every circuit")?;
    }
    let loaded = app.config()?;
    if !matches!(command, CircuitBreakerCommand::Status { .. }) {
        // Work goes on without a store; an order that nobody else will see is none.
        app.must_remember(&loaded)?;
    }
    let network = app.network(&loaded);
    match command {
        CircuitBreakerCommand::Status { service } => {
            status::status(app, &loaded, network, service.as_deref()).await
        }
        CircuitBreakerCommand::Reset(args) => reset(app, &network, &args).await,
        CircuitBreakerCommand::Open(args) => {
            let limit = args.limit;
            hold(app, &network, args, Hold::Open, limit).await
        }
        CircuitBreakerCommand::Close(args) => {
            let limit = Some(args.limit.unwrap_or(CLOSED_FOR));
            hold(app, &network, args, Hold::Closed, limit).await
        }
    }
}

async fn reset(app: &App, network: &NetworkOperationWrapper, args: &ResetArgs) -> Result<Exit, Failure> {
    let circuits = network.circuit_breakers();
    let outcome = match &args.service {
        Some(name) => circuits.reset(name).await,
        None => {
            if !args.yes && !confirmed(app, "reset every circuit?").await? {
                return if app.global.json {
                    print_json(&document::Reset { services: Vec::new() })
                } else {
                    print(&format!("{NOTHING_RESET}\n"))
                };
            }
            circuits.reset_all().await
        }
    };
    let names = outcome.map_err(|error| failed(&error))?;
    network.close().await;
    if app.global.json {
        let services = names.iter().map(ToString::to_string).collect();
        return print_json(&document::Reset { services });
    }
    let lines: String = names.iter().map(|name| format!("reset {name}\n")).collect();
    print(&lines)?;
    if app.global.quiet == 0 && !app.global.json_errors() {
        app.screen.line(&format!("hint: see `{program} circuit-breaker status`", program = program::name()));
    }
    Ok(Exit::Done)
}

async fn hold(
    app: &App,
    network: &NetworkOperationWrapper,
    args: HoldArgs,
    mode: Hold,
    limit: Option<Duration>,
) -> Result<Exit, Failure> {
    let by = Some(app.environment.user.clone());
    let circuits = network.circuit_breakers();
    let service =
        circuits.hold(&args.service, mode, limit, args.reason, by).await.map_err(|error| failed(&error))?;
    network.close().await;
    let state = if mode == Hold::Open { State::Open } else { State::Closed };
    if app.global.json {
        return print_json(&document::Hold {
            service: service.to_string(),
            state,
            for_seconds: limit.map(|limit| limit.as_secs_f64()),
        });
    }
    let until = limit.map_or_else(
        || "until it is reset".to_owned(),
        |limit| format!("for {}", humantime::format_duration(limit)),
    );
    let hosts = if service.as_str() == ServiceName::EXTERNAL_DOWNLOADS {
        ", with every host, also those first seen later"
    } else {
        ""
    };
    print(&format!("{service} is held {state} {until}{hosts}\n"))?;
    if app.global.quiet == 0 && !app.global.json_errors() {
        app.screen.line(&format!(
            "hint: let go of it with `{program} circuit-breaker reset {service}`",
            program = program::name()
        ));
    }
    Ok(Exit::Done)
}

fn failed(error: &ControlError) -> Failure {
    match error {
        ControlError::Unknown(unknown) => unknown_service(unknown),
        error => Failure::of_error(Exit::Local, Kind::Local, error)
            .hint(format!("see `{program} config path` for where state is kept", program = program::name())),
    }
}
