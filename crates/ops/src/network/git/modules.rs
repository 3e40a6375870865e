//! The modules of a clone, and theirs: each an operation of its own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::GitFailed;
use crate::NetworkOperationWrapper;
use crate::git::{CloneRequest, Cloned, ClonedModule, GitError, GitUrl, Made, Module, Staging, Step, Want};
use crate::pipeline::Workflow;
use crate::settings::Options;
use crate::{Classify, Kind};

/// How deep modules may lie in modules.
const DEEPEST: u32 = 8;

/// One that is still to be cloned.
struct Waiting {
    module: Module,
    /// Of the repository that names it.
    parent: GitUrl,
    /// That repository's folder below the whole clone's; empty for the whole.
    above: String,
    depth: u32,
}

impl NetworkOperationWrapper {
    /// Clones what `made` names into the staging folder. One that fails does not keep the others from
    /// being tried, so that all that is wrong is told at once.
    pub(super) async fn git_modules(
        &self,
        workflow: &Workflow,
        request: &CloneRequest,
        options: &Options,
        staging: &Arc<Staging>,
        made: &Made,
        cloned: &mut Cloned,
    ) -> Result<(), GitFailed> {
        let of = |modules: &[Module], parent: &GitUrl, above: &str, depth: u32| -> Vec<Waiting> {
            let waiting = modules.iter().map(|module| Waiting {
                module: module.clone(),
                parent: parent.clone(),
                above: above.to_owned(),
                depth,
            });
            waiting.collect()
        };
        let mut waiting: VecDeque<Waiting> = of(&made.modules, &request.url, "", 1).into();
        let mut failed: Vec<(String, String)> = Vec::new();
        let mut kind = None;
        while let Some(next) = waiting.pop_front() {
            let path = below(&next.above, &next.module.path);
            if next.depth > DEEPEST {
                failed.push((path, format!("modules lie deeper than {DEEPEST} in each other")));
                continue;
            }
            let url = match next.parent.module(&next.module.url) {
                Ok(url) => url,
                Err(error) => {
                    failed.push((path, error.to_string()));
                    continue;
                }
            };
            let folder: PathBuf = staging.path().join(&path);
            let mut step = Step::new(url.clone(), folder, Some(staging));
            step.want = Want::Commit(next.module.commit);
            step.depth = request.depth;
            step.credentials = request.credentials.clone();
            match self.git_fetch(workflow, options, step, None).await {
                Ok((made, attempts)) => {
                    cloned.bytes = cloned.bytes.saturating_add(made.bytes);
                    waiting.extend(of(&made.modules, &url, &path, next.depth + 1));
                    cloned.submodules.push(ClonedModule {
                        path,
                        url: url.stored().to_owned(),
                        commit: next.module.commit.to_string(),
                        attempts,
                    });
                }
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                Err(error) => {
                    kind = kind.or(Some(error.kind()));
                    failed.push((path, error.cause.to_string()));
                }
            }
        }
        cloned.submodules.sort_by(|a, b| a.path.cmp(&b.path));
        if failed.is_empty() {
            return Ok(());
        }
        failed.sort();
        let error = GitError::Modules { failed, kind: kind.unwrap_or(Kind::Failed) };
        debug_assert!(error.class() == crate::Class::Permanent);
        Err(workflow.error(error))
    }
}

fn below(above: &str, path: &str) -> String {
    if above.is_empty() { path.to_owned() } else { format!("{above}/{path}") }
}
