//! How much is taken of what somebody else made: each bound in one place, and the error that names it.

use std::fmt;

/// Bytes of what a server says it can do.
pub(super) const CAPABILITIES: u64 = 1 << 20;
/// Bytes of acknowledgements in one answer. gix compares each with all before it.
pub(super) const ACKNOWLEDGEMENTS: u64 = 2 << 20;
/// Bytes of where a short history ends, in one answer: some 300,000 commits.
pub(super) const BOUNDARY: u64 = 16 << 20;
/// Bytes of lines that say nothing.
pub(super) const IDLE_TALK: u64 = 1 << 20;
/// Bytes of an object that has to be in memory as a whole: of what is not a file, or has to be converted.
pub(super) const OBJECT: u64 = 64 << 20;
/// Bytes of all paths of one commit.
pub(super) const PATH_BYTES: u64 = 1 << 30;
/// Paths that need no entry of their own: more are taken only where the trees hold something that makes them.
pub(super) const FREE_PATHS: u64 = 250_000;
/// Paths that one entry of a tree may make, by being in many places, where there are more than that.
pub(super) const PATHS_PER_ENTRY: u64 = 64;
/// Bytes of one path: the system takes no longer one.
pub(super) const PATH_LENGTH: u64 = 4095;
/// Bytes of `.gitmodules`.
pub(super) const MODULES_FILE: u64 = 4 << 20;
/// Bytes of the refs of a clone that is there, in one file.
pub(super) const PACKED_REFS: u64 = crate::settings::MOST_REFS;
/// Bytes of an index of files or commits.
pub(super) const INDEX: u64 = 2 << 30;
/// Bytes of what an update that was killed has still to do.
pub(super) const PLAN: u64 = 64 << 20;
/// Bytes of any other file of a git folder that is read whole.
pub(super) const GIT_FILE: u64 = 16 << 20;

/// What there may only be so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// What the server says it can do.
    Capabilities,
    /// Its list of refs.
    Refs,
    /// Its acknowledgements of what is here.
    Acknowledgements,
    /// Where a short history ends.
    Boundary,
    /// What it tells of its progress.
    Messages,
    /// Lines that say nothing.
    IdleTalk,
    /// The pack, by the space that is free.
    Pack,
    /// Objects of the pack.
    Objects,
    /// One object that has to be in memory.
    Object,
    /// The files of the commit, by the space that is free.
    Files,
    /// The paths of the commit.
    Paths,
    /// The paths of the commit, in bytes.
    PathBytes,
    /// One path, in bytes.
    PathLength,
    /// Places that one entry of its trees has.
    PathsPerEntry,
    /// `.gitmodules`.
    ModulesFile,
    /// The memory that all its tables take.
    Memory,
}

impl Bound {
    /// The key of the configuration that sets it, where there is one.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Refs => Some("performance.git.max_refs"),
            Self::Messages => Some("performance.git.max_messages"),
            Self::Objects => Some("performance.git.max_objects"),
            Self::Paths => Some("performance.git.max_paths"),
            Self::Memory => Some("performance.git.max_memory"),
            _ => None,
        }
    }
}

/// More than is taken of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Of what.
    pub of: Bound,
    /// How much of it is taken: bytes, but for [`Bound::Objects`], [`Bound::Paths`] and
    /// [`Bound::PathsPerEntry`].
    pub limit: u64,
}

impl Excess {
    pub(super) const fn of(of: Bound, limit: u64) -> Self {
        Self { of, limit }
    }
}

impl std::error::Error for Excess {}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Bytes(self.limit);
        let limit = self.limit;
        match self.of {
            Bound::Capabilities => write!(f, "what the server says it can do is longer than {bytes}"),
            Bound::Refs => write!(f, "the server's list of refs is longer than {bytes}"),
            Bound::Acknowledgements => write!(f, "the server acknowledges more than {bytes}"),
            Bound::Boundary => {
                write!(f, "the server's list of where the history ends is longer than {bytes}")
            }
            Bound::Messages => write!(f, "the server tells more than {bytes} of its progress"),
            Bound::IdleTalk => write!(f, "the server sends more than {bytes} of lines that say nothing"),
            Bound::Pack => write!(f, "the pack is larger than the {bytes} there is room for"),
            Bound::Objects => write!(f, "the pack has more than {limit} objects"),
            Bound::Object => write!(f, "an object that has to be read at once is larger than {bytes}"),
            Bound::Files => {
                write!(f, "the files of the commit are larger than the {bytes} there is room for")
            }
            Bound::Paths => write!(f, "the commit has more than {limit} paths"),
            Bound::PathBytes => write!(f, "the paths of the commit are longer than {bytes}"),
            Bound::PathLength => write!(f, "a path of the commit is longer than {bytes}"),
            Bound::PathsPerEntry => {
                write!(f, "the trees of the commit name their like in more than {limit} places each")
            }
            Bound::ModulesFile => write!(f, "`.gitmodules` is longer than {bytes}"),
            Bound::Memory => write!(f, "what came of the repository takes more memory than {bytes}"),
        }
    }
}

/// Bytes, for people.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 30 && bytes % (1 << 30) == 0 => write!(f, "{} GiB", bytes >> 30),
            bytes if bytes >= 1 << 20 => write!(f, "{} MiB", bytes >> 20),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}
