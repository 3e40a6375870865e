//! A module's place in the repository that it belongs to, as git keeps it: its own git folder inside the other's.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::module_name::{ModuleName, ModulePath};
use super::{GitError, words};
use crate::env::Env;
use crate::env::fs::Clobber;
use crate::foreign::Foreign;

/// Where a repository is now, and where it will be: the same but for one that is made ready elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// Its files.
    pub(crate) files: PathBuf,
    /// Its git folder.
    pub(crate) git: PathBuf,
    /// Where its files will be.
    pub(crate) files_then: PathBuf,
    /// Where its git folder will be.
    pub(crate) git_then: PathBuf,
}

impl Home {
    /// Of one that stays where it is.
    pub(crate) fn at(files: PathBuf, git: PathBuf) -> Self {
        Self { files_then: files.clone(), git_then: git.clone(), files, git }
    }

    /// The module whose git folder the one of `name` would lie in.
    pub(crate) fn module_around<'a>(&self, name: &'a str) -> Option<&'a str> {
        let prefixes = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        let is_module = |prefix: &&str| {
            [&self.git, &self.git_then]
                .iter()
                .any(|git| git.join("modules").join(prefix).join("HEAD").exists())
        };
        prefixes.into_iter().find(is_module)
    }

    /// Of a module at `path` in one, under its name.
    pub(crate) fn module(&self, path: &ModulePath, name: &ModuleName) -> Self {
        let below = |git: &Path| git.join("modules").join(&**name);
        Self {
            files: self.files.join(&**path),
            git: below(&self.git),
            files_then: self.files_then.join(&**path),
            git_then: below(&self.git_then),
        }
    }
}

/// Moves the git folder of a module, which was cloned into its files' folder, to its home, and tells both of each
/// other.
pub(crate) fn absorb(env: &Env, name: &str, home: &Home) -> Result<(), GitError> {
    let failed = |doing: &Path| {
        let doing = format!("write {}", doing.display());
        move |error| GitError::local(doing, error)
    };
    if let Some(folder) = home.git.parent() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    // Two modules of one name, or one whose name lies in another's: git could not keep both.
    if [&home.git, &home.git_then].iter().any(|git| fs::symlink_metadata(git).is_ok()) {
        let why = format!("two modules want to be kept as `{}`", Foreign::new(name));
        return Err(GitError::Hostile { why: why.into() });
    }
    let own = home.files.join(".git");
    env.fs().rename(&own, &home.git, Clobber::Replace).map_err(failed(&home.git))?;
    let link = format!("gitdir: {}\n", relative(&home.files_then, &home.git_then).display());
    fs::write(&own, link).map_err(failed(&own))?;
    let back = relative(&home.git_then, &home.files_then);
    configure(&home.git, &[("core", None, "worktree", &back.to_string_lossy())])
}

/// Tells the repository with the git folder `git` that a module of it is in use.
pub(crate) fn activate(git: &Path, name: &str, url: &str) -> Result<(), GitError> {
    let section = Some(name);
    configure(git, &[("submodule", section, "active", "true"), ("submodule", section, "url", url)])
}

fn configure(git: &Path, values: &[(&str, Option<&str>, &str, &str)]) -> Result<(), GitError> {
    let path = git.join("config");
    let doing = "write the configuration";
    let mut config = gix::config::File::from_path_no_includes(path.clone(), gix::config::Source::Local)
        .map_err(|error| words::of_any(doing, error))?;
    for (section, name, key, value) in values {
        config
            .set_raw_value_by(*section, name.map(Into::into), *key, value.as_bytes())
            .map_err(|error| words::of_any(doing, error))?;
    }
    let mut text = Vec::new();
    config.write_to(&mut text).map_err(|error| GitError::local(doing, error))?;
    fs::write(&path, text).map_err(|error| GitError::local(doing, error))
}

/// The way from one folder to another, both named from the same place.
pub(crate) fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(Component::ParentDir, from.len().saturating_sub(shared));
    up.chain(to.into_iter().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_two_folders() {
        for (from, to, way) in [
            ("/a/lib/mod", "/a/.git/modules/lib/mod", "../../.git/modules/lib/mod"),
            ("/a/.git/modules/m", "/a/m", "../../../m"),
            ("/a", "/a/b", "b"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way), "{from} {to}");
        }
    }
}
