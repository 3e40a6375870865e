//! The logs that git keeps of what its refs were.

use std::fs;
use std::io::Write;
use std::path::Path;

use gix::ObjectId;

use super::{GitError, GitUrl, words};

/// What our lines say that was done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Clone,
    Update,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Clone => "clone:",
            Self::Update => "update:",
        }
    }

    /// What a line says of it.
    pub(super) fn message(self, from: &GitUrl) -> String {
        format!("{} from {}", self.word(), from.stored())
    }
}

/// Whether a line's message is one of ours: what came to be by it came from the other end.
pub(super) fn is_ours(message: &[u8]) -> bool {
    [Deed::Clone, Deed::Update].iter().any(|deed| message.starts_with(deed.word().as_bytes()))
}

/// A line that says that a ref went from `old` to `new`, and why.
pub(super) fn line(
    repo: &gix::Repository,
    old: Option<ObjectId>,
    new: ObjectId,
    message: &str,
) -> Result<String, GitError> {
    let doing = "name the committer";
    let mut who = Vec::new();
    if let Some(committer) = repo.committer() {
        let committer = committer.map_err(|error| words::of(doing, &error))?;
        committer.trim().write_to(&mut who).map_err(|error| words::of_any(doing, error))?;
    }
    let old = old.unwrap_or(ObjectId::null(new.kind()));
    Ok(format!("{old} {new} {}\t{message}\n", String::from_utf8_lossy(&who)))
}

/// Adds a line to the log of `name` in a git folder, unless it is the last one already. Nothing where no logs are
/// kept.
pub(super) fn append(git: &Path, name: &str, line: &str) -> Result<(), GitError> {
    let logs = git.join("logs");
    let path = logs.join(name);
    let is_there = || fs::read(&path).is_ok_and(|text| text.ends_with(line.as_bytes()));
    if !logs.is_dir() || is_there() {
        return Ok(());
    }
    // A folder that a branch of a longer name left.
    if path.is_dir() {
        let _ = fs::remove_dir(&path);
    }
    let written = fs::create_dir_all(path.parent().unwrap_or(&logs)).and_then(|()| {
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
    });
    written.map_err(|error| GitError::local(format!("write {}", path.display()), error))
}
