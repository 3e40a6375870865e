//! `circuit-breaker status|reset|open|close`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use vps_ops::circuit::{CircuitStatus, document, rfc3339};
use vps_ops::env::fs::Fs;
use vps_ops::guard::ControlError;
use vps_ops::service::ServiceName;
use vps_ops::store::read_status;
use vps_ops::{Hold, Kind, NetworkOperationWrapper, State};

use crate::app::{App, named, unknown_service};
use crate::args::{CircuitBreakerCommand, HoldArgs, ResetArgs};
use crate::exit::Exit;
use crate::report::{Failure, print, print_json};

/// A circuit that is forced closed stays so for this long, unless told otherwise.
const CLOSED_FOR: Duration = Duration::from_secs(600);
/// Where root's circuits are shown to everyone.
const SYSTEM_STATE: &str = "/var/lib/vps-configurator";

pub(crate) async fn run(app: &App, command: CircuitBreakerCommand) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    if !matches!(command, CircuitBreakerCommand::Status { .. }) {
        // Work goes on without a store; an order that nobody else will see is none.
        app.must_remember(&loaded)?;
    }
    let network = app.network(&loaded);
    match command {
        CircuitBreakerCommand::Status { service } => status(app, &network, service.as_deref()).await,
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

async fn status(app: &App, network: &NetworkOperationWrapper, only: Option<&str>) -> Result<Exit, Failure> {
    let mut all = network.get_circuit_breaker_status().await;
    if let Some(name) = only {
        let service = named(network, name)?;
        let group = service.as_str() == ServiceName::EXTERNAL_DOWNLOADS;
        all.retain(|other, _| *other == service || (group && other.group() == service.as_str()));
    }
    if app.global.json {
        return print_json(&with_bulkheads(document(all.values(), network.env().wall()), network));
    }
    let mut text = table(&all);
    if only.is_some() {
        for status in all.values() {
            let _ = writeln!(text, "{}: {}", status.service, explain(status));
            let bulkhead = network.policies().of(&status.service).bulkhead;
            let _ = writeln!(
                text,
                "{}: at most {} calls at once in each process; {} more may wait",
                status.service, bulkhead.max_concurrent, bulkhead.max_queue
            );
        }
    }
    if !app.environment.is_root && only.is_none() {
        system_snapshot(network.env().fs(), &mut text);
    }
    print(&text)
}

/// Adds the limits on calls at once. How many there are now only each process knows of itself.
fn with_bulkheads(mut document: serde_json::Value, network: &NetworkOperationWrapper) -> serde_json::Value {
    let services = document.get_mut("services").and_then(|services| services.as_object_mut());
    for (name, service) in services.into_iter().flatten() {
        let bulkhead = network.policies().of(&name.as_str().into()).bulkhead;
        if let Some(service) = service.as_object_mut() {
            let limits = json!({"max_concurrent": bulkhead.max_concurrent, "max_queue": bulkhead.max_queue});
            service.insert("bulkhead".to_owned(), limits);
        }
    }
    document
}

fn table(all: &BTreeMap<ServiceName, CircuitStatus>) -> String {
    let width = all.keys().map(|name| name.as_str().len()).max().unwrap_or(0).max("SERVICE".len());
    let mut text = format!(
        "{:width$}  {:9}  {:>8}  {:>8}  {:>8}  NOTE\n",
        "SERVICE", "STATE", "FAILURES", "CALLS", "REFUSED"
    );
    for status in all.values() {
        let note = match (&status.by_hand, status.retry_after) {
            (Some(hand), _) => format!("held {} by hand", hand.state),
            (None, Some(after)) => format!("probe in {:.0}s", after.as_secs_f64().ceil()),
            (None, None) if status.state == State::HalfOpen => "the next call is a probe".to_owned(),
            (None, None) => String::new(),
        };
        let line = format!(
            "{:width$}  {:9}  {:>8}  {:>8}  {:>8}  {note}",
            status.service.as_str(),
            status.state.as_str(),
            status.failure_count,
            status.total_calls,
            status.rejected_calls,
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn explain(status: &CircuitStatus) -> String {
    let mut text = status.explanation.clone();
    if let Some(at) = status.opened_at {
        let _ = write!(text, "; open since {}", rfc3339(at));
    }
    if let Some(hand) = &status.by_hand {
        let by = hand.by.as_deref().unwrap_or("somebody");
        let _ = write!(text, "; by {by} since {}", rfc3339(hand.since));
        if let Some(reason) = &hand.reason {
            let _ = write!(text, ": {reason}");
        }
    }
    text
}

/// What the system's own runs know, for users who may not read its store.
fn system_snapshot(fs: &std::sync::Arc<dyn Fs>, text: &mut String) {
    let Ok(bytes) = read_status(fs, SYSTEM_STATE.as_ref()) else { return };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return };
    let at = value.get("generated_at").and_then(|at| at.as_str()).unwrap_or_default();
    let _ = writeln!(text, "\nof the system's runs, as of {at}:");
    for (name, status) in
        value.get("services").and_then(|services| services.as_object()).into_iter().flatten()
    {
        let state = status.get("state").and_then(|state| state.as_str()).unwrap_or_default();
        let _ = writeln!(text, "  {name}  {state}");
    }
}

async fn reset(app: &App, network: &NetworkOperationWrapper, args: &ResetArgs) -> Result<Exit, Failure> {
    let circuits = network.circuit_breakers();
    let outcome = match &args.service {
        Some(name) => circuits.reset(name).await,
        None => {
            if !args.yes && !confirmed(app)? {
                return print("nothing was reset\n");
            }
            circuits.reset_all().await
        }
    };
    let names = outcome.map_err(|error| failed(&error))?;
    network.close().await;
    if app.global.json {
        return print_json(&json!({"schema": "vps-configurator.circuit-breaker.reset/1", "services": names}));
    }
    match names.as_slice() {
        [one] => print(&format!("reset {one}\n"))?,
        many => print(&format!("reset {} circuits\n", many.len()))?,
    };
    if app.global.quiet == 0 {
        app.screen.line("hint: see `vps-configurator circuit-breaker status`");
    }
    Ok(Exit::Done)
}

fn confirmed(app: &App) -> Result<bool, Failure> {
    if !app.term.stdin_is_terminal {
        return Err(Failure::usage(
            "`reset --all` resets every circuit; add --yes where nobody can be asked",
        ));
    }
    let mut stderr = std::io::stderr().lock();
    drop(write!(stderr, "reset every circuit? [y/N] ").and_then(|()| stderr.flush()));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn hold(
    app: &App,
    network: &NetworkOperationWrapper,
    args: HoldArgs,
    mode: Hold,
    limit: Option<Duration>,
) -> Result<Exit, Failure> {
    if args.service == ServiceName::EXTERNAL_DOWNLOADS {
        // Held, it would stop nobody: a host's download asks that host's circuit.
        return Err(Failure::usage("external_downloads is many hosts, each with a circuit of its own").hint(
            "name one, as `external_downloads/example.com`; `status external_downloads` lists those in use",
        ));
    }
    let by = Some(app.environment.user.clone());
    let circuits = network.circuit_breakers();
    let service =
        circuits.hold(&args.service, mode, limit, args.reason, by).await.map_err(|error| failed(&error))?;
    network.close().await;
    let state = if mode == Hold::Open { "open" } else { "closed" };
    if app.global.json {
        return print_json(&json!({
            "schema": "vps-configurator.circuit-breaker.hold/1",
            "service": service,
            "state": state,
            "for_seconds": limit.map(|limit| limit.as_secs_f64()),
        }));
    }
    let until = limit.map_or_else(
        || "until it is reset".to_owned(),
        |limit| format!("for {}", humantime::format_duration(limit)),
    );
    print(&format!("{service} is held {state} {until}\n"))?;
    if app.global.quiet == 0 {
        app.screen
            .line(&format!("hint: let go of it with `vps-configurator circuit-breaker reset {service}`"));
    }
    Ok(Exit::Done)
}

fn failed(error: &ControlError) -> Failure {
    match error {
        ControlError::Unknown(unknown) => unknown_service(unknown),
        error => Failure::of_error(Exit::Local, Kind::Local, error)
            .hint("see `vps-configurator config path` for where state is kept"),
    }
}

#[cfg(test)]
mod tests {
    use vps_ops::settings::Settings;

    use super::*;

    #[test]
    fn every_service_says_how_many_calls_it_may_have_at_once() {
        let settings: Settings = serde_json::from_value(json!({
            "performance": {
                "bulkhead": {"max_queue": 9},
                "services": {"external_downloads": {"bulkhead": {"max_concurrent": 2}}},
            },
        }))
        .unwrap();
        let network = NetworkOperationWrapper::builder(settings.check().unwrap()).build();
        let document = json!({"schema": "s", "services": {
            "github": {"state": "closed"},
            "external_downloads/example.com": {"state": "open"},
        }});
        let document = with_bulkheads(document, &network);
        let services = &document["services"];
        assert_eq!(services["github"]["bulkhead"], json!({"max_concurrent": 4, "max_queue": 9}));
        let host = &services["external_downloads/example.com"];
        assert_eq!(*host, json!({"state": "open", "bulkhead": {"max_concurrent": 2, "max_queue": 9}}));
    }
}
