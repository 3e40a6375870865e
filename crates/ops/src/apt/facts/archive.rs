//! A file that holds a package, and why a plan that names one cannot be trusted.

use std::fmt;

use thiserror::Error;

use super::show;
use crate::download::Checksum;
use crate::foreign::Foreign;

/// An archive that apt-get would fetch.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archive {
    /// Where from. It may hold a password: `Debug` does not show it.
    pub url: String,
    /// What apt-get looks for in its archive folder; a plain name that ends in `.deb`.
    pub filename: String,
    /// Its bytes.
    pub size: u64,
    /// Its digest; `None` where apt-get names only one that can be forged.
    pub hash: Option<Checksum>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("url", &show::safe_urls(&self.url))
            .field("filename", &self.filename)
            .field("size", &self.size)
            .field("hash", &self.hash)
            .finish()
    }
}

/// A line of a plan that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of apt-get's plan: {reason} (`{shown}`)")]
#[non_exhaustive]
pub struct InvalidPlan {
    /// Which, counted from 1.
    pub line: usize,
    /// The line, fit for a screen.
    pub shown: Foreign,
    /// What is wrong with it.
    pub reason: PlanReason,
}

/// What is wrong with a line of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanReason {
    /// The URL is not between quotes, or is none.
    #[error("there is no URL between single quotes")]
    Url,
    /// The name could lead out of the archive folder, or is no archive's.
    #[error("the file name is not a plain one that ends in `.deb`")]
    Filename,
    /// The size is no number of bytes.
    #[error("the size is no number")]
    Size,
    /// The digest is not one.
    #[error("the digest does not have its digits")]
    Hash,
    /// Two lines for one file that do not agree.
    #[error("an earlier line says something else of the same file")]
    Twice,
}
