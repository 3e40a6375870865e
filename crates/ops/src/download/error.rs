//! Why a download attempt failed, and what that means.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;
use vps_retry::Judgement;

use super::checksum::{Checksum, ChecksumError};
use super::parse::InvalidRequest;
use super::size::Size;
use crate::foreign::{Foreign, shown};
use crate::http::{HttpError, SafeUrl};

/// What went wrong, without where it did.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The request makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The folder DEST would be in is not there.
    #[error("the folder `{}` does not exist", shown(folder))]
    NoParent {
        /// The folder that is missing.
        folder: PathBuf,
    },
    /// DEST is nothing that a file may replace.
    #[error("`{}` is {what} and is never replaced by a download", shown(path))]
    NotReplaceable {
        /// DEST.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// DEST is a folder that another user put where everybody may put names.
    #[error(
        "`{}` is a folder of another user (uid {owner}), in a place where others may put names",
        shown(path)
    )]
    ForeignFolder {
        /// DEST.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// This machine could not do something with a file.
    #[error("could not {doing} `{}`", shown(path))]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// The file it was tried with.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else gave the names of our files to others, so that DEST may not be what was downloaded.
    #[error("somebody else renamed files beside `{}` while it was put in place", shown(path))]
    Exchanged {
        /// DEST.
        path: PathBuf,
    },
    /// The disk is too small for the file.
    #[error("not enough space in `{}`: {} needed, {} free", shown(folder), Size(*needed), Size(*free))]
    NoSpace {
        /// The folder that DEST is in.
        folder: PathBuf,
        /// Bytes still to come.
        needed: u64,
        /// Bytes that are free there.
        free: u64,
    },
    /// The server does not say how long the file is, and it is longer than there is room for.
    #[error(
        "the server does not say how long the file is, and it is longer than the {} that fit in `{}` with {} left free",
        Size(*limit), shown(folder), Size(*reserve)
    )]
    NoRoom {
        /// The folder that DEST is in.
        folder: PathBuf,
        /// Bytes that the file may have.
        limit: u64,
        /// Bytes that stay free there.
        reserve: u64,
    },
    /// Another process writes the same file.
    #[error("another process is downloading to `{}`", shown(path))]
    Busy {
        /// DEST.
        path: PathBuf,
    },
    /// The connection failed.
    #[error("{}", .0.what())]
    Http(HttpError),
    /// The server answered, but with no file.
    #[error("the server answered {}", Status(*status))]
    Status {
        /// What it answered.
        status: StatusCode,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// The source sent less than the minimum speed, and there is another one.
    #[error("less than {} a second over {}", Size(*min_speed), humantime::format_duration(*window))]
    TooSlow {
        /// The least bytes a second.
        min_speed: u64,
        /// How long it was less.
        window: Duration,
    },
    /// The server sent a part of the file though all of it was asked for.
    #[error("the server sent a part of the file though all of it was asked for")]
    UnaskedPart,
    /// The file has another length than it must have.
    #[error("the file has {got} bytes, not {expected}")]
    Length {
        /// What it must have.
        expected: u64,
        /// What it has.
        got: u64,
    },
    /// The file has another digest than it must have.
    #[error("the file's {} is {got}, not {}", expected.algorithm().name(), expected.hex())]
    Digest {
        /// What it must have.
        expected: Checksum,
        /// What it has.
        got: Foreign,
    },
    /// The list that was to name the digest came, and does not name one for the file.
    #[error("{0}")]
    Unlisted(ChecksumError),
    /// The list that was to name the digest came, and is no list.
    #[error("the list of checksums cannot be read: {0}")]
    UnreadableList(io::Error),
    /// The file is larger than allowed.
    #[error("the file is larger than the {} allowed", Size(*limit))]
    TooLarge {
        /// The most bytes that are allowed.
        limit: u64,
    },
}

struct Status(StatusCode);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_u16())?;
        self.0.canonical_reason().map_or(Ok(()), |reason| write!(f, " {reason}"))
    }
}

/// How far an attempt had come when it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// Bytes held in all.
    pub(super) held: u64,
    /// The file's length, where known.
    pub(super) total: Option<u64>,
    /// Bytes more than were ever held before.
    pub(super) gained: u64,
    /// Whether what is held is kept for the next attempt.
    pub(super) kept: bool,
    /// Whether another run will find it.
    pub(super) found_again: bool,
}

/// A failed attempt of a download: what, with whom, how far it had come.
///
/// ```no_run
/// # fn show(error: vps_ops::download::DownloadError) {
/// use vps_ops::{Advise, Classify};
/// println!("{error} ({:?})", error.class());
/// for hint in error.hints() {
///     println!("hint: {hint:?}");
/// }
/// # }
/// ```
pub struct DownloadError(Box<Inner>);

struct Inner {
    fault: Fault,
    url: SafeUrl,
    host: Option<Foreign>,
    reached: Reached,
    judgement: Judgement,
}

/// An attempt that gained this much of what can be gone on with does not count as one.
pub(super) const PROGRESS: u64 = 256 << 10;

impl DownloadError {
    pub(super) fn new(
        fault: Fault,
        url: SafeUrl,
        host: Option<Foreign>,
        reached: Reached,
        judgement: Judgement,
    ) -> Self {
        Self(Box::new(Inner { fault, url, host, reached, judgement }))
    }

    /// A first attempt's `fault` that left nothing.
    pub(crate) fn of(fault: Fault, url: &url::Url) -> Self {
        let judgement = super::judge::Seen::default().judge(0, &fault);
        Self::new(fault, SafeUrl::new(url), None, Reached::default(), judgement)
    }

    /// What went wrong.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// The source it went wrong with.
    #[must_use]
    pub fn url(&self) -> &SafeUrl {
        &self.0.url
    }

    /// `host:port` of who failed: where redirects lead elsewhere, not the source's.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// Bytes held when it failed.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0.reached.held
    }

    /// The file's length, where known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.0.reached.total
    }

    /// Bytes more than were ever held before.
    pub(super) fn gained(&self) -> u64 {
        self.0.reached.gained
    }

    /// What it means after all that came before.
    pub(super) fn judgement(&self) -> Judgement {
        self.0.judgement
    }

    /// Whether what was received is kept, so that the next attempt goes on with it.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.0.reached.kept
    }

    /// Whether the same download, begun again, goes on with what was received.
    #[must_use]
    pub fn is_found_again(&self) -> bool {
        self.0.reached.found_again
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { fault, host, reached, .. } = &*self.0;
        write!(f, "{fault}")?;
        let far = match (reached.held, reached.total) {
            (0, _) => None,
            (held, Some(total)) => Some(format!("{} of {} received", Size(held), Size(total))),
            (held, None) => Some(format!("{} received", Size(held))),
        };
        let remote = matches!(fault, Fault::Http(_) | Fault::Status { .. } | Fault::TooSlow { .. });
        match (host.as_ref().filter(|_| remote), far.filter(|_| remote)) {
            (Some(host), Some(far)) => write!(f, " ({host}, {far})"),
            (Some(host), None) => write!(f, " ({host})"),
            (None, Some(far)) => write!(f, " ({far})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadError")
            .field("fault", &self.0.fault)
            .field("url", &self.0.url)
            .field("reached", &self.0.reached)
            .field("judgement", &self.0.judgement)
            .finish_non_exhaustive()
    }
}

impl Error for DownloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.fault {
            // Its own words are ours already.
            Fault::Http(error) => error.source(),
            fault => fault.source(),
        }
    }
}
