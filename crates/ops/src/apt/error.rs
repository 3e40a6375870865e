//! How a step of an update or an install failed.

use std::io;
use std::path::PathBuf;

use bytesize::ByteSize;
use thiserror::Error;

use super::facts::{Fault, InvalidPlan, PackageSpec, Updated};
use crate::download::DownloadError;
use crate::foreign::{Foreign, shown};
use crate::process::CommandError;

/// Why a step failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AptError {
    /// By the words of apt-get or dpkg.
    #[error(transparent)]
    Fault(Fault),
    /// Indexes could not be brought; what came is in place.
    #[error("{}", .0.sentence())]
    Repositories(Box<Updated>),
    /// A file could not be fetched.
    #[error("could not fetch {file}")]
    Download {
        /// Which.
        file: Foreign,
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
    #[error("{} cannot be used", shown(path))]
    Files {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The files do not fit.
    #[error("{} has room for {} only, and the packages have {}", shown(path), size(*free), size(*needed))]
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
        file: Foreign,
        /// Whether it is not there at all.
        gone: bool,
    },
    /// apt-get has succeeded, dpkg knows nothing of it.
    #[error("apt-get reports success, but dpkg does not have {}", listed(packages))]
    NotInstalled {
        /// What is not there.
        packages: Vec<PackageSpec>,
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

fn listed(packages: &[PackageSpec]) -> String {
    packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
