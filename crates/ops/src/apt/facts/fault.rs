//! What can be wrong with a run of apt-get or dpkg, in words for a person.

use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use super::lock::Lock;
use super::package_failure::PackageFailure;
use super::reach::{Corrupt, FetchFailure, Reach};
use super::repository_problem::RepositoryProblem;
use super::sentence::{Failures, In, Of, Quoted, Times};
use crate::foreign::{Foreign, shown};

/// Why a run failed. Every text in it is fit for a screen and free of passwords.
///
/// ```
/// use vps_ops::Advise;
/// use vps_ops::apt::{Said, StatusSummary, Step, fault};
/// use vps_ops::process::Ended;
///
/// let said = Said::new(b"", b"E: Unable to locate package nginxx\n");
/// let fault = fault(Step::Plan, Ended::Code(100), &said, &StatusSummary::default()).unwrap();
/// assert_eq!(fault.to_string(), "no package is called `nginxx`");
/// assert!(!fault.hints().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// An earlier run of dpkg was cut.
    #[error("an earlier run of dpkg was cut before it was done")]
    Interrupted,
    /// Something installed lacks what it needs.
    #[error("what is installed lacks packages it needs: {text}")]
    BrokenInstall {
        /// Which, as apt-get says it.
        text: Foreign,
    },
    /// dpkg was killed or crashed.
    #[error("dpkg ended in the middle of its work, as when it is killed or memory runs out")]
    DpkgDied,
    /// dpkg could not do something with packages.
    #[error("dpkg failed with {}", Failures(failures))]
    DpkgFailed {
        /// With which, and why; the first is most often the cause of the others.
        failures: Vec<PackageFailure>,
    },
    /// A command that apt-get was configured to run beside dpkg failed.
    #[error("a command that apt-get is configured to run failed: {text}")]
    Hook {
        /// apt-get's words.
        text: Foreign,
    },
    /// Somebody else is at work.
    #[error("{0}")]
    Locked(Lock),
    /// The caller may not do this.
    #[error("no permission to use `{}`", shown(path))]
    NotRoot {
        /// What may not be used.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("no space left{}", In(path.as_ref()))]
    DiskFull {
        /// Where, if that is said.
        path: Option<PathBuf>,
    },
    /// The disk cannot be written to.
    #[error("the disk is read-only{}", In(path.as_ref()))]
    ReadOnly {
        /// Where, if that is said.
        path: Option<PathBuf>,
    },
    /// The index names an archive that is gone: a newer one took its place.
    #[error("the package lists are out of date: {url} is gone")]
    StaleIndex {
        /// Which archive.
        url: Foreign,
    },
    /// A server was not reached.
    #[error("{reach} ({url})")]
    Unreachable {
        /// For what.
        url: Foreign,
        /// How.
        reach: Reach,
    },
    /// Who stands before the server, such as a proxy, was not reached: the server was never asked.
    #[error("the way to {url} leads over {peer}, and {reach}")]
    OnTheWay {
        /// For what.
        url: Foreign,
        /// Its host and port.
        peer: Foreign,
        /// How.
        reach: Reach,
    },
    /// A server answered, but with no file.
    #[error("{} ({url})", FetchFailure::Http(*status))]
    Http {
        /// For what.
        url: Foreign,
        /// What it answered.
        status: StatusCode,
    },
    /// What came is not what the index promises.
    #[error("{corrupt} ({url})")]
    Corrupt {
        /// Which file.
        url: Foreign,
        /// In what way.
        corrupt: Corrupt,
    },
    /// A file was not fetched, for a reason we do not know.
    #[error("could not fetch {url}: {text}")]
    NotFetched {
        /// Which.
        url: Foreign,
        /// apt-get's words.
        text: Foreign,
    },
    /// An index was not brought, and apt-get does not say which.
    #[error("some package lists could not be fetched")]
    IndexesNotFetched,
    /// A repository cannot be used as it is.
    #[error("the repository {repository} {why}")]
    RepositoryBroken {
        /// Which: its URI and release, or the file that is wrong.
        repository: Foreign,
        /// Why.
        why: RepositoryProblem,
    },
    /// A repository's times and this machine's clock do not agree.
    #[error("the clock of this machine looks wrong: {repository} {}", Times(*early))]
    ClockSkew {
        /// The first that does not agree.
        repository: Foreign,
        /// How long until its file is valid; `None` where several have expired.
        early: Option<Duration>,
    },
    /// Nothing is called so.
    #[error("no package is called {}", Quoted(packages))]
    NotFound {
        /// Every such name.
        packages: Vec<Foreign>,
    },
    /// Something is called so, but no repository has it.
    #[error("no repository has {} to install", Quoted(packages))]
    NoCandidate {
        /// Every such name.
        packages: Vec<Foreign>,
    },
    /// The name is one that other packages stand for, and none of them was chosen.
    #[error("`{package}` is no package itself; it is provided by {}", Quoted(provided_by))]
    Virtual {
        /// The name.
        package: Foreign,
        /// Those that stand for it.
        provided_by: Vec<Foreign>,
    },
    /// No repository has the package any more, and others take its place.
    #[error("no repository has `{package}` any more; it is replaced by {}", Quoted(by))]
    Replaced {
        /// The package.
        package: Foreign,
        /// Those in its place.
        by: Vec<Foreign>,
    },
    /// There is no such version.
    #[error("no repository has version `{version}` of `{package}`")]
    VersionNotFound {
        /// Of which package.
        package: Foreign,
        /// Which version.
        version: Foreign,
    },
    /// There is no such release.
    #[error("no repository has the release `{release}`{}", Of(package.as_deref()))]
    ReleaseNotFound {
        /// Which.
        release: Foreign,
        /// For which package, where that matters.
        package: Option<Foreign>,
    },
    /// What was asked for cannot be installed together.
    #[error("the packages cannot be installed together: {text}")]
    UnmetDependencies {
        /// What is missing, as apt-get says it.
        text: Foreign,
    },
    /// A package that is held would change.
    #[error("a package that is held at its version would have to change")]
    Held,
    /// Nobody vouches for a package.
    #[error("nobody vouches for the packages: their repository is not signed")]
    Unauthenticated,
    /// A package without which the machine does not work would go.
    #[error("a package that this machine needs would be removed")]
    WouldRemoveEssential,
    /// Packages would be removed or go back to an older version, which was not asked for.
    #[error("apt-get would do more than was asked for: {text}")]
    WouldDoMore {
        /// apt-get's words.
        text: Foreign,
    },
    /// A package that is there and was asked for would change, since apt-get cannot be told its version.
    #[error("`{package}` would change, though it is there: apt-get cannot be told its version `{version}`")]
    WouldChange {
        /// Which.
        package: Foreign,
        /// The version there is.
        version: Foreign,
    },
    /// The list of repositories cannot be read.
    #[error("the list of repositories cannot be read: {text}")]
    BadSources {
        /// Which file.
        file: Option<PathBuf>,
        /// Its line or stanza.
        line: Option<u32>,
        /// apt-get's words.
        text: Foreign,
    },
    /// apt-get does not understand its options or its configuration.
    #[error("apt-get does not accept its configuration: {text}")]
    BadConfiguration {
        /// apt-get's words.
        text: Foreign,
    },
    /// The package lists on this machine are damaged.
    #[error("the package lists on this machine are damaged: {text}")]
    BrokenLists {
        /// apt-get's words.
        text: Foreign,
    },
    /// An archive that was to be there already is not, or has another length.
    #[error("an archive is missing, and fetching it was not allowed")]
    MissingArchives,
    /// apt-get asked, and nobody said yes.
    #[error("apt-get asked whether to go on, and nobody answered")]
    Aborted,
    /// A signal ended it.
    #[error("signal {signal} ended it{}", if *in_dpkg { " while dpkg was at work" } else { "" })]
    Stopped {
        /// Which.
        signal: i32,
        /// Whether dpkg was at work: then packages are left half done.
        in_dpkg: bool,
    },
    /// Something we do not know.
    #[error("{text}")]
    Unknown {
        /// All that was said about it.
        text: Foreign,
    },
}

impl Fault {
    /// Whether `dpkg --configure -a` and `apt-get -f install` may cure it.
    #[must_use]
    pub fn is_repairable(&self) -> bool {
        matches!(self, Self::Interrupted | Self::BrokenInstall { .. } | Self::DpkgDied)
    }

    /// Whether an update may cure it: the lists are old, damaged, or were never there.
    #[must_use]
    pub fn is_cured_by_update(&self) -> bool {
        matches!(
            self,
            Self::StaleIndex { .. }
                | Self::NotFound { .. }
                | Self::NoCandidate { .. }
                | Self::Virtual { .. }
                | Self::Replaced { .. }
                | Self::VersionNotFound { .. }
                | Self::ReleaseNotFound { .. }
                | Self::BrokenLists { .. }
        )
    }
}
