//! What the kinds of steps work with.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::kinds::{Dpkg, Units};
use super::super::module::Modules;
use super::super::secret_text::SecretText;
use super::super::secrets::{self, SecretError, Variables};
use super::super::step::{Plan, Step};
use super::commits::Commits;
use super::journal::Journal;
use super::memo::Memo;
use super::outcome::StepError;
use crate::NetworkOperationWrapper;
use crate::deadline::Deadline;
use crate::download::{DownloadError, DownloadWarning, Held};
use crate::env::fs::Meta;
use crate::env::{Env, ProcessIdentity};
use crate::foreign::Foreign;
use crate::process::Begin;
use crate::settings::Options;

/// What all steps of a run work with.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) network: NetworkOperationWrapper,
    pub(crate) plan: Arc<Plan>,
    /// Where what commands say is kept; nowhere if there is no state folder.
    pub(crate) logs: Option<PathBuf>,
    pub(crate) cancel: CancellationToken,
    pub(crate) variables: Variables,
    /// Whether stamps of earlier looks count.
    pub(crate) recheck: bool,
    /// What is known of the units of systemd that the plan names.
    pub(crate) units: Units,
    /// Where the files are that the machine itself has: `/`.
    pub(crate) root: PathBuf,
    /// What dpkg has, as it was last read.
    pub(crate) dpkg: Dpkg,
    /// What there is to do for steps of modules.
    pub(crate) modules: Arc<Modules>,
    /// Where downloads become their files, in groups.
    pub(super) commits: Commits,
    /// Takes what a step is at.
    pub(crate) said: mpsc::Sender<(usize, Foreign)>,
}

/// What a kind has of its step.
#[derive(Clone, Debug)]
pub(crate) struct StepContext {
    pub(crate) ground: Arc<Ground>,
    /// Its place in the plan.
    pub(crate) at: usize,
    /// What is known of it, if it is still the same work.
    pub(crate) memo: Option<Arc<Memo>>,
    /// What is known of it, whatever it was then.
    pub(crate) last: Option<Arc<Memo>>,
    /// Whether somebody asked for it to be done again.
    pub(crate) is_asked: bool,
    pub(crate) journal: Arc<Mutex<Journal>>,
    /// Whether a step that it watches changed since it was last done.
    pub(crate) is_told: bool,
    /// Whether one of them changed since it was last tried, too.
    pub(crate) is_told_since: bool,
    /// Its limits.
    pub(crate) options: Options,
}

/// What a look at the machine says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Proof {
    /// There is nothing to do. What is worth knowing next time, where that is another thing than the last time.
    Satisfied(Option<Value>),
    /// There is something to do: what, in a few words.
    Missing(Option<Foreign>),
    /// That cannot be told by looking.
    Unknown,
    /// A condition of its own does not hold: it is neither to be done nor as it is to be, and as due as before.
    DoesNotApply,
}

/// What came of doing it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// Whether anything is other than before.
    pub(crate) changed: bool,
    /// What was done, in a few words.
    pub(crate) what: Option<Foreign>,
    /// What is worth knowing next time.
    pub(crate) stamp: Option<Value>,
    /// What is worth knowing in its place once it is sure to hold. Others do not wait for that.
    pub(crate) later: Option<Unsettled>,
}

/// A file that was verified, and whose times do not yet tell whether it changed since.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unsettled {
    pub(crate) path: PathBuf,
    /// What it was when it was verified.
    pub(crate) meta: Meta,
    /// For how long a change would not be seen.
    pub(crate) wait: Duration,
    /// What is then known of it.
    pub(crate) stamp: Value,
}

impl StepContext {
    pub(crate) fn env(&self) -> &Env {
        self.ground.network.env()
    }

    pub(crate) fn network(&self) -> &NetworkOperationWrapper {
        &self.ground.network
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.ground.plan
    }

    /// The step, if the plan has one at this place.
    pub(crate) fn step(&self) -> Option<&Step> {
        self.ground.plan.steps.get(self.at)
    }

    /// What was noted of it the last time, unless everything is to be looked at anew.
    pub(crate) fn stamp(&self) -> Option<&Value> {
        self.memo.as_ref().filter(|_| !self.ground.recheck)?.stamp.as_ref()
    }

    /// By when it must have ended.
    pub(crate) fn deadline(&self) -> Deadline {
        self.options.total.map_or(Deadline::NEVER, |limit| Deadline::after(self.env().now(), limit))
    }

    /// The same step, of whose limit so much was used.
    pub(in crate::plan) fn after(&self, spent: Duration) -> Self {
        let mut cx = self.clone();
        cx.options.total = cx.options.total.map(|total| total.saturating_sub(spent));
        cx
    }

    /// Makes what was fetched its file, in one go with what others fetched.
    pub(crate) async fn commit(&self, held: &Held) -> Result<Option<DownloadWarning>, DownloadError> {
        let write = || self.journal.lock().unwrap_or_else(PoisonError::into_inner).write();
        self.ground.commits.commit(self.env(), self.at, held, write).await
    }

    /// A path of the plan, from its folder on.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.ground.plan.folder.join(path)
    }

    /// A file of the machine itself, by its absolute path.
    pub(crate) fn machine(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.ground.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Says what it is at. What is said faster than it is heard is left out.
    pub(crate) fn say(&self, what: Foreign) {
        let _ = self.ground.said.try_send((self.at, what));
    }

    /// Warns of what is not as it should be, while the step goes on.
    pub(crate) fn warn(&self, what: &dyn std::fmt::Display) {
        let step = self.step().map(|step| step.id.as_str()).unwrap_or_default();
        tracing::warn!(operation = "plan_step", "{step}: {what}");
    }

    /// A text with its secrets in it.
    pub(crate) fn reveal(&self, text: &SecretText) -> Result<SecretString, StepError> {
        secrets::reveal(self.env(), self.plan(), &self.ground.variables, text)
            .map_err(|error: SecretError| StepError::local(&error))
    }
}

/// Writes down who does it, on the disk, before it is done: whoever finds that it was begun knows whom to wait for, and
/// that it was never done where nobody is named.
#[async_trait]
impl Begin for StepContext {
    async fn begins(&self, leader: &ProcessIdentity) -> bool {
        let Some(step) = self.step() else { return false };
        let sync = {
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            journal.note(&step.id, step.was.as_ref(), |memo| memo.leader = Some(leader.clone()));
            journal.sync()
        };
        sync.await.is_ok()
    }
}

/// For tests and contracts: one step outside of a run.
#[cfg(any(test, feature = "testing"))]
impl StepContext {
    /// The first step on this ground, of which nothing is known.
    pub(crate) fn first(ground: Ground) -> Self {
        let store = crate::store::StoreHandle::inline(crate::store::MemoryStore::outliving());
        let journal = Journal::empty(ground.network.env(), &store, &ground.plan.name, true);
        Self {
            ground: Arc::new(ground),
            at: 0,
            memo: None,
            last: None,
            is_asked: false,
            journal: Arc::new(Mutex::new(journal)),
            is_told: false,
            is_told_since: false,
            options: Options::new(),
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Ground {
    /// What a step of this plan works with, on the machine whose files are below `root`; what it says, too.
    pub(crate) fn of(
        network: &NetworkOperationWrapper,
        plan: Plan,
        root: &Path,
    ) -> (Self, mpsc::Receiver<(usize, Foreign)>) {
        let (said, heard) = mpsc::channel(1_024);
        let ground = Self {
            network: network.clone(),
            plan: Arc::new(plan),
            logs: None,
            cancel: CancellationToken::new(),
            variables: Variables::default(),
            recheck: false,
            units: Units::default(),
            root: root.to_owned(),
            dpkg: Dpkg::default(),
            modules: Arc::default(),
            commits: Commits::default(),
            said,
        };
        (ground, heard)
    }
}
