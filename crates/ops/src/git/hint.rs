//! What to do about a failed clone.

use std::io;

use super::GitError;
use super::cause::{Damage, LineCause, LineProgram, Missing};
use super::excess::{Bound, Excess};
use crate::env::fs::ForeignLink;
use crate::hint::{Advise as _, Hint};

/// One thing to do about a failed clone or update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GitHint {
    /// The repository is private, or is not there: say who you are, in a way that is kept secret.
    Credentials,
    /// The proxy wants to know who asks.
    ProxyCredentials,
    /// Nothing is there, or nothing that is shown to just anyone: check the URL.
    CheckUrl,
    /// What answers serves no repository: check the URL.
    CheckKindOfUrl,
    /// Check the commit's id; a server may also hide one that no branch leads to.
    CheckCommit,
    /// HEAD leads nowhere: name a branch.
    NameBranch,
    /// See which branches and tags there are.
    ListRefs,
    /// Only git itself can clone it.
    UseGit,
    /// The repository there is damaged, or the other end ran out of memory.
    CheckRepositoryThere,
    /// The repository there may lack an object.
    CheckForObjectThere,
    /// The path on this machine must be that of a repository which may be read.
    CheckPath,
    /// The path on the server must be that of a repository which the key may read.
    CheckPathThere,
    /// `GIT_SSH_COMMAND` names a program that cannot be run here.
    CheckSshCommand,
    /// git must be installed on the server.
    InstallGitThere,
    /// The server's key is not the one that is known: somebody may answer in its place.
    ServerKeyChanged,
    /// The server's key is not known: compare it, and take it by hand.
    ServerKeyUnknown,
    /// The server must know your key, which must be usable without a question.
    CheckKey,
    /// There is no such host: check its name, and the resolver.
    CheckHostName,
    /// Something on the way changes what is sent.
    CheckTheWay,
    /// The server cannot send a part of the history: take all of it.
    WholeHistory,
    /// The repository is hostile: tell its owner.
    TellOwner,
    /// There is more of it than is configured: raise that, if the repository is to be trusted.
    RaiseLimit {
        /// The key of the configuration.
        key: &'static str,
    },
    /// DEST is somebody's: name another folder, or empty this one.
    OtherFolder,
    /// DEST is a clone of it already: have it brought up to date.
    Update,
    /// What a login prints on the server must not be printed for commands.
    QuietLogin,
    /// Bring your own work to safety first.
    SaveOwnWork,
    /// The clone is another user's: run it as that one.
    RunAs {
        /// The user's id.
        owner: u32,
    },
    /// Others may write to it: take that right away, if they are not to.
    TakeRightsAway,
    /// Others may rename where it is: clone to a folder of your own.
    FolderOfOnesOwn,
    /// A link of another user's is on the way: name the folder itself.
    NameFolderItself,
    /// Somebody is at work in it: wait until that has ended.
    WaitForOthers,
    /// Half an update is there: put the file that was changed elsewhere, and let it go on.
    LetUpdateGoOn,
    /// Free some space.
    FreeSpace,
    /// The folder above DEST must be yours to write.
    CheckOwner,
    /// A name is too long.
    ShorterName,
    /// A mount point cannot be replaced: name a folder in it.
    BelowMountPoint,
}

impl From<GitHint> for Hint {
    fn from(hint: GitHint) -> Self {
        Self::Git(hint)
    }
}

pub(super) fn of(error: &GitError) -> Vec<Hint> {
    let hint = match error {
        GitError::Http(error) | GitError::NoSuchHost(error) => return error.hints(),
        GitError::Program(error) => return error.hints(),
        GitError::Headway(error) => return of(error),
        GitError::Status { status, .. } => match status.as_u16() {
            401 | 403 => GitHint::Credentials,
            407 => GitHint::ProxyCredentials,
            404 | 410 => GitHint::CheckUrl,
            _ => return Vec::new(),
        },
        GitError::NotGit { .. } => GitHint::CheckKindOfUrl,
        GitError::RefNotFound { what } => match what {
            Missing::Commit(_) | Missing::SomeCommit | Missing::NoCommit(_) | Missing::BehindTag { .. } => {
                GitHint::CheckCommit
            }
            Missing::Head { .. } => GitHint::NameBranch,
            Missing::Named(_) | Missing::Gone { .. } => GitHint::ListRefs,
        },
        GitError::Unsupported { .. } => GitHint::UseGit,
        GitError::Aborted { corruption: true, .. } => GitHint::CheckRepositoryThere,
        GitError::Connection { program, cause: Some(cause), .. } => of_line(*program, *cause),
        GitError::Damaged { why: Damage::Missing { .. }, .. } => GitHint::CheckForObjectThere,
        GitError::Damaged { .. } => GitHint::CheckTheWay,
        GitError::Depth { .. } => GitHint::WholeHistory,
        GitError::Hostile { .. } => GitHint::TellOwner,
        GitError::Occupied { .. } | GitError::Odd { .. } => GitHint::OtherFolder,
        GitError::TooMuch(Excess { of: Bound::Pack | Bound::Files, .. }) => GitHint::FreeSpace,
        GitError::TooMuch(excess) => {
            excess.of.key().map_or(GitHint::TellOwner, |key| GitHint::RaiseLimit { key })
        }
        GitError::Otherwise { by_update: true, .. } => GitHint::Update,
        GitError::Otherwise { .. } => GitHint::NameBranch,
        GitError::Greeting { .. } => GitHint::QuietLogin,
        GitError::NotUpdated { .. } => GitHint::SaveOwnWork,
        GitError::Foreign { owner, .. } => GitHint::RunAs { owner: *owner },
        GitError::Shared { .. } => GitHint::TakeRightsAway,
        GitError::Movable { .. } | GitError::Exchanged { .. } => GitHint::FolderOfOnesOwn,
        GitError::Local { source, .. } if ForeignLink::behind(source).is_some() => GitHint::NameFolderItself,
        GitError::Busy { .. } => GitHint::WaitForOthers,
        GitError::HalfUpdated { .. } => GitHint::LetUpdateGoOn,
        GitError::Local { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => GitHint::FreeSpace,
            io::ErrorKind::PermissionDenied => GitHint::CheckOwner,
            io::ErrorKind::InvalidFilename => GitHint::ShorterName,
            io::ErrorKind::ResourceBusy => GitHint::BelowMountPoint,
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    vec![hint.into()]
}

const fn of_line(program: LineProgram, cause: LineCause) -> GitHint {
    match (cause, program) {
        (LineCause::Corruption, _) => GitHint::CheckRepositoryThere,
        (LineCause::NoSshCommand, _) => GitHint::CheckSshCommand,
        (LineCause::NoGit, _) => GitHint::InstallGitThere,
        (LineCause::KeyChanged, _) => GitHint::ServerKeyChanged,
        (LineCause::KeyUnknown, _) => GitHint::ServerKeyUnknown,
        (LineCause::NotLetIn, _) => GitHint::CheckKey,
        (LineCause::NoSuchHost, _) => GitHint::CheckHostName,
        (LineCause::Refused, LineProgram::UploadPack) => GitHint::CheckPath,
        (LineCause::Refused, LineProgram::Ssh) => GitHint::CheckPathThere,
    }
}
