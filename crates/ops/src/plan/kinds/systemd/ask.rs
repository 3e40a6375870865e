//! systemctl is asked and told.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Mutex;

use super::super::super::action::Action;
use super::super::super::run::{StepContext, StepError};
use super::super::asked::asked;
use super::super::log;
use super::unit::{PROPERTIES, Unit, units};
use super::verb::Verb;
use crate::foreign::Foreign;
use crate::pipeline::Cause;
use crate::process::{Captured, CommandError, Ended, ProcessSpec, RetryOn, Shield, Transcript};
use crate::settings::Options;

/// How long systemd may take to say how a unit is.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// There where systemd runs (sd_booted(3)).
const RUNS: &str = "/run/systemd/system";

/// What is known of the plan's units, asked once for all of them and again after something was done.
#[derive(Debug, Default)]
pub(crate) struct Units(Mutex<Option<Arc<BTreeMap<String, Unit>>>>);

impl Units {
    /// They may be other ones than before.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

/// What systemd does not do.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("systemd does not run on this machine")]
    NoSystemd,
    #[error("systemctl cannot be asked")]
    Ask(#[source] CommandError),
    #[error("systemctl did not answer within {:.0}s", LOOK_LIMIT.as_secs_f64())]
    Silent,
    #[error("systemctl does not say how the units are")]
    Unsaid,
    #[error("systemd has no unit {unit}")]
    NotFound { unit: Foreign },
    #[error("{unit} is masked, so that nothing starts it")]
    Masked { unit: Foreign },
    #[error("systemd cannot load {unit}: {state}")]
    Bad { unit: Foreign, state: Foreign },
    #[error("{unit} cannot be enabled: it has no [Install] section")]
    Static { unit: Foreign },
    #[error("systemd could not {} {unit}", verb.as_str())]
    Failed { verb: Verb, unit: Foreign },
    #[error("systemd could not read its units again")]
    DaemonReload,
    #[error("{unit} is not as it is to be: {state}")]
    NotSo { unit: Foreign, state: Foreign },
}

fn local(error: &Refused) -> StepError {
    StepError::local(error)
}

fn systemctl(verb: &str) -> ProcessSpec {
    let spec = ProcessSpec::new("systemctl").args([verb, "--no-pager", "--no-ask-password"]);
    spec.variable("SYSTEMD_COLORS", "0").variable("LC_ALL", "C.UTF-8")
}

/// How a unit is, by what is known of all of them.
pub(super) async fn look(cx: &StepContext, name: &str) -> Result<Unit, StepError> {
    let mut known = cx.ground.units.0.lock().await;
    let all = match &*known {
        Some(all) => Arc::clone(all),
        None => Arc::clone(known.insert(Arc::new(ask(cx).await?))),
    };
    all.get(name).cloned().ok_or_else(|| local(&Refused::Unsaid))
}

async fn ask(cx: &StepContext) -> Result<BTreeMap<String, Unit>, StepError> {
    let mut names: Vec<String> = Vec::new();
    for step in &cx.plan().steps {
        if let Action::Systemd(unit) = &step.action
            && !names.contains(&unit.unit)
        {
            names.push(unit.unit.clone());
        }
    }
    let spec = systemctl("show").args([PROPERTIES, "--"]).args(&names);
    let said = capture(cx, &spec).await?;
    if said.ended != Ended::Code(0) {
        return Err(unasked(cx, &said));
    }
    let found = units(&said.stdout);
    if found.len() != names.len() {
        return Err(local(&Refused::Unsaid));
    }
    Ok(names.into_iter().zip(found).collect())
}

fn unasked(cx: &StepContext, said: &Captured) -> StepError {
    if cx.env().fs().look(Path::new(RUNS)).is_err() {
        return local(&Refused::NoSystemd);
    }
    let mut error = local(&Refused::Unsaid);
    error.tail = log::last_said(cx, &said.stderr);
    error
}

async fn capture(cx: &StepContext, spec: &ProcessSpec) -> Result<Captured, StepError> {
    let (shield, mut status) = (Shield::new(), ());
    let said = cx.network().context().runner().capture(cx.env(), spec, &shield, &mut status);
    asked(cx, LOOK_LIMIT, said).await.map_err(|error| {
        error.into_step(&Refused::Silent, |error| match error {
            CommandError::NotFound { .. } => Refused::NoSystemd,
            error => Refused::Ask(error),
        })
    })
}

/// Has something done. How all units are is asked anew afterwards, whatever came of it.
pub(super) async fn run(cx: &StepContext, verb: Verb, unit: Option<&str>) -> Result<(), StepError> {
    let mut spec = systemctl(verb.as_str());
    if let Some(unit) = unit {
        spec = spec.args(["--", unit]);
    }
    let said = Transcript::new().map_err(|error| StepError::local(&error))?;
    // All that systemd is told can be told again.
    let attempts = cx.options.attempts.unwrap_or(NonZeroU32::MIN);
    let options = Options { attempts: Some(attempts), ..cx.options.clone() };
    let outcome = cx.network().commands().work(&spec, &RetryOn::default(), cx, &said, &options).await;
    cx.ground.units.forget().await;
    let Err(error) = outcome else { return Ok(()) };
    let mut failed = match (&error.cause, unit) {
        (Cause::Operation(CommandError::Code { .. }), Some(unit)) => {
            let said = log::keep(cx, &said, &[]);
            let why = Refused::Failed { verb, unit: unit.into() };
            let mut failed = refused(cx, unit, why).await;
            failed.causes = said.tail;
            failed.log = said.log;
            failed
        }
        (Cause::Operation(CommandError::Code { .. }), None) => {
            let (mut failed, said) = (local(&Refused::DaemonReload), log::keep(cx, &said, &[]));
            (failed.log, failed.tail) = (said.log, said.tail);
            failed
        }
        _ => StepError::of(&error),
    };
    failed.attempts = error.attempts();
    Err(failed)
}

/// Why it could not be had, with the last that systemd and the unit said.
pub(super) async fn refused(cx: &StepContext, unit: &str, why: Refused) -> StepError {
    let mut error = local(&why);
    let spec = systemctl("status").args(["--full", "--lines=20", "--", unit]);
    if let Ok(said) = capture(cx, &spec).await {
        error.tail = log::last_said(cx, &said.stdout);
    }
    error
}
