//! What every step may have.

use super::GateText;
use super::{AptRepositoryText, Command, Download, File, Git, Module, Packages, Systemd, When};
use super::{keys, words};
use crate::plan::decode::{At, Decode, List, Number, Problems};
use crate::plan::problem::Expected;
use crate::plan::step::OnFailure;
use crate::plan::tree::{Node, Value};

keys! {
    /// A step: one thing that is done, and when.
    StepText requires [id] {
        /// Its name: a-z, 0-9, `.`, `_`, `-`, 64 at most. It tells the step from all others, also in the next run.
        id: String,
        /// What it was called before, where that is remembered (`once`, `on_change`).
        was: String,
        /// Is done for each of these texts, as `${item}`, as a step of its own: `id[item]`.
        each: List<At<String>>,
        /// It is done after these, and only if they succeeded. Without `needs` it is done after all above it, also if
        /// they failed; `[]` is after none.
        needs: List<At<String>>,
        /// What must hold for it to be done: all of the keys.
        when: When,
        /// What its failure means: `skip-dependents` (those that need it are not done), `stop` (nothing more is
        /// begun, also where it is left), `continue` (those that need it are done all the same).
        on_failure: OnFailure,
        /// The longest it may take: seconds, or `90s`, `5m`.
        timeout: String,
        /// Attempts in all.
        retries: Number,
        /// The service whose circuit breaker and limits hold, instead of its host's.
        circuit: String,
        /// Packages of apt's: a list, or a group with `names` and `upgrade`.
        packages: Packages,
        /// A repository of packages, with its key.
        apt_repository: AptRepositoryText,
        /// A file from a server, unpacked where asked.
        download: Download,
        /// A clone of a git repository.
        git: Git,
        /// A file with a content.
        file: File,
        /// A command, and how it is known that it need not run.
        command: Command,
        /// A unit of systemd.
        systemd: Systemd,
        /// Something that is waited for, asked only where what needs it is about to be done.
        gate: GateText,
        /// A module that this program was built with.
        module: Module,
    }
}

/// The steps of a plan, here only counted: each is read when it is filled in, as all of them at once would be the most
/// that a run has in memory.
#[derive(Debug)]
pub(in crate::plan) struct Steps(pub(in crate::plan) usize);

impl Steps {
    /// Where they stand in a plan.
    pub(in crate::plan) const KEY: &'static str = "steps";
}

impl Decode for Steps {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(Self(items.len())),
            _ => {
                problems.wrong_type(node, Expected::List);
                None
            }
        }
    }
}

keys! {
    /// What holds for each step that does not say otherwise.
    Defaults requires [] {
        /// As in a step.
        on_failure: OnFailure,
        /// As in a step.
        timeout: String,
        /// As in a step.
        retries: Number,
        /// As in a step.
        circuit: String,
    }
}

keys! {
    /// Where a secret comes from: one of these.
    SecretText requires [] {
        /// A file that nobody but its owner, and at most its group, may read. Its last line break is left out.
        file: String,
        /// A credential of systemd's: a file in `$CREDENTIALS_DIRECTORY`.
        credential: String,
        /// A variable of the environment.
        env: String,
    }
}

words! {
    OnFailure {
        "skip-dependents" => OnFailure::SkipDependents,
        "stop" => OnFailure::Stop,
        "continue" => OnFailure::Continue,
    }
}
