//! What several fetches of one clone or update share.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::foreign::Foreign;
use crate::git::{
    Alive, Change, CloneRequest, CloneWarning, Cloned, GitError, Module, Prepared, Ready, Staging, Update,
};
use crate::settings::Options;
use crate::workflow::Workflow;

use super::held::Grown;
use super::naming::{Naming, below};

/// Where what is fetched is made ready.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Beside DEST.
    Staging(Arc<Staging>),
    /// Inside the clone's git folder.
    Update(Arc<Update>),
}

impl Place {
    /// What must not go away while an attempt works in it.
    pub(super) fn alive(&self) -> Alive {
        match self {
            Self::Staging(staging) => Arc::clone(staging) as Alive,
            Self::Update(update) => Arc::clone(update) as Alive,
        }
    }

    /// An error about what is made ready there, by names that people know.
    pub(super) fn in_words(&self, error: GitError) -> GitError {
        match self {
            Self::Staging(staging) => staging.in_words(error),
            Self::Update(update) => update.in_words(error),
        }
    }

    pub(super) fn update(&self) -> Result<Arc<Update>, GitError> {
        match self {
            Self::Update(update) => Ok(Arc::clone(update)),
            Self::Staging(_) => Err(GitError::Protocol { why: "nothing is there to be updated".into() }),
        }
    }
}

/// One clone or update, as far as it is.
#[derive(Debug)]
pub(super) struct Fetching<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) request: &'a CloneRequest,
    pub(super) options: &'a Options,
    pub(super) place: Place,
    pub(super) cloned: Cloned,
    pub(super) ready: Ready,
    /// Filters that files ask for.
    pub(super) filters: BTreeSet<String>,
    /// What is there of one that grows beside DEST.
    pub(super) grown: Grown,
}

impl Fetching<'_> {
    /// Takes over what was made ready.
    pub(super) fn take(&mut self, prepared: Prepared) {
        self.cloned.bytes = self.cloned.bytes.saturating_add(prepared.made.bytes);
        self.filters.extend(prepared.made.filters);
        self.ready.changes.extend(prepared.change);
        for warning in prepared.warnings {
            self.warn(warning);
        }
    }

    /// Tells of what is not as it should be, now and with the result.
    pub(super) fn warn(&mut self, warning: CloneWarning) {
        self.workflow.warn(warning.clone());
        self.cloned.warnings.push(warning);
    }

    /// Tells, once for the clone and its modules, of filters that files ask for.
    pub(super) fn tell_unfiltered(&mut self) {
        let filters: Vec<Foreign> =
            std::mem::take(&mut self.filters).into_iter().map(Foreign::from).collect();
        if !filters.is_empty() {
            self.warn(CloneWarning::Unfiltered { filters });
        }
    }

    /// The change of the repository at `path` below the clone.
    pub(super) fn change_of(&self, path: &str) -> Option<&Change> {
        self.ready.changes.iter().find(|change| change.files() == path)
    }

    /// Tells the repository at `path`, with its git folder at `git` from the clone's, of a module that it has.
    pub(super) fn activate(&mut self, path: &str, git: String, update: &Update, module: (&str, &str)) {
        let (name, url) = module;
        let changes = &mut self.ready.changes;
        if !changes.iter().any(|change| change.files() == path) {
            changes.push(Change::of(path.to_owned(), git, update.free_room()));
        }
        for change in changes.iter_mut().filter(|change| change.files() == path) {
            change.configure("submodule", name, "active", "true");
            change.configure("submodule", name, "url", url);
        }
    }

    /// Tells of modules that belong to a repository no more: git leaves them, too.
    pub(super) fn tell_gone(&mut self, before: &[Module], now: &[Module], of: &Naming) {
        for module in before {
            let is_gone = !now.iter().any(|other| other.path == module.path);
            if is_gone && of.home.files.join(&*module.path).join(".git").exists() {
                let path = below(&of.path, &module.path);
                self.warn(CloneWarning::ModuleGone { path: path.into() });
            }
        }
    }
}
