//! What stands between us and a program says, when it could not start it: the only words of others that are
//! read here. They are those of `sh` (dash, bash, busybox) and of `setpriv` (util-linux), and nothing more is
//! asked of them than whether the program is missing.

use std::io;

use super::adapter::Ended;
use super::{talk, work};

/// Why the shell of a [session](super::session) did not become the program; `None` if it did. With 127 a shell
/// says that there is no such program, and a program may say anything.
pub(super) fn of_session(ended: Ended, stderr: &str) -> Option<io::ErrorKind> {
    (ended == Ended::Code(127) && stderr.contains("not found")).then_some(io::ErrorKind::NotFound)
}

/// Why those that start a program to [talk](super::talk) with did not become it; `None` if they did. Each says
/// its own name first, so that what the program says of others is not taken for theirs.
pub(super) fn of_starter(ended: Ended, stderr: &str) -> Option<io::ErrorKind> {
    of_any(&["setpriv", talk::STARTER], ended, stderr)
}

/// The same of what starts a program that [works](super::work): `said` is all that was said, which is only this where
/// the program never ran.
pub(super) fn of_waiter(ended: Ended, said: &str) -> Option<io::ErrorKind> {
    of_any(&[work::WAITER], ended, said)
}

fn of_any(starters: &[&str], ended: Ended, stderr: &str) -> Option<io::ErrorKind> {
    let is_theirs =
        starters.iter().any(|name| stderr.strip_prefix(name).is_some_and(|rest| rest.starts_with(": ")));
    if !matches!(ended, Ended::Code(126 | 127)) || !is_theirs {
        return None;
    }
    let missing = stderr.contains("not found") || stderr.contains("No such file");
    Some(if missing { io::ErrorKind::NotFound } else { io::ErrorKind::PermissionDenied })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_starters_say_of_the_program_counts() {
        let missing = Some(io::ErrorKind::NotFound);
        let refused = Some(io::ErrorKind::PermissionDenied);
        for (code, said, expected) in [
            (127, "start: 1: exec: git: not found", missing),
            (127, "setpriv: failed to execute git: No such file or directory", missing),
            (126, "start: 2: exec: /x: Permission denied", refused),
            (126, "setpriv: failed to execute /x: Permission denied", refused),
            (127, "bash: git-upload-pack: command not found", None),
            (127, "start the engine: not found", None),
            (1, "start: 1: exec: git: not found", None),
            (0, "", None),
        ] {
            assert_eq!(of_starter(Ended::Code(code), said), expected, "{said}");
        }
        assert_eq!(of_starter(Ended::Signal(9), "start: not found"), None);
    }

    #[test]
    fn a_shell_says_by_code_and_words_that_there_is_no_such_program() {
        assert_eq!(of_session(Ended::Code(127), "sh: 1: exec: x: not found"), Some(io::ErrorKind::NotFound));
        assert_eq!(of_session(Ended::Code(127), "out of paper"), None);
        assert_eq!(of_session(Ended::Code(1), "not found"), None);
    }
}
