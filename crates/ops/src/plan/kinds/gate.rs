//! Something outside is as it must be before others go on.

use std::path::Path;
use std::time::Duration;

use url::Url;
use vps_retry::{Class, Kind};

use super::super::action::{Gate, GateCheck};
use super::super::run::{Done, StepContext, StepError};
use crate::foreign::Foreign;
use crate::probe::Places;
use crate::service::ServiceName;
use crate::settings::{ProbeKind, ProbePlace};

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How long one look may take, where it is waited for so long.
const ONE_LOOK: Duration = Duration::from_secs(10);

/// What is not as it must be.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error("{what} was not answered within {:.0}s", .wait.as_secs_f64())]
    Unreached { what: Foreign, wait: Duration },
    #[error("the circuit of {service} let nothing through within {:.0}s", .wait.as_secs_f64())]
    Circuit { service: ServiceName, wait: Duration },
    #[error("{path} was not there within {:.0}s", .wait.as_secs_f64())]
    NotThere { path: Foreign, wait: Duration },
    #[error("`{text}` cannot be asked")]
    Unaskable { text: Foreign },
}

pub(super) async fn effect(cx: &StepContext, gate: &Gate) -> Result<Done, StepError> {
    let until = cx.env().now().after(gate.wait);
    loop {
        let look = is_open(cx, &gate.check, gate.wait.clamp(EVERY, ONE_LOOK));
        let is_open = tokio::select! {
            biased;
            () = cx.ground.cancel.cancelled() => return Err(StepError::stopped()),
            is_open = look => is_open?,
        };
        if is_open {
            return Ok(Done::default());
        }
        if cx.env().now() >= until {
            return Err(closed(gate));
        }
        let next = cx.env().now().after(EVERY).min(until);
        tokio::select! {
            biased;
            () = cx.ground.cancel.cancelled() => return Err(StepError::stopped()),
            () = cx.env().bell(next) => {}
        }
    }
}

async fn is_open(cx: &StepContext, check: &GateCheck, limit: Duration) -> Result<bool, StepError> {
    let (kind, url, text) = match check {
        GateCheck::Exists(path) => return Ok(is_there(cx, path)),
        GateCheck::Service(name) => {
            let status = cx.network().get_circuit_breaker_status().await;
            let circuit = status.get(&ServiceName::from(name.as_str()));
            return Ok(circuit.is_none_or(|circuit| circuit.retry_after.is_none()));
        }
        GateCheck::Connect(place) => (ProbeKind::Tcp, format!("http://{place}/"), place),
        GateCheck::Dns(name) => (ProbeKind::Dns, format!("http://{name}/"), name),
        GateCheck::Http(url) => (ProbeKind::Http, url.clone(), url),
    };
    let unaskable = || StepError::local(&Closed::Unaskable { text: text.as_str().into() });
    let mut place = ProbePlace::http(Url::parse(&url).map_err(|_| unaskable())?);
    place.kind = kind;
    let probe = cx.network().health().network_probe(Places::default());
    let probe = probe.map_err(|error| StepError::local(&error))?;
    let found = probe.look_at(&place, limit).await;
    Ok(match kind {
        ProbeKind::Http => found.status.is_some_and(|status| status < 400),
        _ => found.error.is_none(),
    })
}

fn is_there(cx: &StepContext, path: &Path) -> bool {
    cx.env().fs().look_through(&cx.path(path)).is_ok()
}

fn closed(gate: &Gate) -> StepError {
    let wait = gate.wait;
    let (error, class) = match &gate.check {
        GateCheck::Exists(path) => (Closed::NotThere { path: Foreign::of_path(path), wait }, Class::Local),
        GateCheck::Service(name) => {
            (Closed::Circuit { service: name.as_str().into(), wait }, Class::Transient)
        }
        GateCheck::Connect(what) | GateCheck::Dns(what) | GateCheck::Http(what) => {
            (Closed::Unreached { what: what.as_str().into(), wait }, Class::Transient)
        }
    };
    StepError::new(&error, Kind::Timeout, class)
}
