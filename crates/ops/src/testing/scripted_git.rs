//! Clones whose outcomes are written down beforehand: for what stands above the adapter.
//!
//! ```
//! use vps_ops::git::{Git, GitError};
//! use vps_ops::testing::scripted_git::ScriptedGit;
//!
//! let git = ScriptedGit::new(|url, attempt| match attempt {
//!     1 => Err(GitError::CutOff),
//!     _ => Ok(format!("a file of {url}")),
//! });
//! # let _: &dyn Git = &git;
//! ```

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::attempt::Attempt;
use crate::env::Env;
use crate::git::{
    CloneRequest, Git, GitError, GitUrl, Made, Module, OwnClone, Prepared, Ready, Step, There, Update,
};

type Outcome = dyn Fn(&GitUrl, u32) -> Result<String, GitError> + Send + Sync;
type Takes = dyn Fn() -> Duration + Send + Sync;

/// Makes clones that hold one file, without git and without any network.
pub struct ScriptedGit {
    outcome: Box<Outcome>,
    takes: Option<(Env, Box<Takes>)>,
}

impl fmt::Debug for ScriptedGit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedGit").finish_non_exhaustive()
    }
}

impl ScriptedGit {
    /// Ends each attempt by `outcome`, which is told the repository and the attempt's number, from 1: the
    /// content of the clone's only file, named `file`, or what went wrong.
    pub fn new(outcome: impl Fn(&GitUrl, u32) -> Result<String, GitError> + Send + Sync + 'static) -> Self {
        Self { outcome: Box::new(outcome), takes: None }
    }

    /// Has each attempt take as long as `takes` says, by the clock of `env`.
    #[must_use]
    pub fn taking(mut self, env: &Env, takes: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.takes = Some((env.clone(), Box::new(takes)));
        self
    }

    fn make(&self, attempt: &Attempt, step: &Step, folder: &Path) -> Result<Made, GitError> {
        let text = (self.outcome)(&step.url, attempt.number)?;
        let failed = |source| GitError::Local { doing: "write a file".to_owned().into(), source };
        fs::write(folder.join("file"), &text).map_err(failed)?;
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(Made { commit: "0".repeat(40).parse().ok(), bytes, ..Made::default() })
    }
}

#[async_trait]
impl Git for ScriptedGit {
    /// Nothing is ever there.
    async fn look(&self, _request: &CloneRequest) -> Result<There, GitError> {
        Ok(There::Free)
    }

    async fn fetch(&self, attempt: &Attempt, step: &Step) -> Result<Made, GitError> {
        if let Some((env, takes)) = &self.takes {
            env.sleep(takes()).await;
        }
        self.make(attempt, step, &step.folder)
    }

    async fn modules(&self, _files: &Path) -> Result<Vec<Module>, GitError> {
        Ok(Vec::new())
    }

    async fn prepare(
        &self,
        attempt: &Attempt,
        step: &Step,
        _update: &Arc<Update>,
        files: &Path,
    ) -> Result<Prepared, GitError> {
        self.make(attempt, step, files).map(Prepared::unchanged)
    }

    async fn apply(&self, _update: &Arc<Update>, _ready: Ready) -> Result<(), GitError> {
        Ok(())
    }

    async fn finish(&self, _own: OwnClone) -> Result<(), GitError> {
        Ok(())
    }

    async fn settle(&self) {}
}
