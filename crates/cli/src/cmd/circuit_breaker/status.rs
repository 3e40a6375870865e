//! `circuit-breaker status`: what is told of circuits, and where it is from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use vps_ops::circuit::{CircuitStatus, rfc3339};
use vps_ops::foreign::shown;
use vps_ops::service::ServiceName;
use vps_ops::store::{STATUS_FILE, SqliteStore, StatusSnapshot, StoreHandle};
use vps_ops::{Kind, NetworkOperationWrapper, State};

use crate::app::{App, named};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::program;
use crate::report::document::{BulkheadLimits, ServiceStatus, Status, SystemStatus};
use crate::report::{Failure, document, print, print_json};

/// Where root's circuits are shown to everyone.
const SYSTEM_STATE: &str = "/var/lib/vps-configurator";

/// What is told of, and where it is from.
struct Seen {
    circuits: BTreeMap<ServiceName, CircuitStatus>,
    source: Source,
}

/// Where what is told was read.
enum Source {
    Store,
    /// Circuits end with each command.
    Memory,
    /// The store could not be read.
    Snapshot {
        path: PathBuf,
        written_at: String,
        why: String,
    },
}

impl Source {
    fn document(&self, wall: Duration) -> document::Source {
        match self {
            Self::Store => document::Source::Store,
            Self::Memory => document::Source::Memory,
            Self::Snapshot { path, written_at, why } => document::Source::Snapshot {
                path: path.display().to_string(),
                written_at: written_at.clone(),
                age_seconds: age(written_at, wall).map(|age| age.as_secs_f64()),
                why: why.clone(),
            },
        }
    }

    fn words(&self, wall: Duration) -> Option<String> {
        match self {
            Self::Store => None,
            Self::Memory => Some("circuits are kept in memory only: each command has its own".to_owned()),
            Self::Snapshot { path, written_at, why } => {
                let age =
                    age(written_at, wall).map(|age| format!(", {} ago", humantime::format_duration(age)));
                let age = age.unwrap_or_default();
                Some(format!("from {} as of {written_at}{age}: {why}", shown(path)))
            }
        }
    }
}

/// Whole seconds since then.
fn age(written_at: &str, wall: Duration) -> Option<Duration> {
    let written = humantime::parse_rfc3339(written_at).ok()?;
    let written = written.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(wall.as_secs().saturating_sub(written.as_secs())))
}

/// A failure in one line.
fn with_causes(failure: &Failure) -> String {
    failure.causes.iter().fold(failure.message.clone(), |text, cause| format!("{text}: {cause}"))
}

/// The circuits as the store has them, else as its snapshot does; an error where neither can be read.
async fn see(app: &App, loaded: &Loaded, network: NetworkOperationWrapper) -> Result<Seen, Failure> {
    let Some(folder) = app.state_folder(loaded) else {
        return Ok(Seen { circuits: network.get_circuit_breaker_status().await, source: Source::Memory });
    };
    let warn = Box::new(|text: &str| tracing::warn!(operation = "state", "{text}"));
    let failure = match SqliteStore::open_existing(&folder, &app.env, warn) {
        Ok(_) => match network.circuit_breakers().stored_status().await {
            Ok(circuits) => return Ok(Seen { circuits, source: Source::Store }),
            Err(error) => Failure::of_error(Exit::Local, Kind::Local, &error),
        },
        Err(error) => Failure::of_error(Exit::Local, Kind::Local, &error),
    };
    let snapshot = StatusSnapshot::read(app.env.fs(), folder.path()).ok();
    let store = snapshot.as_ref().and_then(StatusSnapshot::store);
    let (Some(snapshot), Some(store)) = (snapshot, store) else {
        return Err(failure.hint(format!(
            "see `{program} config path` for where state is kept",
            program = program::name()
        )));
    };
    let network = NetworkOperationWrapper::builder(loaded.policies.clone()).env(app.env.clone());
    let network = network.store(StoreHandle::inline(store)).build();
    let source = Source::Snapshot {
        path: folder.path().join(STATUS_FILE),
        written_at: snapshot.written_at().unwrap_or_default().to_owned(),
        why: with_causes(&failure),
    };
    Ok(Seen { circuits: network.get_circuit_breaker_status().await, source })
}

pub(super) async fn status(
    app: &App,
    loaded: &Loaded,
    network: NetworkOperationWrapper,
    only: Option<&str>,
) -> Result<Exit, Failure> {
    let only = only.map(|name| named(&network, name)).transpose()?;
    let is_asked = |name: &str| {
        only.as_ref().is_none_or(|service| {
            let group = service.as_str() == ServiceName::EXTERNAL_DOWNLOADS;
            name == service.as_str() || (group && ServiceName::from(name).group() == service.as_str())
        })
    };
    let wall = network.env().wall();
    let snapshot =
        StatusSnapshot::read(app.env.fs(), SYSTEM_STATE.as_ref()).ok().filter(|_| !app.environment.is_root);
    let system = snapshot.and_then(|snapshot| of_the_system(&snapshot, is_asked));
    let seen = match see(app, loaded, network.clone()).await {
        // Their own store is not all that others have.
        Err(failure) if system.is_none() => return Err(failure),
        Err(failure) => Err(failure),
        Ok(mut seen) => {
            // Never used, or long ago.
            let missing = only.as_ref().filter(|name| !seen.circuits.contains_key(*name));
            let unseen = missing.map(|service| network.circuit_breakers().unseen(service, &seen.circuits));
            seen.circuits.retain(|name, _| is_asked(name.as_str()));
            seen.circuits.extend(unseen.map(|status| (status.service.clone(), status)));
            Ok(seen)
        }
    };
    if app.global.json {
        let source = seen.as_ref().map_or_else(
            |failure| document::Source::None { why: with_causes(failure) },
            |seen| seen.source.document(wall),
        );
        let circuits = seen.ok().map(|seen| seen.circuits).unwrap_or_default();
        return print_json(&Status {
            generated_at: rfc3339(wall.as_secs_f64()),
            services: circuits.values().map(|status| with_bulkhead(status, &network)).collect(),
            source,
            system,
        });
    }
    let mut text = String::new();
    match &seen {
        Ok(seen) => {
            text = table(&seen.circuits);
            if only.is_some() {
                explain_each(&seen.circuits, &network, &mut text);
            }
            if let Some(words) = seen.source.words(wall) {
                let _ = writeln!(text, "\n{words}");
            }
        }
        Err(failure) => drop(writeln!(text, "{}", with_causes(failure))),
    }
    if let Some(system) = &system {
        system_words(system, &mut text);
    }
    print(&text)
}

fn explain_each(
    circuits: &BTreeMap<ServiceName, CircuitStatus>,
    network: &NetworkOperationWrapper,
    text: &mut String,
) {
    for status in circuits.values() {
        let _ = writeln!(text, "{}: {}", status.service, explain(status));
        if let Some(own) = &status.own {
            let _ = writeln!(text, "{} itself: {}", own.service, explain(own));
        }
        let bulkhead = network.policies().of(&status.service).bulkhead;
        let _ = writeln!(
            text,
            "{}: at most {} calls at once in each process; {} more may wait",
            status.service, bulkhead.max_concurrent, bulkhead.max_queue
        );
    }
}

/// A circuit and the limit on calls at once. How many there are now only each process knows of itself.
fn with_bulkhead(status: &CircuitStatus, network: &NetworkOperationWrapper) -> (String, ServiceStatus) {
    let bulkhead = network.policies().of(&status.service).bulkhead;
    let limits =
        BulkheadLimits { max_concurrent: bulkhead.max_concurrent.get(), max_queue: bulkhead.max_queue };
    (status.service.to_string(), ServiceStatus { circuit: status.into(), bulkhead: limits })
}

fn table(all: &BTreeMap<ServiceName, CircuitStatus>) -> String {
    let mut rows: Vec<(String, &CircuitStatus)> = Vec::new();
    for status in all.values() {
        rows.push((status.service.to_string(), status));
        if let Some(own) = &status.own {
            // What `run --service` of that name goes by.
            rows.push((format!("{} (itself)", own.service), own));
        }
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max("SERVICE".len());
    let mut text = format!(
        "{:width$}  {:9}  {:>8}  {:>8}  {:>8}  NOTE\n",
        "SERVICE", "STATE", "FAILURES", "CALLS", "REFUSED"
    );
    for (name, status) in rows {
        let note = match (&status.by_hand, status.retry_after) {
            (Some(hand), _) => format!("held {} by hand", hand.state),
            (None, Some(after)) => format!("probe in {:.0}s", after.as_secs_f64().ceil()),
            (None, None) if status.state == State::HalfOpen => "the next call is a probe".to_owned(),
            (None, None) => String::new(),
        };
        let line = format!(
            "{name:width$}  {:9}  {:>8}  {:>8}  {:>8}  {note}",
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

/// What the system's own runs know, for users who may not read its store: when, and the services asked for.
fn of_the_system(snapshot: &StatusSnapshot, is_asked: impl Fn(&str) -> bool) -> Option<SystemStatus> {
    let mut services = snapshot.document.get("services")?.as_object()?.clone();
    services.retain(|name, _| is_asked(name));
    let generated_at = snapshot.written_at().map(str::to_owned);
    Some(SystemStatus { generated_at, path: SYSTEM_STATE, services })
}

fn system_words(system: &SystemStatus, text: &mut String) {
    let at = system.generated_at.as_deref().unwrap_or_default();
    let _ = writeln!(text, "\nof the system's runs, as of {at}:");
    for (name, status) in &system.services {
        let state = status.get("state").and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(text, "  {name}  {state}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vps_ops::settings::Settings;

    use super::*;

    #[test]
    fn of_the_systems_runs_what_was_asked_for_is_told() {
        let document = json!({
            "generated_at": "2026-01-02T03:04:05Z",
            "services": {"github": {"state": "open"}, "docker_hub": {"state": "closed"}},
        });
        let snapshot = StatusSnapshot { document };
        let one = of_the_system(&snapshot, |name| name == "github").unwrap();
        assert_eq!(Value::from(one.services.clone()), json!({"github": {"state": "open"}}));
        let mut text = String::new();
        system_words(&one, &mut text);
        assert_eq!(text, "\nof the system's runs, as of 2026-01-02T03:04:05Z:\n  github  open\n");
        let all = of_the_system(&snapshot, |_| true).unwrap();
        assert_eq!(all.services.len(), 2);
    }

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
        let limits = |service: &str| {
            let known = BTreeMap::new();
            let unseen = network.circuit_breakers().unseen(&service.into(), &known);
            let (name, status) = with_bulkhead(&unseen, &network);
            assert_eq!(name, service);
            (status.bulkhead.max_concurrent, status.bulkhead.max_queue)
        };
        assert_eq!(limits("github"), (4, 9));
        assert_eq!(limits("external_downloads/example.com"), (2, 9));
    }
}
