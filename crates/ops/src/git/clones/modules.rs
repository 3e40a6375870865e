//! The modules of a clone, and theirs: each an operation of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::fetching::Fetching;
use super::naming::{Naming, below};
use super::{Clones, GitFailed};
use crate::Kind;
use crate::foreign::Foreign;
use crate::git::{
    ClonedModule, GitError, GitUrl, Home, Module, NewModule, Prepared, Step, There, Want, absorb, activate,
    aside, astray, git_folder, relative, way_alone,
};
use crate::operation::OperationKind;

/// How deep modules may lie in modules.
const DEEPEST: u32 = 8;

/// A module that is as it is to be, or made ready for that.
#[derive(Clone, Debug)]
pub(super) struct Found {
    naming: Naming,
    modules: Vec<Module>,
    attempts: u32,
}

/// One that is still to be looked at.
struct Waiting {
    module: Module,
    parent: Arc<Naming>,
    depth: u32,
}

/// A module as its repository wants it.
struct Wanted<'m> {
    module: &'m Module,
    parent: &'m Naming,
    url: GitUrl,
    /// Where it belongs, from the outermost repository.
    path: String,
}

impl Clones {
    /// Brings what `root` names to where it belongs. One that fails does not keep the others from being tried,
    /// so that all that is wrong is told at once.
    pub(super) async fn modules(
        &self,
        fetching: &mut Fetching<'_>,
        root: Naming,
        modules: Vec<Module>,
    ) -> Result<(), GitFailed> {
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let add = |waiting: &mut VecDeque<Waiting>, parent: Naming, modules: Vec<Module>, depth| {
            let parent = Arc::new(parent);
            let each = |module| Waiting { module, parent: Arc::clone(&parent), depth };
            waiting.extend(modules.into_iter().map(each));
        };
        add(&mut waiting, root, modules, 1);
        let mut failed: Vec<(Foreign, Foreign)> = Vec::new();
        let mut kind = None;
        while let Some(next) = waiting.pop_front() {
            let path = below(&next.parent.path, &next.module.path);
            if next.depth > DEEPEST {
                failed.push((path.into(), format!("modules lie deeper than {DEEPEST} in each other").into()));
                continue;
            }
            let url = match next.parent.url.module(&next.module.url) {
                Ok(url) => url,
                Err(error) => {
                    failed.push((path.into(), error.to_string().into()));
                    continue;
                }
            };
            let wanted = Wanted { module: &next.module, parent: &next.parent, url, path };
            let found = if let Some(found) = fetching.grown.modules.get(&wanted.path) {
                Ok(found.clone())
            } else if next.parent.is_new {
                self.clone_module(fetching, &wanted).await
            } else {
                self.update_module(fetching, &wanted).await
            };
            let Wanted { url, path, .. } = wanted;
            match found {
                Ok(found) => {
                    if next.parent.is_new {
                        fetching.grown.modules.insert(path.clone(), found.clone());
                    }
                    let Found { naming, modules, attempts } = found;
                    add(&mut waiting, naming, modules, next.depth.saturating_add(1));
                    fetching.cloned.submodules.push(ClonedModule {
                        path,
                        url: url.stored().to_owned(),
                        commit: next.module.commit,
                        attempts,
                    });
                }
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                Err(error) => {
                    kind = kind.or(Some(error.kind()));
                    failed.push((path.into(), error.cause.to_string().into()));
                }
            }
        }
        fetching.cloned.submodules.sort_by(|a, b| a.path.cmp(&b.path));
        if failed.is_empty() {
            return Ok(());
        }
        failed.sort();
        let error = GitError::Modules { failed, kind: kind.unwrap_or(Kind::Failed) };
        Err(fetching.workflow.error(error))
    }

    /// A module of a repository that was cloned just now.
    async fn clone_module(
        &self,
        fetching: &mut Fetching<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Found, GitFailed> {
        let Wanted { module, parent, .. } = wanted;
        refuse_nested(&parent.home, &module.name).map_err(|error| fetching.workflow.error(error))?;
        let home = parent.home.module(&module.path, &module.name);
        let found = self.fetch_module(fetching, wanted, home).await?;
        if let Err(error) = activate(&parent.home.git, &module.name, found.naming.url.stored()) {
            fetching.grown.is_spoilt = true;
            return Err(fetching.workflow.error(fetching.place.in_words(error)));
        }
        Ok(found)
    }

    /// Clones one to where it is made ready.
    async fn fetch_module(
        &self,
        fetching: &mut Fetching<'_>,
        wanted: &Wanted<'_>,
        home: Home,
    ) -> Result<Found, GitFailed> {
        let Wanted { module, url, path, .. } = wanted;
        let mut step = Step::new(url.clone(), home.files.clone(), Some(fetching.place.alive()));
        step.want = Want::Commit(module.commit);
        let (Prepared { made, .. }, attempts) = self.fetch_one(fetching, step, None).await?;
        if let Err(error) = absorb(self.context.env(), &module.name, &home) {
            fetching.grown.is_spoilt = true;
            return Err(fetching.workflow.error(fetching.place.in_words(error)));
        }
        fetching.cloned.bytes = fetching.cloned.bytes.saturating_add(made.bytes);
        fetching.filters.extend(made.filters);
        let naming = Naming { url: url.clone(), path: path.clone(), home, is_new: true };
        Ok(Found { naming, modules: made.modules, attempts })
    }

    /// A module of a repository that was there before.
    async fn update_module(
        &self,
        fetching: &mut Fetching<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Found, GitFailed> {
        let Wanted { module, parent, url, path } = wanted;
        let workflow = fetching.workflow;
        let place = fetching.place.clone();
        let failed = |error| workflow.error(place.in_words(error));
        let files = parent.home.files.join(&*module.path);
        let as_asked = fetching.request.of_module(url.clone(), files.clone(), module.commit);
        let writes = |path: &str| fetching.change_of(&parent.path).is_some_and(|change| change.writes(path));
        let goes = |path: &str| fetching.change_of(&parent.path).is_some_and(|change| change.removes(path));
        let is_made_room = || writes(&module.path);
        // Behind a link is somebody else's.
        if let Some(link) = astray(&parent.home.files, &module.path) {
            if goes(&link) || writes(&link) {
                return self.add_module(fetching, wanted).await;
            }
            let why = format!("{} is a link, behind which a module is to be", files.display());
            return Err(failed(GitError::NotUpdated { path: parent.home.files.clone(), why: why.into() }));
        }
        way_alone(self.context.env(), &parent.home.files, &module.path).map_err(failed)?;
        let look = || self.git.look(&as_asked);
        let cloned = match self.in_time(workflow, OperationKind::GitLook, look).await? {
            Ok(There::Clone(cloned)) => cloned,
            Ok(There::Free) => return self.add_module(fetching, wanted).await,
            Ok(There::Unfinished) => {
                let why = "an update of it alone was killed, and has to be run again first".to_owned();
                return Err(failed(GitError::HalfUpdated { path: files, why: why.into() }));
            }
            // What is there now makes way with the repository's own change.
            Err(GitError::Occupied { .. }) if is_made_room() => {
                return self.add_module(fetching, wanted).await;
            }
            Err(error) => return Err(failed(error)),
        };
        let whole = place.update().map_err(failed)?;
        let env = self.context.env();
        let look = || async {
            let (whole, at) = (Arc::clone(&whole), files.clone());
            let git = aside(env, move |_| git_folder(whole.git(), &at)).await?;
            Ok((git, self.git.modules(&files).await?))
        };
        let (git, before) = self.in_time(workflow, OperationKind::GitLook, look).await?.map_err(failed)?;
        let home = Home::at(files.clone(), git);
        let naming = Naming { url: url.clone(), path: path.clone(), home, is_new: false };
        if cloned.commit == Some(module.commit) {
            return Ok(Found { naming, modules: before, attempts: 0 });
        }
        let mut step = Step::new(url.clone(), files.clone(), Some(fetching.place.alive()));
        step.want = Want::Commit(module.commit);
        let (prepared, attempts) = self.fetch_one(fetching, step, Some(&files)).await?;
        fetching.tell_gone(&before, &prepared.made.modules, &naming);
        let modules = prepared.made.modules.clone();
        fetching.take(prepared);
        Ok(Found { naming, modules, attempts })
    }

    /// A module that comes new to a repository that was there before.
    async fn add_module(&self, fetching: &mut Fetching<'_>, wanted: &Wanted<'_>) -> Result<Found, GitFailed> {
        let Wanted { module, parent, path, .. } = wanted;
        let workflow = fetching.workflow;
        let place = fetching.place.clone();
        let failed = |error| workflow.error(place.in_words(error));
        refuse_nested(&parent.home, &module.name).map_err(failed)?;
        let then = parent.home.module(&module.path, &module.name);
        if std::fs::symlink_metadata(&then.git).is_ok() {
            let why = format!("is empty, but {} is there: remove one of them", then.git.display());
            return Err(failed(GitError::Occupied { path: then.files, why: why.into() }));
        }
        let update = fetching.place.update().map_err(failed)?;
        let room = update.free_room();
        let home = Home {
            files: update.room(&room),
            git: update.room(&NewModule::git_room_of(&room)),
            files_then: then.files,
            git_then: then.git,
        };
        let git = relative(update.git(), &home.git_then).to_string_lossy().into_owned();
        let is_around =
            |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
        let clash = |other: &&NewModule| {
            other.git == git || is_around(&other.git, &git) || is_around(&git, &other.git)
        };
        if let Some(other) = fetching.ready.modules.iter().find(clash) {
            let why = format!("two modules want to be kept as `{}` and `{git}`", other.git);
            return Err(failed(GitError::Hostile { why: why.into() }));
        }
        let found = self.fetch_module(fetching, wanted, home).await?;
        fetching.ready.modules.push(NewModule { room, files: path.clone(), git });
        let parents_git = relative(update.git(), &parent.home.git).to_string_lossy().into_owned();
        let told = (&*module.name, found.naming.url.stored());
        fetching.activate(&parent.path, parents_git, &update, told);
        Ok(found)
    }
}

/// One module's git folder must not lie in another's.
fn refuse_nested(parent: &Home, name: &str) -> Result<(), GitError> {
    match parent.module_around(name) {
        None => Ok(()),
        Some(other) => {
            let (other, name) = (Foreign::new(other), Foreign::new(name));
            Err(GitError::Hostile {
                why: format!("the module `{name}` would be kept inside the module `{other}`").into(),
            })
        }
    }
}
