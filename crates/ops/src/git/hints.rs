//! What to do about a failed clone.

use super::GitError;
use crate::classify::Classify;

pub(super) fn of(error: &GitError) -> Vec<String> {
    let hint: &str = match error {
        GitError::Http(error) => return error.hints(),
        GitError::Program(error) => return error.hints(),
        GitError::Headway(error) => return of(error),
        GitError::Status { status, .. } => match status.as_u16() {
            401 | 403 => {
                "the repository is private or does not exist: put a token into `~/.netrc`, or use an ssh URL"
            }
            404 | 410 => "check the URL; a private repository may look as if it did not exist",
            _ => return Vec::new(),
        },
        GitError::NotGit { .. } => "check the URL: it must be that of a repository, not of a page about it",
        GitError::RefNotFound { what } if what.starts_with("commit") => {
            "check its id; a server may also hide commits that no branch leads to"
        }
        GitError::RefNotFound { .. } => "`git ls-remote URL` lists what there is",
        GitError::Connection { program, .. } if program == "git-upload-pack" => {
            "check the path: it must be that of a repository that you may read"
        }
        GitError::Connection { .. } => {
            "nothing is asked: the key must be usable without a passphrase, and the host known"
        }
        GitError::Damaged { .. } => "something on the way changes what the server sends: a proxy, bad memory",
        GitError::Depth { .. } => "take the whole history with `--full`",
        GitError::Hostile { .. } => "tell whoever owns the repository",
        GitError::Occupied { .. } => "name another folder, or empty this one",
        GitError::NotUpdated { .. } => "commit, push or discard what is there with git, then try again",
        GitError::Foreign { owner, .. } => {
            return vec![format!("run it as that user: `sudo -u '#{owner}' ...`")];
        }
        GitError::Busy { .. } => {
            "wait until that has ended; remove a lock only when you know that no git is running in it"
        }
        GitError::HalfUpdated { .. } => {
            "put that file elsewhere and run the same command: it goes on; to leave all as it is, remove `.git/vps-update` there"
        }
        GitError::Local { source, .. } => match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "free some space",
            std::io::ErrorKind::PermissionDenied => "check who owns the folder",
            std::io::ErrorKind::ResourceBusy => "a mount point cannot be replaced: name a folder in it",
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}
