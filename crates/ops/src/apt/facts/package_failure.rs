//! A package that dpkg failed with.

use crate::foreign::Foreign;
use std::path::PathBuf;

/// A package that dpkg failed with, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PackageFailure {
    /// Its name, or the path of its archive.
    pub package: Foreign,
    /// What dpkg says.
    pub text: Foreign,
    /// What that means, as far as we know it.
    pub trouble: PackageTrouble,
    /// What its script printed last, one line after the other; empty where it said nothing.
    pub printed: Vec<Foreign>,
}

impl PackageFailure {
    /// With a package, in dpkg's words, which mean `trouble`.
    #[must_use]
    pub fn new(package: impl Into<String>, text: impl Into<String>, trouble: PackageTrouble) -> Self {
        Self { package: package.into().into(), text: text.into().into(), trouble, printed: Vec::new() }
    }
}

/// What dpkg's words about a package mean.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackageTrouble {
    /// The disk is full.
    DiskFull {
        /// Where, if that is said.
        path: Option<PathBuf>,
    },
    /// A configuration file was changed here, and nobody said which one to keep.
    ConffilePrompt,
    /// Something else, most often a script that failed.
    Other,
}
