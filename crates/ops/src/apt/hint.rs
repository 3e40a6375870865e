//! What to do about a failure of apt's.

use std::io;
use std::path::PathBuf;

use super::error::AptError;
use super::facts::{Corrupt, Fault, PackageFailure, PackageSpec, PackageTrouble, Reach, RepositoryProblem};
use crate::download::DownloadHint;
use crate::hint::{Advise, Hint};

/// One thing to do about a failure of apt's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AptHint {
    /// dpkg was cut: configure what it left, then bring what that lacks.
    FinishCutRun,
    /// Bring what installed packages lack.
    BringWhatLacks,
    /// A configuration file was changed here: say that it is kept, and configure the rest.
    KeepChangedFile,
    /// A package's script failed: see why, mend that, and configure it.
    MendScript {
        /// Of which package.
        package: PackageSpec,
    },
    /// dpkg failed: see why, mend that, and bring what lacks.
    MendFailure,
    /// Find the command that apt-get was configured to run.
    FindHook,
    /// Wait for who holds the lock.
    WaitForHolder {
        /// Its process.
        pid: u32,
    },
    /// Wait for another package manager, whoever it is.
    WaitForAnother,
    /// Only root may change packages.
    BeRoot,
    /// Only root may write to our own folder.
    BeRootForFolder,
    /// The disk is full: free some space.
    FreeSpace,
    /// Our own folder is too full: make room there.
    MakeRoom {
        /// Where.
        path: PathBuf,
    },
    /// The disk is read-only: see why, and mount it writable.
    MountWritable,
    /// The package lists may be old: read them, and try again.
    ReadLists,
    /// Read the lists by themselves, to see which do not come.
    SeeWhichLists,
    /// The package lists are damaged: remove them, and read them anew.
    RemoveLists,
    /// Check this machine's network and name server.
    CheckNetwork,
    /// Check the host's name in the sources.
    CheckHostName,
    /// Check this machine's clock and certificates.
    CheckCertificates,
    /// The server wants to know who asks.
    Credentials,
    /// A proxy is on the way: check it, and what says so.
    CheckProxy,
    /// The proxy wants to know who asks.
    ProxyCredentials,
    /// The network wants a login first.
    LogIn,
    /// Something answers in the server's place: a network's login page, or a proxy.
    LogInOrSuspectProxy,
    /// A mirror in the middle of a change, or something on the way that damages files.
    SuspectMirror,
    /// Check the repository's address and release, or do without it.
    CheckSourceOrRemove,
    /// Check the repository's address and release.
    CheckSource,
    /// Do without the repository, or ask who runs it to sign it.
    AskForSigned,
    /// Install the repository's key, for that repository alone.
    InstallKey,
    /// Mend the file with the repository's keys.
    MendKeyring {
        /// The file.
        file: PathBuf,
    },
    /// Get the repository's new key; it is not to be trusted until then.
    GetNewKey,
    /// Another mirror may be kept up to date.
    UseAnotherMirror,
    /// The repository says it is another one: accept that, if it is right.
    AcceptChange,
    /// Take what the repository lacks out of its source.
    RemoveMissingPart,
    /// Check the clock, and that it is kept right.
    CheckClock,
    /// Look for names like this one.
    SearchName {
        /// What was asked for.
        package: PackageSpec,
    },
    /// Ask for a package that stands for the one that was asked for.
    AskForInstead {
        /// One of those that do.
        package: PackageSpec,
    },
    /// Check the name.
    CheckName,
    /// See which versions there are.
    ListVersions {
        /// Of which package.
        package: PackageSpec,
    },
    /// See which releases there are.
    ListReleases,
    /// See what is held; repositories for another release are a frequent cause too.
    ListHeld,
    /// See what is held, and let go of it.
    LetGoOfHeld,
    /// Nobody vouches for the repository: install its key.
    InstallRepositoryKey,
    /// See what would change, without changing it.
    Simulate,
    /// Mend one entry of a file of sources.
    MendEntry {
        /// Which file.
        file: PathBuf,
        /// Its line or stanza.
        line: u32,
    },
    /// Mend the files of sources.
    MendSources,
    /// See how apt is configured.
    SeeConfiguration,
    /// This is for systems with apt and dpkg.
    NeedsApt,
    /// Somebody changes files in our folder, or the disk is failing.
    SuspectDisk,
    /// See what dpkg finds wrong with what is installed.
    AuditInstalled,
}

impl From<AptHint> for Hint {
    fn from(hint: AptHint) -> Self {
        Self::Apt(hint)
    }
}

impl Advise for AptError {
    fn hints(&self) -> Vec<Hint> {
        let hint = match self {
            Self::Fault(_) | Self::Repositories(_) => {
                return self.fault().map(Advise::hints).unwrap_or_default();
            }
            Self::Download { source, .. } => return source.hints().into_iter().filter_map(of_apts).collect(),
            Self::OutOfTime => return vec![Hint::AllowMoreTime],
            Self::Program(_) => AptHint::NeedsApt,
            Self::NoRoom { path, .. } => AptHint::MakeRoom { path: path.clone() },
            Self::Files { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                AptHint::BeRootForFolder
            }
            Self::Changed { .. } => AptHint::SuspectDisk,
            Self::NotInstalled { .. } => AptHint::AuditInstalled,
            Self::Files { .. } | Self::Plan(_) | Self::Stopped => return Vec::new(),
        };
        vec![hint.into()]
    }
}

/// A download's hint, where a file of apt's is fetched: its request has no headers and no folder to choose.
fn of_apts(hint: Hint) -> Option<Hint> {
    let Hint::Download(hint) = hint else { return Some(hint) };
    Some(match hint {
        DownloadHint::Credentials => AptHint::Credentials.into(),
        DownloadHint::ProxyCredentials => AptHint::ProxyCredentials.into(),
        DownloadHint::LogIn => AptHint::LogIn.into(),
        DownloadHint::CheckDigest => AptHint::SuspectMirror.into(),
        DownloadHint::FreeSpace => AptHint::FreeSpace.into(),
        DownloadHint::ChooseWritableFolder => AptHint::BeRootForFolder.into(),
        DownloadHint::CheckUrl => AptHint::CheckSource.into(),
        DownloadHint::Resume => hint.into(),
        _ => return None,
    })
}

impl Advise for Fault {
    fn hints(&self) -> Vec<Hint> {
        of(self).into_iter().map(Hint::from).collect()
    }
}

fn of(fault: &Fault) -> Option<AptHint> {
    Some(match fault {
        Fault::Interrupted | Fault::DpkgDied | Fault::Stopped { in_dpkg: true, .. } => AptHint::FinishCutRun,
        Fault::BrokenInstall { .. } => AptHint::BringWhatLacks,
        Fault::DpkgFailed { failures } => dpkg(failures),
        Fault::Hook { .. } => AptHint::FindHook,
        Fault::Locked(lock) => match &lock.holder {
            Some(holder) => AptHint::WaitForHolder { pid: holder.pid },
            None => AptHint::WaitForAnother,
        },
        Fault::NotRoot { .. } => AptHint::BeRoot,
        Fault::DiskFull { .. } => AptHint::FreeSpace,
        Fault::ReadOnly { .. } => AptHint::MountWritable,
        Fault::StaleIndex { .. } | Fault::MissingArchives => AptHint::ReadLists,
        Fault::Unreachable { reach, .. } => match reach {
            Reach::NoRoute | Reach::Resolver => AptHint::CheckNetwork,
            Reach::NameUnknown => AptHint::CheckHostName,
            Reach::Certificate => AptHint::CheckCertificates,
            _ => return None,
        },
        Fault::OnTheWay { .. } => AptHint::CheckProxy,
        Fault::Http { status, .. } => match status.as_u16() {
            401 | 403 => AptHint::Credentials,
            407 => AptHint::ProxyCredentials,
            511 => AptHint::LogIn,
            _ => return None,
        },
        Fault::Corrupt { corrupt: Corrupt::NotSignedText, .. } => AptHint::LogInOrSuspectProxy,
        Fault::Corrupt { .. } => AptHint::SuspectMirror,
        Fault::IndexesNotFetched => AptHint::SeeWhichLists,
        Fault::RepositoryBroken { why, .. } => repository(why),
        Fault::ClockSkew { .. } => AptHint::CheckClock,
        Fault::NotFound { packages } | Fault::NoCandidate { packages } => {
            match packages.first().and_then(|name| named(name)) {
                Some(package) => AptHint::SearchName { package },
                None => AptHint::CheckName,
            }
        }
        Fault::Virtual { provided_by: others, .. } | Fault::Replaced { by: others, .. } => {
            match others.first().and_then(|name| named(name)) {
                Some(package) => AptHint::AskForInstead { package },
                None => AptHint::CheckName,
            }
        }
        Fault::VersionNotFound { package, .. } => match named(package) {
            Some(package) => AptHint::ListVersions { package },
            None => AptHint::ReadLists,
        },
        Fault::ReleaseNotFound { .. } => AptHint::ListReleases,
        Fault::UnmetDependencies { .. } => AptHint::ListHeld,
        Fault::Held => AptHint::LetGoOfHeld,
        Fault::Unauthenticated => AptHint::InstallRepositoryKey,
        Fault::WouldRemoveEssential | Fault::WouldDoMore { .. } | Fault::WouldChange { .. } => {
            AptHint::Simulate
        }
        Fault::BadSources { file: Some(file), line: Some(line), .. } => {
            AptHint::MendEntry { file: file.clone(), line: *line }
        }
        Fault::BadSources { .. } => AptHint::MendSources,
        Fault::BadConfiguration { .. } => AptHint::SeeConfiguration,
        Fault::BrokenLists { .. } => AptHint::RemoveLists,
        Fault::NotFetched { .. } | Fault::Aborted | Fault::Stopped { .. } | Fault::Unknown { .. } => {
            return None;
        }
    })
}

fn dpkg(failures: &[PackageFailure]) -> AptHint {
    if failures.iter().any(|failure| failure.trouble == PackageTrouble::ConffilePrompt) {
        return AptHint::KeepChangedFile;
    }
    match failures.first().and_then(|failure| named(&failure.package)) {
        Some(package) => AptHint::MendScript { package },
        None => AptHint::MendFailure,
    }
}

fn repository(why: &RepositoryProblem) -> AptHint {
    match why {
        RepositoryProblem::NoReleaseFile => AptHint::CheckSourceOrRemove,
        RepositoryProblem::NotSigned => AptHint::AskForSigned,
        RepositoryProblem::NoKey { .. } => AptHint::InstallKey,
        RepositoryProblem::Keyring { file, .. } => AptHint::MendKeyring { file: file.clone() },
        RepositoryProblem::BadSignature { .. } => AptHint::GetNewKey,
        RepositoryProblem::Expired => AptHint::UseAnotherMirror,
        RepositoryProblem::Http(status) if matches!(status.as_u16(), 401 | 403) => AptHint::Credentials,
        RepositoryProblem::Http(_) => AptHint::CheckSource,
        RepositoryProblem::Changed { .. } => AptHint::AcceptChange,
        RepositoryProblem::Lacks { .. } => AptHint::RemoveMissingPart,
    }
}

/// What apt-get or dpkg printed goes into a command only if it is a name.
fn named(text: &str) -> Option<PackageSpec> {
    text.parse().ok()
}
