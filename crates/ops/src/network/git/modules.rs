//! The modules of a clone, and theirs: each an operation of its own.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::GitFailed;
use crate::Kind;
use crate::NetworkOperationWrapper;
use crate::git::{
    Absorbed, CloneRequest, Cloned, ClonedModule, GitError, GitUrl, Made, Module, Staging, Step, Want, absorb,
};
use crate::pipeline::Workflow;
use crate::settings::Options;

/// How deep modules may lie in modules.
const DEEPEST: u32 = 8;

/// One that is still to be cloned.
struct Waiting {
    module: Module,
    /// Of the repository that names it.
    parent: GitUrl,
    /// That repository's folder below the whole clone's; empty for the whole.
    above: String,
    /// That repository's git folder.
    above_git: PathBuf,
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
        let of = |modules: &[Module],
                  parent: &GitUrl,
                  above: &str,
                  above_git: &Path,
                  depth: u32|
         -> Vec<Waiting> {
            let waiting = modules.iter().map(|module| Waiting {
                module: module.clone(),
                parent: parent.clone(),
                above: above.to_owned(),
                above_git: above_git.to_owned(),
                depth,
            });
            waiting.collect()
        };
        let mut waiting: VecDeque<Waiting> =
            of(&made.modules, &request.url, "", &staging.path().join(".git"), 1).into();
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
                    let above = staging.path().join(&next.above);
                    let absorbed = absorb(
                        self.env(),
                        &Absorbed {
                            above: &above,
                            above_git: &next.above_git,
                            name: &next.module.name,
                            path: &next.module.path,
                            url: url.stored(),
                        },
                    );
                    let git = absorbed.map_err(|error| workflow.error(error))?;
                    cloned.bytes = cloned.bytes.saturating_add(made.bytes);
                    waiting.extend(of(&made.modules, &url, &path, &git, next.depth + 1));
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
        Err(workflow.error(error))
    }
}

fn below(above: &str, path: &str) -> String {
    if above.is_empty() { path.to_owned() } else { format!("{above}/{path}") }
}
