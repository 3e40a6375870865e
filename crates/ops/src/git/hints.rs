//! What to do about a failed clone.

use super::GitError;
use crate::hint::{Advise as _, Hint};

pub(super) fn of(error: &GitError) -> Vec<Hint> {
    let hint: &str = match error {
        GitError::Http(error) | GitError::NoSuchHost(error) => return error.hints(),
        GitError::Program(error) => return error.hints(),
        GitError::Headway(error) => return of(error),
        GitError::Status { status, .. } => match status.as_u16() {
            401 | 403 => {
                "the repository is private or does not exist: put a token into `~/.netrc`, or use an ssh URL"
            }
            407 => "the proxy wants a user and a password, in the proxy's URL",
            404 | 410 => "check the URL; a private repository may look as if it did not exist",
            _ => return Vec::new(),
        },
        GitError::NotGit { .. } => "check the URL: it must be that of a repository, not of a page about it",
        GitError::RefNotFound { what } if what.starts_with("commit") => {
            "check its id; a server may also hide commits that no branch leads to"
        }
        GitError::RefNotFound { what } if what.contains("HEAD") => "name one with `--branch`",
        GitError::Unsupported { .. } => "clone it with git itself",
        GitError::RefNotFound { .. } => "`git ls-remote URL` lists what there is",
        GitError::Connection { said, .. } | GitError::Aborted { said } if said.contains("corruption") => {
            "the other end's repository is damaged, or it ran out of memory: `git fsck` there tells"
        }
        GitError::Connection { program, .. } if program == "git-upload-pack" => {
            "check the path: it must be that of a repository that you may read"
        }
        GitError::Connection { code, said, .. } => match of_ssh(*code, said) {
            Some(hint) => hint,
            None => return Vec::new(),
        },
        GitError::Damaged { why, .. } if why.ends_with("is missing") => {
            "the server's repository may lack it: `git fsck` there tells"
        }
        GitError::Damaged { .. } => "something on the way changes what the server sends: a proxy, bad memory",
        GitError::Depth { .. } => "take the whole history with `--full`",
        GitError::Hostile { .. } => "tell whoever owns the repository",
        GitError::Occupied { .. } => "name another folder, or empty this one",
        GitError::NotUpdated { .. } => "commit, push or discard what is there with git, then try again",
        GitError::Foreign { owner, .. } => {
            return vec![Hint::Text(format!("run it as that user: `sudo -u '#{owner}' ...`"))];
        }
        GitError::Busy { .. } => {
            "wait until that has ended; remove a lock only when you know that no git is running in it"
        }
        GitError::HalfUpdated { .. } => {
            "put that file elsewhere and run the same command: it goes on; to leave all as it is, remove `.git/vps-update` there"
        }
        GitError::Local { source, .. } => match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "free some space",
            std::io::ErrorKind::PermissionDenied => {
                "check who owns the folder; a clone grows beside DEST, so the folder above it must be yours to write"
            }
            std::io::ErrorKind::InvalidFilename => "take a shorter name",
            std::io::ErrorKind::ResourceBusy => "a mount point cannot be replaced: name a folder in it",
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    vec![Hint::Text(hint.to_owned())]
}

/// What to do about an ssh that failed: its code says whether it was itself, only its words say why.
fn of_ssh(code: i32, said: &str) -> Option<&'static str> {
    let says = |words: &str| said.contains(words);
    let hint = match code {
        126 | 127 if says("GIT_SSH_COMMAND") => "`GIT_SSH_COMMAND` names a program that cannot be run here",
        126 | 127 => "the server cannot run `git-upload-pack`: git must be installed there",
        255 if says("has changed") => {
            "somebody may answer in its place: ask its owner; if its key is new, `ssh-keygen -R HOST` forgets the old"
        }
        255 if says("Host key verification failed") => {
            "nothing is asked: `ssh HOST` by hand shows its key; once you have compared and taken it, try again"
        }
        255 if says("Permission denied") || says("Too many authentication failures") => {
            "nothing is asked: the server must know your key, and it must be in ssh's agent or have no passphrase"
        }
        255 if says("Could not resolve hostname") => "check the spelling of the host, and the resolver",
        255 => return None,
        _ => "check the path, and that your key may read it",
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_decides_what_to_do() {
        for (code, said, word) in [
            (255, "Host key verification failed.", "by hand"),
            (255, "Host key for example.com has changed; Host key verification failed.", "ssh-keygen -R"),
            (255, "git@example.com: Permission denied (publickey).", "agent"),
            (255, "ssh: Could not resolve hostname x.invalid: Name or service not known", "spelling"),
            (127, "bash: line 1: git-upload-pack: command not found", "installed there"),
            (127, "GIT_SSH_COMMAND: 1: exec: plink: not found", "cannot be run here"),
            (128, "fatal: '/a' does not appear to be a git repository", "the path"),
            (1, "ERROR: Repository not found.", "the path"),
        ] {
            assert!(of_ssh(code, said).unwrap().contains(word), "{code} {said}");
        }
        assert_eq!(of_ssh(255, "ssh: connect to host x port 22: Connection refused"), None);
    }
}
