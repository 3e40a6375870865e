//! How a step of an update or an install failed.

use std::io;
use std::path::PathBuf;

use bytesize::ByteSize;
use thiserror::Error;
use vps_retry::{Blame, Class, Classify, Judgement, Kind};

use super::fault::Fault;
use super::update::Updated;
use super::uris::InvalidPlan;
use crate::download::{self, DownloadError};
use crate::hint::{Advise, Hint};
use crate::process::CommandError;

/// Why a step failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AptError {
    /// By the words of apt-get or dpkg.
    #[error(transparent)]
    Fault(Fault),
    /// Indexes could not be brought; what came is in place.
    #[error("{}", .0.warnings().join("; "))]
    Repositories(Box<Updated>),
    /// A file could not be fetched.
    #[error("could not fetch {file}")]
    Download {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: Box<DownloadError>,
    },
    /// A program could not be started.
    #[error("apt cannot be used here")]
    Program(#[from] CommandError),
    /// apt-get's plan cannot be trusted.
    #[error("apt-get's plan cannot be trusted")]
    Plan(#[from] InvalidPlan),
    /// Our own folder cannot be used.
    #[error("{} cannot be used", path.display())]
    Files {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The files do not fit.
    #[error("{} has room for {} only, and the packages have {}", path.display(), size(*free), size(*needed))]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// Bytes to be fetched.
        needed: u64,
        /// Bytes there are.
        free: u64,
    },
    /// A file was right when it was fetched, and is not any more.
    #[error("{file} {} since it was fetched", if *gone { "is gone" } else { "was changed" })]
    Changed {
        /// Which.
        file: String,
        /// Whether it is not there at all.
        gone: bool,
    },
    /// apt-get has succeeded, dpkg knows nothing of it.
    #[error("apt-get reports success, but dpkg does not have {}", packages.join(", "))]
    NotInstalled {
        /// What is not there.
        packages: Vec<String>,
    },
    /// The caller gave up before dpkg had begun.
    #[error("stopped before dpkg had begun")]
    Stopped,
    /// The time was over before dpkg had begun.
    #[error("ran out of time before dpkg had begun")]
    OutOfTime,
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Whether a file is gone, or not what its index promises: the index may be older than the files.
pub(crate) fn is_stale(error: &DownloadError) -> bool {
    let is_gone = |status: &http::StatusCode| matches!(status.as_u16(), 404 | 410);
    matches!(error.fault(), download::Fault::Status { status, .. } if is_gone(status))
        || error.kind() == Kind::Integrity
}

impl AptError {
    /// The fault that decides: of several repositories' the first that another attempt may cure.
    fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Repositories(updated) => {
                let faults = || updated.failed().filter_map(|one| one.result.state.fault());
                let is_curable = |fault: &&Fault| fault.class() != Class::Permanent;
                faults().find(is_curable).or_else(|| faults().next())
            }
            _ => None,
        }
    }

    pub(crate) fn is_repairable(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.is_repairable())
    }

    /// Whether the index names a file that is gone, or that is not what it promises.
    pub(crate) fn is_stale_index(&self) -> bool {
        match self {
            Self::Fault(Fault::StaleIndex { .. }) => true,
            Self::Download { source, .. } => is_stale(source),
            _ => false,
        }
    }

    /// Whether what came, twice, was not what the index promises.
    pub(crate) fn is_corrupt(&self) -> bool {
        matches!(self, Self::Download { source, .. } if source.kind() == Kind::Integrity)
    }

    pub(crate) fn is_cured_by_update(&self) -> bool {
        self.is_stale_index() || matches!(self, Self::Fault(fault) if fault.is_cured_by_update())
    }

    pub(crate) fn is_cured_by_fetching(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Fault(Fault::MissingArchives))
    }
}

impl Classify for AptError {
    fn judge(&self) -> Judgement {
        match self {
            Self::Repositories(updated) if updated.given_up => {
                let judgement = self.fault().map_or(Class::Permanent.into(), Classify::judge);
                Judgement::new(Class::Permanent, judgement.blame, judgement.kind)
            }
            Self::Fault(_) | Self::Repositories(_) => {
                self.fault().map_or(Class::Permanent.into(), Classify::judge)
            }
            Self::Download { source, .. } => source.judge(),
            Self::Program(error) => Judgement::new(error.class(), Blame::Elsewhere, Kind::Failed),
            Self::Files { .. } | Self::NoRoom { .. } => Class::Local.into(),
            Self::Stopped => Class::Cancelled.into(),
            Self::Changed { .. } => Judgement::of(Class::Permanent).kind(Kind::Integrity),
            Self::OutOfTime => Judgement::of(Class::Permanent).kind(Kind::Timeout),
            Self::Plan(_) | Self::NotInstalled { .. } => Class::Permanent.into(),
        }
    }
}

impl Advise for AptError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Fault(_) | Self::Repositories(_) => self.fault().map(Advise::hints).unwrap_or_default(),
            Self::Download { source, .. } => source.hints(),
            Self::Program(_) => {
                vec![Hint::Text("this needs apt-get and dpkg, as on Debian and Ubuntu".to_owned())]
            }
            Self::NoRoom { path, .. } => {
                vec![Hint::Text(format!(
                    "make room there, as by `apt-get clean`, or see `df -h {}`",
                    path.display()
                ))]
            }
            Self::Files { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                vec![Hint::Text("run it as root, as with `sudo`".to_owned())]
            }
            Self::Changed { .. } => {
                vec![Hint::Text(
                    "somebody changes files in our archive folder, or the disk is failing".to_owned(),
                )]
            }
            Self::OutOfTime => vec![Hint::AllowMoreTime],
            Self::NotInstalled { .. } => vec![Hint::Text("see `dpkg --audit`".to_owned())],
            _ => Vec::new(),
        }
    }
}
