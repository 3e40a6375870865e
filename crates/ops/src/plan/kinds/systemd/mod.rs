//! A unit of systemd is in a state, and has seen what changed.

mod ask;
mod unit;
mod verb;

use super::super::action::{SystemdAction, UnitState};
use super::super::run::{Done, Proof, StepContext, StepError};
use crate::foreign::Foreign;
pub(crate) use ask::Units;
use ask::{Refused, look, refused, run};
use unit::{Active, Load, Unit, UnitFile};
use verb::Verb;

/// Whether it is to run; nothing where it may be as it is.
fn is_to_run(action: &SystemdAction) -> Option<bool> {
    match action.state? {
        UnitState::Started | UnitState::Restarted | UnitState::Reloaded => Some(true),
        UnitState::Stopped => Some(false),
    }
}

/// Whether what is to be can be seen to be. A restart never can.
fn is_so(unit: &Unit, action: &SystemdAction) -> bool {
    let runs = match is_to_run(action) {
        Some(true) => unit.load == Load::Loaded && unit.active == Active::Running,
        Some(false) => matches!(unit.active, Active::Inactive | Active::Failed),
        None => true,
    };
    let begins = match action.enabled {
        // One that names others stays so, whatever is said of it.
        Some(true) => matches!(unit.file, UnitFile::Enabled | UnitFile::Indirect),
        Some(false) => !matches!(unit.file, UnitFile::Enabled | UnitFile::ForNow),
        None => true,
    };
    unit.load != Load::NotFound && runs && begins
}

/// What has it see a change: nothing where it does not run, since it sees it when it starts.
fn has_it_seen(unit: &Unit, action: &SystemdAction) -> Option<Verb> {
    match action.state {
        _ if unit.active == Active::Inactive || unit.active == Active::Failed => None,
        Some(UnitState::Stopped) => None,
        // One that is on its way cannot be told to read anything again: it may have read the old already.
        _ if unit.active != Active::Running => Some(Verb::Restart),
        Some(UnitState::Reloaded) => Some(Verb::Reload),
        Some(UnitState::Started | UnitState::Restarted) | None => Some(Verb::Restart),
    }
}

pub(super) async fn prove(cx: &StepContext, action: &SystemdAction) -> Result<Proof, StepError> {
    let unit = look(cx, &action.unit).await?;
    let is_pending = cx.is_told && has_it_seen(&unit, action).is_some();
    if is_so(&unit, action) && !is_pending {
        return Ok(Proof::Satisfied(None));
    }
    Ok(Proof::Missing(Some(action.unit.as_str().into())))
}

pub(super) async fn effect(cx: &StepContext, action: &SystemdAction) -> Result<Done, StepError> {
    let name = action.unit.as_str();
    let mut unit = look(cx, name).await?;
    let mut did: Vec<&str> = Vec::new();
    if unit.is_outdated || unit.load == Load::NotFound {
        run(cx, Verb::DaemonReload, None).await?;
        unit = look(cx, name).await?;
    }
    possible(cx, &unit, action).await?;
    let begins = match action.enabled {
        Some(true) if !matches!(unit.file, UnitFile::Enabled | UnitFile::Indirect) => Some(Verb::Enable),
        Some(false) if matches!(unit.file, UnitFile::Enabled | UnitFile::ForNow) => Some(Verb::Disable),
        _ => None,
    };
    let seeing = has_it_seen(&unit, action).filter(|_| cx.is_told);
    let runs = match is_to_run(action) {
        // A start would only wait for the one that is under way, which has seen who knows what.
        Some(true) if unit.active != Active::Running => seeing.or(Some(Verb::Start)),
        Some(false) if !matches!(unit.active, Active::Inactive | Active::Failed) => Some(Verb::Stop),
        _ => seeing,
    };
    for verb in begins.into_iter().chain(runs) {
        run(cx, verb, Some(name)).await?;
        did.push(verb.done());
    }
    let unit = look(cx, name).await?;
    let is_done = unit.is_done && matches!(runs, Some(Verb::Start | Verb::Restart));
    if !is_done && !is_so(&unit, action) {
        return Err(refused(cx, name, Refused::NotSo { unit: name.into(), state: state(&unit) }).await);
    }
    Ok(Done { changed: !did.is_empty(), what: Some(did.join(", ").into()), stamp: None, later: None })
}

/// Whether it can be had at all.
async fn possible(cx: &StepContext, unit: &Unit, action: &SystemdAction) -> Result<(), StepError> {
    let name: Foreign = action.unit.as_str().into();
    let is_wanted = is_to_run(action) == Some(true) || action.enabled == Some(true);
    let why = match &unit.load {
        Load::NotFound => Refused::NotFound { unit: name },
        Load::Masked if is_wanted => Refused::Masked { unit: name },
        Load::Bad(state) if is_wanted => Refused::Bad { unit: name, state: state.clone() },
        _ if action.enabled == Some(true) && unit.file == UnitFile::Static => Refused::Static { unit: name },
        _ => return Ok(()),
    };
    Err(refused(cx, &action.unit, why).await)
}

fn state(unit: &Unit) -> Foreign {
    let active = match &unit.active {
        Active::Running => "active",
        Active::Inactive => "inactive",
        Active::Failed => "failed",
        Active::Between(state) => state,
    };
    let file = match unit.file {
        UnitFile::Enabled => "enabled",
        UnitFile::ForNow => "enabled until the next boot",
        UnitFile::Disabled => "disabled",
        UnitFile::Indirect => "indirect",
        UnitFile::Static => "static",
        UnitFile::Masked => "masked",
    };
    format!("{active}, {file}").into()
}

#[cfg(test)]
mod tests;
