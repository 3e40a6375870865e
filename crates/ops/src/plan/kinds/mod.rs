//! What each kind of step looks at, fetches and does.

mod apt_key;
mod apt_repository;
mod apt_source;
mod asked;
mod change;
mod command;
mod diff;
mod download;
mod dpkg;
mod file;
mod gate;
#[cfg(feature = "git")]
pub(super) mod git;
mod log;
mod module;
pub(super) mod packages;
mod scrub;
mod systemd;
mod unpacked;
mod unpacked_anew;

use serde_json::Value;

use super::action::{Action, ActionKind};
use super::module::ModuleLane;
use super::run::order::{Decides, Lane};
use super::run::{Done, Fetched, Proof, StepContext, StepError};
pub use change::{ContentChange, FileChange, NotShown, file_change};
pub use diff::FileDiff;
pub(super) use file::{Wanted, is_there, put_at};
pub(super) use packages::lacking;
pub(super) use systemd::Units;

pub(crate) use dpkg::Dpkg;
pub(super) use log::last_lines;
pub(super) use scrub::lines_of;

/// This program was built without it.
#[cfg(not(feature = "git"))]
#[derive(Debug, thiserror::Error)]
#[error("this program was built without git")]
struct NoGit;

/// Looks whether there is anything to do: without a request and without a change.
///
/// # Errors
/// Where it cannot be looked, and doing it could not help.
pub(super) async fn prove(cx: &StepContext) -> Result<Proof, StepError> {
    let Some(step) = cx.step() else { return Ok(Proof::Unknown) };
    match &step.action {
        Action::File(file) => file::prove(cx, file).await,
        Action::Download(download) => download::prove(cx, download).await,
        Action::Packages(packages) => packages::prove(cx, packages),
        Action::AptRepository(repository) => apt_repository::prove(cx, repository),
        #[cfg(feature = "git")]
        Action::Git(git) => git::prove(cx, git).await,
        Action::Module(module) => module::prove(cx, module).await,
        Action::Gate(_) => Ok(Proof::Missing(None)),
        Action::Command(command) => Box::pin(command::prove(cx, command)).await,
        Action::Systemd(unit) => Box::pin(systemd::prove(cx, unit)).await,
        #[cfg(not(feature = "git"))]
        Action::Git(_) => Ok(Proof::Unknown),
    }
}

/// Looks whether what is to be done could be, where it is only looked.
///
/// # Errors
/// Why not, as far as that can be known without doing it.
pub(super) async fn check_places(cx: &StepContext) -> Result<(), StepError> {
    match cx.step().map(|step| &step.action) {
        Some(Action::Download(download)) => download::check_places(cx, download).await,
        _ => Ok(()),
    }
}

/// Takes away what a run left beside it that was killed before it could: of what is as it is to be, nobody else would.
pub(super) async fn sweep(cx: &StepContext) {
    match cx.step().map(|step| &step.action) {
        Some(Action::Download(download)) => {
            if let Some(unpack) = &download.unpack {
                unpacked::sweep(cx, download, unpack).await;
            }
        }
        #[cfg(feature = "git")]
        Some(Action::Git(git)) => git::sweep(cx, git).await,
        _ => {}
    }
}

/// Looks whether what was done just now is as it is to be.
///
/// # Errors
/// As [`prove`].
pub(super) async fn verify(cx: &StepContext) -> Result<Proof, StepError> {
    match cx.step().map(|step| &step.action) {
        Some(Action::Command(command)) => Ok(command::verify(cx, command)),
        // Who did it has looked.
        Some(Action::Systemd(_)) => Ok(Proof::Satisfied(None)),
        _ => prove(cx).await,
    }
}

/// What is worth knowing next time of a step that somebody did by hand.
pub(super) fn stamp(cx: &StepContext, action: &Action) -> Option<Value> {
    match action {
        Action::Command(_) => Some(command::stamp(cx)),
        Action::Download(download) => download::stamp_of_hand(download),
        _ => None,
    }
}

/// Whether it is known only from earlier runs whether it is to be done.
pub(super) fn needs_journal(action: &Action) -> bool {
    match action {
        Action::Command(command) => command.guards.once.is_some() || !command.guards.on_change.is_empty(),
        Action::Systemd(unit) => !unit.on_change.is_empty(),
        _ => false,
    }
}

/// Whether it must not be done again where it may have been done.
pub(super) fn is_once(action: &Action) -> bool {
    match action {
        Action::Command(command) => command.guards.once.is_some() && !command.guards.idempotent,
        _ => false,
    }
}

/// Fetches what it needs, unseen, if that is kept for its turn. [Packages](packages::fetch) are fetched for several, and
/// [clones](git::fetch) are out of the way of their turn.
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
    let done = match &step.action {
        Action::File(file) => file::effect(cx, file).await,
        Action::Download(download) => Box::pin(download::effect(cx, download, fetched)).await,
        Action::Gate(gate) => gate::effect(cx, gate).await,
        Action::Command(command) => Box::pin(command::effect(cx, command)).await,
        Action::Systemd(unit) => Box::pin(systemd::effect(cx, unit)).await,
        Action::Packages(packages) => packages::effect(cx, packages).await,
        Action::AptRepository(repository) => Box::pin(apt_repository::effect(cx, repository)).await,
        #[cfg(feature = "git")]
        Action::Git(git) => Box::pin(git::effect(cx, git, fetched)).await,
        #[cfg(not(feature = "git"))]
        Action::Git(_) => Err(StepError::local(&NoGit)),
        Action::Module(module) => module::effect(cx, module).await,
    };
    // A package or a file may be a unit.
    cx.ground.units.forget().await;
    done
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

/// The same of a module that says it itself.
pub(super) fn lane_of(lane: ModuleLane) -> Lane {
    match lane {
        ModuleLane::Modules => Lane::Module,
        ModuleLane::Apt => Lane::Apt,
        ModuleLane::Systemd => Lane::Systemd,
        ModuleLane::Files => Lane::Files,
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
    let is_clone = kind == ActionKind::Git && cfg!(feature = "git");
    is_clone || matches!(kind, ActionKind::Download | ActionKind::Packages)
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
        // Verified before it was put in place; a second look would read all of it once more.
        Action::Download(_) => false,
        // Whether a branch moved its server says, not a look.
        Action::Git(git) => git.commit.is_some() || !git.update,
        // Both files were compared when they were put in place, and apt read its lists.
        Action::AptRepository(_) => false,
        // It looks itself, to be able to undo what it did.
        Action::Module(_) => false,
        _ => true,
    }
}

/// Whether something is written down of it. What a gate asked was true then, and says nothing of the next run.
pub(super) fn is_noted(kind: ActionKind) -> bool {
    kind != ActionKind::Gate
}

/// Whether what it does ends by itself within the step's limit.
pub(super) fn keeps_its_limit(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::Packages
            | ActionKind::Download
            | ActionKind::Git
            | ActionKind::Command
            | ActionKind::Module
    )
}

#[cfg(test)]
mod tests;
