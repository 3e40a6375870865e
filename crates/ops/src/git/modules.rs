//! The modules that a repository names: where each goes, where it comes from, which commit it is.

use gix::index::entry::Mode;
use gix::submodule::config::Update;

use super::excess::{self, Bound, Excess};
use super::module_name::{InvalidModule, ModuleName, ModulePath};
use super::{CommitId, GitError, words};
use crate::foreign::Foreign;

/// Where they are named.
const NAME: &str = ".gitmodules";

/// One module, as `.gitmodules` and the tree name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name in `.gitmodules`.
    pub name: ModuleName,
    /// Its folder, below the repository's.
    pub path: ModulePath,
    /// As written there; may be relative.
    pub url: String,
    /// Which commit of it belongs to the repository's.
    pub commit: CommitId,
}

/// Refuses a file that names modules and is no plain one, or longer than any is read.
fn bounded(repo: &gix::Repository, index: &gix::index::State) -> Result<(), GitError> {
    let limit = excess::MODULES_FILE;
    let written = repo.workdir().map(|files| files.join(NAME));
    let written = written.and_then(|path| std::fs::symlink_metadata(path).ok());
    if written.as_ref().is_some_and(|meta| !meta.is_file()) {
        return Err(GitError::Hostile { why: format!("`{NAME}` is no plain file").into() });
    }
    let stored = index.entry_by_path(NAME.into()).and_then(|entry| repo.find_header(entry.id).ok());
    let length = written.map_or(0, |meta| meta.len()).max(stored.map_or(0, |header| header.size()));
    if length > limit { Err(Excess::of(Bound::ModulesFile, limit).into()) } else { Ok(()) }
}

/// The modules of what is checked out, in order of path. One without an entry in the tree is none, and one that
/// says so itself is left where it is.
pub(super) fn list(repo: &gix::Repository) -> Result<Vec<Module>, GitError> {
    let failed = |error: gix::Error| words::of("read `.gitmodules`", &error);
    let index = repo.open_index().map_err(failed)?;
    bounded(repo, &index)?;
    let Some(found) = repo.submodules().map_err(failed)? else { return Ok(Vec::new()) };
    let mut modules = Vec::new();
    for module in found {
        let shown = Foreign::of_bytes(module.name());
        let hostile = |what: &str| GitError::Hostile {
            why: format!("`.gitmodules` has a module `{shown}` {what}").into(),
        };
        let invalid =
            |what: &str, why: InvalidModule| hostile(&format!("whose {what} is not plain: it {why}"));
        let name = ModuleName::new(module.name()).map_err(|why| invalid("name", why))?;
        let path = module.path().map_err(|_| hostile("whose folder is elsewhere"))?;
        let Some(entry) = index.entry_by_path(path.as_ref()).filter(|entry| entry.mode == Mode::COMMIT)
        else {
            continue;
        };
        // Whoever wants it all the same says so to git.
        if matches!(module.update(), Ok(Some(Update::None))) {
            continue;
        }
        let url = module.url().map_err(|_| hostile("without a usable URL"))?.to_bstring().to_string();
        let path = ModulePath::new(&path).map_err(|why| invalid("folder", why))?;
        modules.push(Module { name, path, url, commit: CommitId(entry.id) });
    }
    modules.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(modules)
}
