//! What each kind of step looks at, fetches and does.

mod download;
mod file;
mod gate;
mod owners;

use super::action::{Action, ActionKind};
use super::run::order::{Decides, Lane};
use super::run::{Done, Fetched, Proof, StepContext, StepError};

/// Looks whether there is anything to do: without a request and without a change.
///
/// # Errors
/// Where it cannot be looked, and doing it could not help.
pub(super) async fn prove(cx: &StepContext) -> Result<Proof, StepError> {
    let Some(step) = cx.step() else { return Ok(Proof::Unknown) };
    match &step.action {
        Action::File(file) => file::prove(cx, file).await,
        Action::Download(download) => download::prove(cx, download).await,
        Action::Gate(_) => Ok(Proof::Missing(None)),
        _ => Ok(Proof::Unknown),
    }
}

/// Fetches what it needs, unseen.
///
/// # Errors
/// Why it could not be fetched.
pub(super) async fn fetch(cx: &StepContext) -> Result<Option<Fetched>, StepError> {
    let Some(step) = cx.step() else { return Ok(None) };
    match &step.action {
        Action::Download(download) => download::fetch(cx, download).await,
        _ => Ok(None),
    }
}

/// Does it.
///
/// # Errors
/// Why it could not be done; what it works on is then as it was, as far as the kind can promise that.
pub(super) async fn effect(cx: &StepContext, fetched: Option<Fetched>) -> Result<Done, StepError> {
    let Some(step) = cx.step() else { return Ok(Done::default()) };
    match &step.action {
        Action::File(file) => file::effect(cx, file).await,
        Action::Download(download) => download::effect(cx, download, fetched).await,
        Action::Gate(gate) => gate::effect(cx, gate).await,
        _ => Ok(Done::default()),
    }
}

/// What runs beside it.
pub(super) fn lane(kind: ActionKind) -> Lane {
    match kind {
        ActionKind::Packages => Lane::Apt,
        ActionKind::Systemd => Lane::Systemd,
        ActionKind::Command => Lane::Command,
        ActionKind::Module => Lane::Module,
        ActionKind::Gate => Lane::Gate,
        // A repository has its lists read, as `apt update` does.
        ActionKind::AptRepository => Lane::Apt,
        ActionKind::Download | ActionKind::Git | ActionKind::File => Lane::Files,
    }
}

/// What it may change about the bytes that others fetch.
pub(super) fn decides(kind: ActionKind) -> Decides {
    match kind {
        ActionKind::Gate => Decides::All,
        ActionKind::AptRepository => Decides::Packages,
        ActionKind::Command | ActionKind::Module => Decides::Dependents,
        _ => Decides::Nothing,
    }
}

/// Whether neighbours of its kind do not wait for one another.
pub(super) fn joins(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Download | ActionKind::Git)
}

/// Whether there is something to fetch before its turn.
pub(super) fn fetches(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Download)
}

/// Whether it needs the network, so that it is left for later where there is none.
pub(super) fn is_online(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::Packages
            | ActionKind::AptRepository
            | ActionKind::Download
            | ActionKind::Git
            | ActionKind::Gate
    )
}

/// Whether it runs code of others, so that its beginning is on the disk before it begins.
pub(super) fn runs_foreign_code(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Packages | ActionKind::Command | ActionKind::Systemd | ActionKind::Module)
}

/// Whether a look tells that it was done well.
pub(super) fn is_proved_again(action: &Action) -> bool {
    match action {
        Action::Gate(_) => false,
        Action::Command(command) => command.guards.creates.is_some() || command.guards.removes.is_some(),
        Action::Download(download) => download.dest.is_some() && download.checksum.is_some(),
        _ => true,
    }
}

/// Whether what it does ends by itself within the step's limit.
pub(super) fn keeps_its_limit(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Packages | ActionKind::Download | ActionKind::Git | ActionKind::Command)
}
