//! What to do about a failed clone or update, in this program's words.

use vps_ops::git::GitHint;

/// One sentence, lower case, without a full stop.
pub(super) fn git(hint: &GitHint) -> String {
    let plain = match hint {
        GitHint::Credentials => {
            "the repository is private or does not exist: put a token into `~/.netrc`, or use an ssh URL"
        }
        GitHint::ProxyCredentials => "the proxy wants a user and a password, in the proxy's URL",
        GitHint::CheckUrl => "check the URL; a private repository may look as if it did not exist",
        GitHint::CheckKindOfUrl => "check the URL: it must be that of a repository, not of a page about it",
        GitHint::CheckCommit => "check its id; a server may also hide commits that no branch leads to",
        GitHint::NameBranch => "name one with `--branch`",
        GitHint::ListRefs => "`git ls-remote URL` lists what there is",
        GitHint::UseGit => "clone it with git itself",
        GitHint::CheckRepositoryThere => {
            "the other end's repository is damaged, or it ran out of memory: `git fsck` there tells"
        }
        GitHint::CheckForObjectThere => "the server's repository may lack it: `git fsck` there tells",
        GitHint::CheckPath => "check the path: it must be that of a repository that you may read",
        GitHint::CheckPathThere => "check the path, and that your key may read it",
        GitHint::CheckSshCommand => "`GIT_SSH_COMMAND` names a program that cannot be run here",
        GitHint::InstallGitThere => "the server cannot run `git-upload-pack`: git must be installed there",
        GitHint::ServerKeyChanged => {
            "somebody may answer in its place: ask its owner; if its key is new, `ssh-keygen -R HOST` forgets the old"
        }
        GitHint::ServerKeyUnknown => {
            "nothing is asked: `ssh HOST` by hand shows its key; once you have compared and taken it, try again"
        }
        GitHint::CheckKey => {
            "nothing is asked: the server must know your key, and it must be in ssh's agent or have no passphrase"
        }
        GitHint::CheckHostName => "check the spelling of the host, and the resolver",
        GitHint::CheckTheWay => "something on the way changes what the server sends: a proxy, bad memory",
        GitHint::WholeHistory => "take the whole history with `--full`",
        GitHint::TellOwner => "tell whoever owns the repository",
        GitHint::RaiseLimit { key } => return format!("if you trust the repository, raise `{key}`"),
        GitHint::Update => "bring it there with `--update`, or name another folder",
        GitHint::QuietLogin => {
            "`ssh HOST true` must print nothing: a login script there prints for commands, too, or the account has no shell"
        }
        GitHint::OtherFolder => "name another folder, or empty this one",
        GitHint::SaveOwnWork => "commit, push or discard what is there with git, then try again",
        GitHint::RunAs { owner } => return format!("run it as that user: `sudo -u '#{owner}' ...`"),
        GitHint::TakeRightsAway => {
            "whoever may write there could change what the clone does: `chmod -R go-w` on it, or have its users run this"
        }
        GitHint::FolderOfOnesOwn => "clone to a folder in which nobody else may rename or write",
        GitHint::NameFolderItself => "name the folder that the link leads to, if that is where you want it",
        GitHint::WaitForOthers => {
            "wait until that has ended; remove a lock only when you know that no git is running in it"
        }
        GitHint::LetUpdateGoOn => {
            "put that file elsewhere and run the same command: it goes on; to leave all as it is, remove `.git/vps-update` there"
        }
        GitHint::FreeSpace => "free some space",
        GitHint::CheckOwner => {
            "check who owns the folder; a clone grows beside DEST, so the folder above it must be yours to write"
        }
        GitHint::ShorterName => "take a shorter name",
        GitHint::BelowMountPoint => "a mount point cannot be replaced: name a folder in it",
        // One of a later version of the library.
        other => return format!("{other:?}"),
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_is_answered_by_what_to_do() {
        for (hint, word) in [
            (GitHint::ServerKeyUnknown, "by hand"),
            (GitHint::ServerKeyChanged, "ssh-keygen -R"),
            (GitHint::CheckKey, "agent"),
            (GitHint::CheckHostName, "spelling"),
            (GitHint::InstallGitThere, "installed there"),
            (GitHint::CheckSshCommand, "cannot be run here"),
            (GitHint::CheckPathThere, "the path"),
            (GitHint::CheckPath, "the path"),
            (GitHint::QuietLogin, "print nothing"),
            (GitHint::Update, "--update"),
        ] {
            assert!(git(&hint).contains(word), "{hint:?}");
        }
    }
}
