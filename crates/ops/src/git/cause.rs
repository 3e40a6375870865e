//! What failures are due to, by kind: what to do about them is never read out of a text of ours.

use std::fmt;
use std::path::PathBuf;

use gix::ObjectId;

use super::excess::Bytes;
use super::ref_name::{CommitId, RefName};
use crate::foreign::{Foreign, shown};

/// What a repository does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// A branch or a tag of this name.
    Named(RefName),
    /// A branch that it had.
    Gone {
        /// Its short name.
        branch: Foreign,
    },
    /// This commit.
    Commit(CommitId),
    /// A commit that we asked for; the server did not say which.
    SomeCommit,
    /// A commit of this id: what has it is something else.
    NoCommit(CommitId),
    /// A commit that a tag leads to: it names files.
    BehindTag {
        /// The tag's short name.
        tag: Foreign,
    },
    /// The branch that its HEAD names.
    Head {
        /// Short names of the first few branches that it has.
        branches: Vec<Foreign>,
        /// How many others it has.
        more: usize,
        /// How many tags it has.
        tags: usize,
    },
}

/// Follows "the repository has no".
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "branch or tag `{name}`"),
            Self::Gone { branch } => write!(f, "branch `{branch}` any more"),
            Self::Commit(id) => write!(f, "commit {id}"),
            Self::SomeCommit => f.write_str("commit of that id"),
            Self::NoCommit(id) => write!(f, "commit {id}: it is something else"),
            Self::BehindTag { tag } => write!(f, "commit behind the tag `{tag}`, which names files"),
            Self::Head { branches, more, tags } => {
                f.write_str("branch that its HEAD names; it has ")?;
                if branches.is_empty() {
                    return write!(f, "no branch, but {tags} tags");
                }
                for (at, branch) in branches.iter().enumerate() {
                    let before = if at == 0 { "" } else { ", " };
                    write!(f, "{before}`{branch}`")?;
                }
                if *more > 0 { write!(f, " and {more} more") } else { Ok(()) }
            }
        }
    }
}

/// What is wrong with what arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// An object is not there that others lead to.
    Missing {
        /// Its id.
        object: Foreign,
    },
    /// An object is not as its kind must be.
    Unreadable {
        /// `commit`, `tree`, `tag`.
        kind: &'static str,
        /// Its id.
        object: Foreign,
    },
    /// Something else, in the words of who read it.
    Said(Foreign),
}

impl Damage {
    pub(super) fn missing(object: ObjectId) -> Self {
        Self::Missing { object: object.to_string().into() }
    }

    pub(super) fn unreadable(kind: &'static str, object: ObjectId) -> Self {
        Self::Unreadable { kind, object: object.to_string().into() }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { object } => write!(f, "object {object} is missing"),
            Self::Unreadable { kind, object } => write!(f, "{kind} {object} cannot be read"),
            Self::Said(words) => f.write_str(words),
        }
    }
}

/// Who is at work in a clone, and keeps others from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtWork {
    /// Another update.
    Update,
    /// git, with something that takes it several commands.
    Git {
        /// `a bisection`, `a merge`.
        doing: &'static str,
    },
    /// git, or whoever else locks a file as it does.
    Lock {
        /// The lock.
        path: PathBuf,
    },
    /// Somebody who changed something since it was looked at.
    Changed {
        /// What, by its name in the git folder.
        what: Foreign,
    },
}

impl fmt::Display for AtWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update => f.write_str("another update of it is under way"),
            Self::Git { doing } => write!(f, "git has something under way in it: {doing}"),
            Self::Lock { path } => write!(f, "git is at work in it: there is {}", shown(path)),
            Self::Changed { what } => write!(f, "somebody changed {what} meanwhile"),
        }
    }
}

/// What is odd about a file of a git folder, so that it is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oddity {
    /// It is no plain file.
    Is {
        /// `a pipe`, `a device`.
        what: &'static str,
    },
    /// It is longer than it is ever read.
    Longer {
        /// Bytes that it may have.
        limit: u64,
    },
    /// Too many git folders lend each other objects.
    Lent {
        /// How many may.
        limit: usize,
    },
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is { what } => write!(f, "is {what}, where git keeps a plain file"),
            Self::Longer { limit } => write!(f, "is longer than {}", Bytes(*limit)),
            Self::Lent { limit } => {
                write!(f, "is one of more than {limit} git folders that lend each other objects")
            }
        }
    }
}

/// A program that talks to the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineProgram {
    /// ssh, or what stands in its place.
    Ssh,
    /// git's own, for a repository on this machine.
    UploadPack,
}

impl fmt::Display for LineProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssh => "ssh",
            Self::UploadPack => "git-upload-pack",
        })
    }
}

/// What the end of a program that talks to the other end says of the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineFault {
    /// Nothing: it was refused, or refused itself.
    None,
    /// There was no connection, or it broke.
    Broken,
    /// This machine has no way there at all.
    Offline,
}

/// Why a program that talks to the other end failed, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineCause {
    /// The repository there is damaged, or the other end ran out of memory.
    Corruption,
    /// `GIT_SSH_COMMAND` names a program that cannot be run here.
    NoSshCommand,
    /// git is not installed there.
    NoGit,
    /// The server has another key than the one that is known.
    KeyChanged,
    /// The server's key is not known.
    KeyUnknown,
    /// The server does not let us in.
    NotLetIn,
    /// There is no such host.
    NoSuchHost,
    /// The command there failed: no such repository, or none that we may read.
    Refused,
}
