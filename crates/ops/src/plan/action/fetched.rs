//! What comes over the network.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Serialize;

use crate::plan::secret_text::SecretText;

/// Packages to be installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PackagesAction {
    /// As `apt install` takes them: `nginx`, `nginx=1.22*`, `libc6:arm64`. They were checked when the plan was read.
    pub names: Vec<String>,
    /// Whether what is installed is brought up to date, too.
    pub upgrade: bool,
}

/// A repository of packages: a deb822 file of apt's and the key it is signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AptRepository {
    /// The files' name without its ending; the step's name unless told.
    pub name: String,
    /// `deb`, `deb-src`.
    pub types: Vec<String>,
    /// Where it is.
    pub uris: Vec<String>,
    /// Its suites.
    pub suites: Vec<String>,
    /// Its components; none where a suite is a path that ends in `/`.
    pub components: Vec<String>,
    /// For which architectures; all where empty.
    pub architectures: Vec<String>,
    /// The key that it is signed with.
    pub key: AptKey,
}

/// The key of a repository, which is checked before apt may trust it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AptKey {
    /// Where it comes from.
    pub source: AptKeySource,
    /// What it must be.
    pub check: AptKeyCheck,
}

/// Where the key of a repository comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AptKeySource {
    /// A server.
    Url(String),
    /// A file of this machine.
    File(PathBuf),
    /// It stands in the plan, in ASCII armour.
    Text(String),
}

impl Default for AptKeySource {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// What the key of a repository must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AptKeyCheck {
    /// It stands in the plan, or is a file of this machine: it is what it is.
    #[default]
    AsGiven,
    /// The file has this SHA-256, in lower case.
    Sha256(String),
    /// Its primary key has this fingerprint, in upper case; asked of gpg.
    Fingerprint(String),
}

/// A file to be downloaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DownloadAction {
    /// Without user and password.
    pub url: String,
    /// Further places, in order.
    pub mirrors: Vec<String>,
    /// Where the file is to be. Without one, what is downloaded is only unpacked.
    pub dest: Option<PathBuf>,
    /// `ALGORITHM:HEX`, or the URL of a list of digests.
    pub checksum: Option<String>,
    /// Its length in bytes, where known.
    pub size: Option<u64>,
    /// Of the file.
    pub mode: Option<u32>,
    /// Sent with each request to the URL's server.
    pub headers: Vec<(String, SecretText)>,
    /// Where its content goes.
    pub unpack: Option<Unpack>,
}

/// Where the content of an archive goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unpack {
    /// The folder, which is the archive's alone.
    pub to: PathBuf,
    /// How many folders of each name in it are left out.
    pub strip: u32,
}

impl Unpack {
    /// Into this folder, with so many folders of each name left out.
    #[must_use]
    pub fn new(to: impl Into<PathBuf>, strip: u32) -> Self {
        Self { to: to.into(), strip }
    }
}

/// A repository to be cloned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GitAction {
    /// As `git clone` takes it.
    pub url: String,
    /// Where the clone is to be.
    pub dest: PathBuf,
    /// A branch or a tag.
    pub branch: Option<String>,
    /// A commit, whole, in lower case.
    pub commit: Option<String>,
    /// Commits of history; all of it where none is said and `full` is.
    pub depth: Option<NonZeroU32>,
    /// Whether all of the history is fetched.
    pub full: bool,
    /// Whether its modules are cloned, too.
    pub submodules: bool,
    /// Whether a clone that is there follows its branch.
    pub update: bool,
}
