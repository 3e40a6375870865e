//! How a clone failed, in words a person can act on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use super::cause::{AtWork, Damage, LineCause, LineFault, LineProgram, Missing, Oddity};
use super::excess::Excess;
use crate::foreign::{Foreign, shown};
use crate::http::HttpError;
use crate::process::CommandError;
use vps_retry::Kind;

/// Why there is no clone, or no newer one. It shows no credentials.
///
/// What each means for retry and circuit breaker is in the table of `docs/failures.md`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// No answer, or only a part of one.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// There is no such host, and there was none a moment ago.
    #[error(transparent)]
    NoSuchHost(HttpError),
    /// The server refused, or is in trouble.
    #[error("the server answered with status {}{}", status.as_u16(), reason(*status))]
    Status {
        /// What it answered.
        status: StatusCode,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// What answered is no git server.
    #[error("no git repository is served there: {why}")]
    NotGit {
        /// What it said instead.
        why: Foreign,
    },
    /// Something at the other end spoke before git could, which no conversation survives.
    #[error("the server printed something before git could answer: {said}")]
    Greeting {
        /// What it printed first.
        said: Foreign,
    },
    /// The other end sent an error of its own.
    #[error("the other end says: {said}")]
    Remote {
        /// Its words.
        said: Foreign,
    },
    /// The other end gave up in the middle, and said so.
    #[error("the other end gave up in the middle: {said}")]
    Aborted {
        /// Its words.
        said: Foreign,
        /// Whether they are of a repository that is damaged there, or of memory that ran out.
        corruption: bool,
    },
    /// The repository has no such branch, tag or commit.
    #[error("the repository has no {what}")]
    RefNotFound {
        /// What it does not have.
        what: Missing,
    },
    /// The repository is of a kind that is not cloned here.
    #[error("the repository has {what}, which are not supported here")]
    Unsupported {
        /// What it has.
        what: Foreign,
    },
    /// The program that talks to the other end could not be run.
    #[error(transparent)]
    Program(#[from] CommandError),
    /// The program that talks to the other end failed.
    #[error("`{program}` ended with code {code}{}", after_colon(said))]
    Connection {
        /// Which.
        program: LineProgram,
        /// Its code; 128 and the signal where one ended it.
        code: i32,
        /// Its last words.
        said: Foreign,
        /// What that says of the way there.
        fault: LineFault,
        /// Why, where that is known.
        cause: Option<LineCause>,
    },
    /// The other end is silent.
    #[error("nothing came for {}", humantime::format_duration(*after))]
    Idle {
        /// For how long.
        after: Duration,
    },
    /// The connection ended in the middle of a pack.
    #[error("the connection ended before the pack did")]
    CutOff,
    /// What arrived is damaged.
    #[error("what arrived is damaged: {why}")]
    Damaged {
        /// What is wrong with it.
        why: Damage,
        /// Whether it was fetched twice, and damaged both times.
        again: bool,
    },
    /// The server sent more history than was asked for.
    #[error("the server did not limit the history to {depth} commits")]
    Depth {
        /// What was asked for.
        depth: u32,
    },
    /// The repository holds what would harm this machine.
    #[error("the repository is hostile: {why}")]
    Hostile {
        /// What it holds.
        why: Foreign,
    },
    /// More came, or more would come of it, than is taken of anybody.
    #[error("{0}")]
    TooMuch(Excess),
    /// Files could not be checked out.
    #[error("{path} could not be checked out: {why}")]
    Checkout {
        /// The first of them.
        path: Foreign,
        /// Why.
        why: Foreign,
    },
    /// What neither side expected.
    #[error("git's protocol was not kept: {why}")]
    Protocol {
        /// What happened.
        why: Foreign,
    },
    /// This machine could not do it.
    #[error("cannot {doing}")]
    Local {
        /// What could not be done.
        doing: Foreign,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// DEST is something that a clone must not replace.
    #[error("{} {why}", shown(path))]
    Occupied {
        /// DEST.
        path: PathBuf,
        /// `is not empty`, `is a file`.
        why: Foreign,
    },
    /// A git folder holds what is not to be opened.
    #[error("{} {what}", shown(path))]
    Odd {
        /// What it holds.
        path: PathBuf,
        /// What is odd about it.
        what: Oddity,
    },
    /// DEST is a clone of what is asked for, at something else.
    #[error("{} {why}", shown(path))]
    Otherwise {
        /// DEST.
        path: PathBuf,
        /// `is at main, not at v1`.
        why: Foreign,
        /// Whether an update brings it there.
        by_update: bool,
    },
    /// DEST is a clone that holds work which an update would lose, or cannot be brought up to date.
    #[error("the clone in {} is not updated: {why}", shown(path))]
    NotUpdated {
        /// DEST.
        path: PathBuf,
        /// What is in the way.
        why: Foreign,
    },
    /// What is to be taken for a clone, to be updated or to be replaced is another user's, who could change it or
    /// lead what is written there astray.
    #[error("{} belongs to another user (uid {owner}), and is neither taken nor changed", shown(path))]
    Foreign {
        /// What.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The same of what is ours, but others may write to it.
    #[error(
        "{} may be written by others (mode {mode:o}, group {group}), and is neither taken nor changed",
        shown(path)
    )]
    Shared {
        /// What.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its group.
        group: u32,
    },
    /// What is to be worked in is reached only by a name that others may give to something else.
    #[error("{} is not worked in: others may rename in {}", shown(path), shown(folder))]
    Movable {
        /// What.
        path: PathBuf,
        /// Where.
        folder: PathBuf,
    },
    /// What stands at a name is not what was made or looked at.
    #[error("somebody exchanged {} meanwhile: it is not what was made there", shown(path))]
    Exchanged {
        /// The name.
        path: PathBuf,
    },
    /// Somebody else is at work in the clone at DEST.
    #[error("the clone in {} is not updated: {who}", shown(path))]
    Busy {
        /// DEST.
        path: PathBuf,
        /// Who.
        who: AtWork,
    },
    /// An update of the clone at DEST was killed while it was put in place, and cannot be finished.
    #[error("the clone in {} is half updated: {why}", shown(path))]
    HalfUpdated {
        /// DEST.
        path: PathBuf,
        /// What is in the way.
        why: Foreign,
    },
    /// Modules of the repository failed.
    #[error("{} could not be cloned: {}", counted(failed.len()), listed(failed))]
    Modules {
        /// Each by its path, with why.
        failed: Vec<(Foreign, Foreign)>,
        /// What sort of failure the first one was.
        kind: Kind,
    },
    /// An attempt that failed, but brought a part of the repository that the next one goes on with.
    #[error(transparent)]
    Headway(Box<Self>),
    /// The attempt was given up.
    #[error("stopped before it was done")]
    Stopped,
}

impl From<Missing> for GitError {
    fn from(what: Missing) -> Self {
        Self::RefNotFound { what }
    }
}

impl From<Excess> for GitError {
    fn from(excess: Excess) -> Self {
        Self::TooMuch(excess)
    }
}

impl From<Damage> for GitError {
    fn from(why: Damage) -> Self {
        Self::Damaged { why, again: false }
    }
}

impl GitError {
    /// What this machine could not do, and why.
    pub(super) fn local(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Local { doing: doing.into().into(), source }
    }
}

fn reason(status: StatusCode) -> String {
    status.canonical_reason().map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 module".to_owned() } else { format!("{count} modules") }
}

fn listed(failed: &[(Foreign, Foreign)]) -> String {
    failed.iter().map(|(path, why)| format!("{path} ({why})")).collect::<Vec<_>>().join(", ")
}
