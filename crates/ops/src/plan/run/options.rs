//! How a plan is run, and why it may not be at all.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::super::module::Modules;
use super::super::secrets::Variables;
use super::selection::Selection;
use crate::foreign::Foreign;
use crate::store::StoreError;

/// Why nothing was run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The plan has no step of this name.
    #[error("the plan has no step `{id}`")]
    UnknownStep {
        /// Which.
        id: Foreign,
    },
    /// A step is to be done again that this run leaves out.
    #[error("the step `{id}` is to be done again, and is left out of this run")]
    RerunLeftOut {
        /// Which.
        id: Foreign,
    },
    /// A step is to be marked as done that this run leaves out.
    #[error("the step `{id}` is to be marked as done, and is left out of this run")]
    DoneLeftOut {
        /// Which.
        id: Foreign,
    },
    /// A step cannot be both.
    #[error("the step `{id}` is to be done again and was done by hand")]
    RerunAndDone {
        /// Which.
        id: Foreign,
    },
    /// The store does not answer.
    #[error("what earlier runs did cannot be read")]
    Store(#[from] StoreError),
}

/// How a plan is run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApplyOptions {
    /// Which steps.
    pub selection: Selection,
    /// Whether it is only looked what would be done.
    pub dry_run: bool,
    /// Whether everything is looked at anew, whatever earlier looks said.
    pub recheck: bool,
    /// Nothing is begun after so long.
    pub limit: Option<Duration>,
    /// How long circuits and connectivity are waited for in all.
    pub wait: Duration,
    /// Commands at once.
    pub jobs: NonZeroUsize,
    /// Stops the run when cancelled.
    pub cancel: CancellationToken,
    /// Where secrets may come from.
    pub variables: Variables,
    /// Where what commands say is kept.
    pub logs: Option<PathBuf>,
    /// What steps of modules can be.
    pub modules: Arc<Modules>,
    /// Where the files are that the machine itself has, as those of apt and dpkg: `/`, but where tests have a machine
    /// of their own.
    pub root: PathBuf,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            dry_run: false,
            recheck: false,
            limit: None,
            wait: Duration::ZERO,
            jobs: NonZeroUsize::MIN,
            cancel: CancellationToken::new(),
            variables: Variables::default(),
            logs: None,
            modules: Arc::default(),
            root: PathBuf::from("/"),
        }
    }
}
