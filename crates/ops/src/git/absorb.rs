//! A module's place in the repository that it belongs to, as git keeps it: its own git folder inside the other's.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{GitError, fault};
use crate::env::Env;
use crate::env::fs::Clobber;

/// A module that was cloned, and the repository that names it.
#[derive(Clone, Debug)]
pub(crate) struct Absorbed<'a> {
    /// The files of the repository that names it.
    pub(crate) above: &'a Path,
    /// That repository's git folder.
    pub(crate) above_git: &'a Path,
    /// The module's name in `.gitmodules`.
    pub(crate) name: &'a str,
    /// Its folder below the other's.
    pub(crate) path: &'a str,
    /// Where it came from, without credentials.
    pub(crate) url: &'a str,
}

/// Moves the module's git folder to where git looks for it, and tells both of each other. Says where it is.
pub(crate) fn absorb(env: &Env, module: &Absorbed<'_>) -> Result<PathBuf, GitError> {
    let files = module.above.join(module.path);
    let git = module.above_git.join("modules").join(module.name);
    let failed = |doing: &Path| {
        let doing = format!("write {}", doing.display());
        move |error| GitError::local(doing, error)
    };
    if let Some(folder) = git.parent() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    // Two modules of one name, or one whose name lies in another's: git could not keep both.
    if fs::symlink_metadata(&git).is_ok() {
        let why = format!("two modules want to be kept as `{}`", module.name.escape_debug());
        return Err(GitError::Hostile { why });
    }
    let own = files.join(".git");
    env.fs().rename(&own, &git, Clobber::Replace).map_err(failed(&git))?;
    let link = format!("gitdir: {}\n", relative(&files, &git).display());
    fs::write(&own, link).map_err(failed(&own))?;
    let back = relative(&git, &files);
    configure(&git, &[("core", None, "worktree", &back.to_string_lossy())])?;
    let section = Some(module.name);
    configure(
        module.above_git,
        &[("submodule", section, "active", "true"), ("submodule", section, "url", module.url)],
    )?;
    Ok(git)
}

fn configure(git: &Path, values: &[(&str, Option<&str>, &str, &str)]) -> Result<(), GitError> {
    let path = git.join("config");
    let doing = "write the configuration";
    let mut config = gix::config::File::from_path_no_includes(path.clone(), gix::config::Source::Local)
        .map_err(|error| fault::of_any(doing, error))?;
    for (section, name, key, value) in values {
        config
            .set_raw_value_by(*section, name.map(Into::into), *key, value.as_bytes())
            .map_err(|error| fault::of_any(doing, error))?;
    }
    let mut text = Vec::new();
    config.write_to(&mut text).map_err(|error| GitError::local(doing, error))?;
    fs::write(&path, text).map_err(|error| GitError::local(doing, error))
}

/// The way from one folder to another, both named from the same place.
fn relative(from: &Path, to: &Path) -> PathBuf {
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
