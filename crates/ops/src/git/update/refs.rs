//! What an update writes of refs, HEAD, the shallow boundary and the configuration: made ready as small files.

use std::fs;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};

use super::change::{Change, Log, Put, Setting};
use super::crash;
use super::quarantine::{PUTS, Refs};
use crate::git::{GitError, reflog, words};

/// Name of the index among the files made ready. It is written when all files are in place, because it says of
/// each how it is on the disk; until then it is the lock.
pub(super) const INDEX: &str = "index";

/// Makes files ready in a room.
pub(super) struct Writer<'a> {
    /// The repository as it is.
    there: &'a gix::Repository,
    /// The one that knows who we are.
    repo: &'a gix::Repository,
    room: &'a Path,
    change: &'a mut Change,
    /// What the logs say.
    message: &'a str,
}

/// Where a small file of a room is.
pub(super) fn ready(room: &Path, name: &str) -> PathBuf {
    room.join(".git").join(PUTS).join(name)
}

impl<'a> Writer<'a> {
    /// For `change`, whose room is at `room`.
    pub(super) const fn new(
        there: &'a gix::Repository,
        repo: &'a gix::Repository,
        room: &'a Path,
        change: &'a mut Change,
        message: &'a str,
    ) -> Self {
        Self { there, repo, room, change, message }
    }

    /// A file of the git folder that gets this content.
    pub(super) fn file(&mut self, to: &str, content: &[u8]) -> Result<(), GitError> {
        self.put(to, content, false)
    }

    /// A file of the git folder that goes away.
    pub(super) fn no_file(&mut self, to: &str) -> Result<(), GitError> {
        self.put(to, b"", true)
    }

    fn put(&mut self, to: &str, content: &[u8], goes: bool) -> Result<(), GitError> {
        let from = self.change.puts.len().to_string();
        write(self.room, &from, content)?;
        let was = value(self.there, to)?;
        self.change.puts.push(Put { from, to: to.to_owned(), was, goes });
        Ok(())
    }

    /// A line of a log.
    pub(super) fn log(&mut self, name: &str, old: Option<ObjectId>, new: ObjectId) -> Result<(), GitError> {
        let line = reflog::line(self.repo, old, new, self.message)?;
        self.change.logs.push(Log { name: name.to_owned(), line });
        Ok(())
    }

    /// A ref that is to point to `new`; `refs` are those that are there.
    pub(super) fn reference(&mut self, name: &str, new: ObjectId, refs: &Refs) -> Result<(), GitError> {
        let old = refs.get(BStr::new(name)).copied();
        if old == Some(new) {
            return Ok(());
        }
        self.file(name, format!("{new}\n").as_bytes())?;
        if !name.starts_with("refs/tags/") {
            self.log(name, old, new)?;
        }
        Ok(())
    }

    pub(super) fn head(
        &mut self,
        content: &str,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<(), GitError> {
        self.log("HEAD", old, new)?;
        self.file("HEAD", content.as_bytes())
    }
}

/// What stands in a git folder under a name: of a ref the id that it has, or the ref that it points to; of a file its
/// content. None where nothing does.
pub(super) fn value(repo: &gix::Repository, name: &str) -> Result<Option<String>, GitError> {
    if name.starts_with("refs/") {
        let found = repo.try_find_reference(name).map_err(|error| words::of("read a ref", &error))?;
        return Ok(found.map(|found| match found.try_id() {
            Some(id) => id.to_string(),
            None => "another ref".to_owned(),
        }));
    }
    let path = repo.git_dir().join(name);
    match fs::read(&path) {
        Ok(content) => Ok(Some(String::from_utf8_lossy(&content).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(GitError::local(format!("read {}", path.display()), error)),
    }
}

fn write(room: &Path, name: &str, content: &[u8]) -> Result<(), GitError> {
    let path = ready(room, name);
    let written = fs::create_dir_all(path.parent().unwrap_or(room)).and_then(|()| fs::write(&path, content));
    written.map_err(|error| GitError::local(format!("write {}", path.display()), error))
}

/// The name of a ref that cannot be where `name` is to be: one that is a folder to the other.
pub(super) fn in_the_way(name: &str, refs: &Refs) -> Option<String> {
    let shorter = name.match_indices('/').map(|(at, _)| name.get(..at).unwrap_or_default());
    let shorter = shorter.map(BStr::new).find(|shorter| refs.contains_key(*shorter)).map(BStr::to_owned);
    let longer = || {
        let below = format!("{name}/");
        let first = refs.range(gix::bstr::BString::from(below.as_str())..).next();
        first.map(|(found, _)| found.clone()).filter(|found| found.starts_with(below.as_bytes()))
    };
    shorter.or_else(longer).map(|found| found.to_str_lossy().into_owned())
}

/// Makes the configuration ready, as it is now and with the change's values; nothing where it has none.
pub(super) fn configuration(change: &mut Change, room: &Path, git: &Path) -> Result<(), GitError> {
    let values = std::mem::take(&mut change.config);
    if values.is_empty() {
        return Ok(());
    }
    let doing = "write the configuration";
    let mut config = gix::config::File::from_path_no_includes(git.join("config"), gix::config::Source::Local)
        .map_err(|error| words::of_any(doing, error))?;
    let mut before = Vec::new();
    config.write_to(&mut before).map_err(|error| GitError::local(doing, error))?;
    for Setting { section, name, key, value, is_more } in values {
        let failed = |error| words::of("write the configuration", &error);
        if is_more {
            let mut there = config
                .section_mut_or_create_new(section, Some(name.as_str().into()))
                .map_err(|error| words::of_any(doing, error))?;
            there.push(key, Some(value.as_str().into())).map_err(failed)?;
        } else {
            config
                .set_raw_value_by(section, Some(name.as_str().into()), key, value.as_bytes())
                .map_err(|error| words::of_any(doing, error))?;
        }
    }
    let mut text = Vec::new();
    config.write_to(&mut text).map_err(|error| GitError::local(doing, error))?;
    if text == before {
        return Ok(());
    }
    let name = "config";
    write(room, name, &text)?;
    let was = fs::read(git.join(name)).ok().map(|content| String::from_utf8_lossy(&content).into_owned());
    change.puts.insert(0, Put { from: name.to_owned(), to: name.to_owned(), was, goes: false });
    Ok(())
}

/// Adds lines to the logs of a git folder, those that are not there yet.
pub(super) fn write_logs(git: &Path, logs: &[Log]) {
    for log in logs {
        crash::point(git);
        // A log is no reason to stop half-way.
        if let Err(error) = reflog::append(git, &log.name, &log.line) {
            tracing::warn!(%error, "no line in the log of {}", log.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_that_are_folders_to_each_other_are_found() {
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let refs: Refs =
            ["refs/heads/a", "refs/heads/b/c", "refs/heads/b-d"].map(|name| (name.into(), id)).into();
        for (name, found) in [
            ("refs/heads/a/x", Some("refs/heads/a")),
            ("refs/heads/b", Some("refs/heads/b/c")),
            ("refs/heads/a", None),
            ("refs/heads/ab", None),
            ("refs/heads/b/d", None),
        ] {
            assert_eq!(in_the_way(name, &refs).as_deref(), found, "{name}");
        }
    }
}
