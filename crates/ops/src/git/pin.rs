//! A folder that is worked in by its descriptor, whatever becomes of its name.
//!
//! gix and the system's calls take paths. `/proc/self/fd/N` is one that leads to the folder that was opened, and
//! nowhere else: who renames it, or puts a link where it was, leads nobody astray. Without `/proc` the name has to
//! do, and only where nobody else may rename anything on the way.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{AtWork, Damage, GitError, ours};
use crate::env::fs::{FileId, Fs, FsFolder};
use crate::foreign::{Foreign, shown};

/// Where this process's descriptors have paths.
const DESCRIPTORS: &str = "/proc/self/fd";

/// A folder, and the path by which it is reached from here.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    folder: Arc<dyn FsFolder>,
    id: FileId,
    path: PathBuf,
    shown: PathBuf,
}

impl Pin {
    /// Of an open folder, which people know as `shown`.
    ///
    /// # Errors
    /// Where its descriptor has no path, as [`Pin::by_name`].
    pub(super) fn of(fs: &dyn Fs, folder: Arc<dyn FsFolder>, shown: &Path) -> Result<Self, GitError> {
        let id = id_of(&*folder, shown)?;
        let path = folder.pinned();
        if leads_to(fs, &path, id) {
            return Ok(Self { folder, id, path, shown: shown.to_owned() });
        }
        Self::by_name(fs, folder, shown)
    }

    /// The same, reached by its own name.
    ///
    /// # Errors
    /// [`GitError::Movable`] where others may rename a folder on the way, which makes the name worth nothing.
    pub(super) fn by_name(fs: &dyn Fs, folder: Arc<dyn FsFolder>, shown: &Path) -> Result<Self, GitError> {
        let id = id_of(&*folder, shown)?;
        let path = folder
            .real_path()
            .map_err(|error| GitError::local(format!("find {}", shown.display()), error))?;
        ours::unmovable(fs, &path, shown)?;
        if !leads_to(fs, &path, id) {
            return Err(GitError::Exchanged { path: shown.to_owned() });
        }
        Ok(Self { folder, id, path, shown: shown.to_owned() })
    }

    /// A folder in one that is pinned, at `path`.
    pub(super) fn within(folder: Arc<dyn FsFolder>, path: &Path) -> Result<Self, GitError> {
        let id = id_of(&*folder, path)?;
        Ok(Self { folder, id, path: path.to_owned(), shown: path.to_owned() })
    }

    pub(super) fn folder(&self) -> &Arc<dyn FsFolder> {
        &self.folder
    }

    /// Reaches the folder, from this process only.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// For people.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// Refuses where `path` does not lead to it any more.
    pub(super) fn is_still_at(&self, fs: &dyn Fs, path: &Path) -> Result<(), GitError> {
        let found = fs.folder(path).and_then(|folder| folder.meta());
        if found.is_ok_and(|meta| meta.id == self.id) {
            return Ok(());
        }
        Err(GitError::Exchanged { path: path.to_owned() })
    }

    /// An error about what is in it, by the name that people know.
    pub(crate) fn in_words(&self, error: GitError) -> GitError {
        if self.path == self.shown { error } else { named(error, &self.path, &self.shown) }
    }
}

fn id_of(folder: &dyn FsFolder, shown: &Path) -> Result<FileId, GitError> {
    let meta = folder.meta();
    Ok(meta.map_err(|error| GitError::local(format!("look at {}", shown.display()), error))?.id)
}

fn leads_to(fs: &dyn Fs, path: &Path, id: FileId) -> bool {
    fs.look_through(path).is_ok_and(|meta| meta.id == id)
}

/// Whether a path is that of a descriptor: a link of the system's own, that only we can have made.
pub(super) fn is_descriptor(path: &Path) -> bool {
    path.parent() == Some(Path::new(DESCRIPTORS))
}

/// Whether a path is that of a descriptor, or begins with one.
pub(super) fn is_pinned(path: &Path) -> bool {
    path.starts_with(DESCRIPTORS)
}

/// Where in `folder` that is what is at `path`: by its name, or else by what both really are.
pub(super) fn way_in(folder: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    if let Ok(way) = plain(path).strip_prefix(folder) {
        return Ok(Some(way.to_owned()));
    }
    let (folder, path) = (std::fs::canonicalize(folder)?, std::fs::canonicalize(path)?);
    Ok(path.strip_prefix(folder).ok().map(Path::to_owned))
}

/// `path` without `..`, which lead up by name: what is in a clone is reached through no link.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == OsStr::new("..") {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// `error`, with another name for a folder.
fn named(error: GitError, from: &Path, to: &Path) -> GitError {
    let path = |path: PathBuf| match path.strip_prefix(from) {
        Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
        Ok(rest) => to.join(rest),
        Err(_) => path,
    };
    let (pinned, told) = (from.to_string_lossy(), shown(to));
    let text = |text: Foreign| match text.contains(&*pinned) {
        true => renamed(&text, &pinned, &told).into(),
        false => text,
    };
    match error {
        GitError::Local { doing, source } => GitError::Local { doing: text(doing), source },
        GitError::Occupied { path: at, why } => GitError::Occupied { path: path(at), why: text(why) },
        GitError::Otherwise { path: at, why, by_update } => {
            GitError::Otherwise { path: path(at), why: text(why), by_update }
        }
        GitError::NotUpdated { path: at, why } => GitError::NotUpdated { path: path(at), why: text(why) },
        GitError::HalfUpdated { path: at, why } => GitError::HalfUpdated { path: path(at), why: text(why) },
        GitError::Foreign { path: at, owner } => GitError::Foreign { path: path(at), owner },
        GitError::Shared { path: at, mode, group } => GitError::Shared { path: path(at), mode, group },
        GitError::Movable { path: at, folder } => GitError::Movable { path: path(at), folder: path(folder) },
        GitError::Odd { path: at, what } => GitError::Odd { path: path(at), what },
        GitError::Exchanged { path: at } => GitError::Exchanged { path: path(at) },
        GitError::Busy { path: at, who: AtWork::Lock { path: lock } } => {
            GitError::Busy { path: path(at), who: AtWork::Lock { path: path(lock) } }
        }
        GitError::Busy { path: at, who } => GitError::Busy { path: path(at), who },
        GitError::Protocol { why } => GitError::Protocol { why: text(why) },
        GitError::Hostile { why } => GitError::Hostile { why: text(why) },
        GitError::Checkout { path, why } => GitError::Checkout { path, why: text(why) },
        GitError::Damaged { why: Damage::Said(said), again } => {
            GitError::Damaged { why: Damage::Said(text(said)), again }
        }
        GitError::Headway(error) => GitError::Headway(Box::new(named(*error, from, to))),
        error => error,
    }
}

/// `text` with `to` where it has the path `from`, which is not the beginning of another number.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let mut parts = text.split(from);
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_longer = part.starts_with(|next: char| next.is_ascii_digit());
        renamed.push_str(if is_longer { from } else { to });
        renamed.push_str(part);
    }
    renamed
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "somebody else renames here")]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::env::Env;

    #[test]
    fn what_is_done_below_its_path_stays_in_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let (here, moved, trap) =
            (place.path().join("a"), place.path().join("b"), tempfile::tempdir().unwrap());
        std::fs::create_dir(&here).unwrap();
        let env = Env::real();
        let fs = &**env.fs();
        let pin = Pin::of(fs, fs.folder(&here).unwrap(), &here).unwrap();
        assert!(is_descriptor(pin.path()) && pin.is_still_at(fs, &here).is_ok());
        std::fs::rename(&here, &moved).unwrap();
        std::os::unix::fs::symlink(trap.path(), &here).unwrap();
        std::fs::write(pin.path().join("f"), "x").unwrap();
        assert!(moved.join("f").exists() && !trap.path().join("f").exists());
        let error = pin.is_still_at(fs, &here).unwrap_err();
        assert!(matches!(error, GitError::Exchanged { path } if path == here));
    }

    #[test]
    fn errors_name_it_as_people_do() {
        let (from, to) = (Path::new("/proc/self/fd/7"), Path::new("/srv/a"));
        let text = "read /proc/self/fd/7/x, not /proc/self/fd/71/x: /proc/self/fd/7";
        let error = GitError::Headway(Box::new(GitError::local(text, io::ErrorKind::NotFound.into())));
        assert_eq!(
            named(error, from, to).to_string(),
            "cannot read /srv/a/x, not /proc/self/fd/71/x: /srv/a"
        );
        let odd = Path::new(OsStr::from_bytes(b"/srv/\xff"));
        let error = named(GitError::local(text, io::ErrorKind::NotFound.into()), from, odd).to_string();
        assert!(error.contains(r"read /srv/\xff/x, not /proc/self/fd/71/x"), "{error}");
        let lock = AtWork::Lock { path: from.join("index.lock") };
        let error = named(GitError::Busy { path: from.to_owned(), who: lock }, from, to).to_string();
        assert!(error.contains("in /srv/a is") && error.contains("/srv/a/index.lock"), "{error}");
    }

    #[test]
    fn a_name_is_enough_only_where_nobody_else_may_rename() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let here = place.path().join("open/a");
        std::fs::create_dir_all(&here).unwrap();
        let env = Env::real();
        let fs = &**env.fs();
        let pin = || Pin::by_name(fs, fs.folder(&here).unwrap(), &here);
        assert!(!is_pinned(pin().unwrap().path()));
        let set = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(place.path().join("open"), permissions).unwrap();
        };
        set(0o777);
        let error = pin().unwrap_err();
        assert!(matches!(&error, GitError::Movable { folder, .. } if folder.ends_with("open")), "{error}");
        // There others may rename only what is theirs.
        set(0o1777);
        assert!(pin().is_ok());
    }
}
