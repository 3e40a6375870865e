//! Why a package operation failed: which step, and what went wrong in it.

use thiserror::Error;
use vps_breaker::Verdict;
use vps_retry::Class;

use super::classify::Step;
use super::fault::Fault;
use super::package::InvalidPackages;
use super::uris::InvalidPlan;
use crate::classify::{Classify, Kind};
use crate::download::DownloadError;
use crate::process::CommandError;

/// A package operation that failed.
///
/// ```
/// use vps_ops::apt::{AptError, Fault, Step};
/// use vps_ops::{Classify, Class};
///
/// let error = AptError::Said { step: Step::Install, fault: Fault::Interrupted };
/// assert_eq!(error.class(), Class::Local);
/// assert!(error.hints()[0].contains("dpkg --configure -a"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AptError {
    /// What was asked for makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidPackages),
    /// apt-get or dpkg said why.
    #[error("could not {}: {fault}", step.what())]
    Said {
        /// In which step.
        step: Step,
        /// What it said.
        fault: Fault,
    },
    /// apt-get or dpkg could not be run.
    #[error("could not {}", step.what())]
    Command {
        /// In which step.
        step: Step,
        /// Why.
        source: CommandError,
    },
    /// apt-get's plan cannot be trusted.
    #[error(transparent)]
    Plan(#[from] InvalidPlan),
    /// An archive could not be downloaded.
    #[error("could not download `{filename}`")]
    Download {
        /// Which archive.
        filename: String,
        /// Why.
        source: Box<DownloadError>,
    },
}

impl Step {
    fn what(self) -> &'static str {
        match self {
            Self::Update => "update the package lists",
            Self::Plan => "work out what to install",
            Self::Fetch => "fetch the packages",
            Self::Install => "install the packages",
            Self::Repair => "repair the installation",
        }
    }
}

impl AptError {
    fn inner(&self) -> Option<&dyn Classify> {
        match self {
            Self::Said { fault, .. } => Some(fault),
            Self::Command { source, .. } => Some(source),
            Self::Download { source, .. } => Some(&**source),
            Self::Invalid(_) | Self::Plan(_) => None,
        }
    }

    /// What apt-get or dpkg said, if that is why.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Said { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

impl Classify for AptError {
    fn class(&self) -> Class {
        self.inner().map_or(Class::Permanent, Classify::class)
    }

    fn verdict(&self) -> Verdict {
        self.inner().map_or(Verdict::Neutral, Classify::verdict)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::Invalid,
            Self::Plan(_) => Kind::Integrity,
            _ => self.inner().map_or(Kind::Failed, Classify::kind),
        }
    }

    fn progressed(&self) -> bool {
        self.inner().is_some_and(Classify::progressed)
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Invalid(_) => {
                vec!["write a package as `NAME`, `NAME=VERSION` or `NAME/RELEASE`".to_owned()]
            }
            Self::Plan(_) => vec![
                "run `apt-get update` and try again; if it stays, a repository's list is wrong".to_owned(),
            ],
            _ => self.inner().map(Classify::hints).unwrap_or_default(),
        }
    }
}
