//! What others say, as facts: gix by its types first, then in words; ssh and git-upload-pack by how they end;
//! servers in place of an answer. Words of others are read here and nowhere else.

use std::error::Error;
use std::io;

use gix::bstr::ByteSlice;
use gix_transport::packetline::read::Error as ErrorLine;

use super::GitError;
use super::cause::{Damage, LineCause, LineFault, LineProgram, Missing};
use super::excess::Excess;
use crate::foreign::Foreign;
use crate::process::{Captured, Ended};

/// Signs of what others say that are shown.
const LONGEST: usize = 400;
/// Kinds that only this machine can be the reason of.
const OURS: [io::ErrorKind; 6] = [
    io::ErrorKind::StorageFull,
    io::ErrorKind::QuotaExceeded,
    io::ErrorKind::ReadOnlyFilesystem,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::FileTooLarge,
    io::ErrorKind::OutOfMemory,
];

/// What went wrong on our side of the wire; what went wrong on the wire itself is known better there.
pub(super) fn of(doing: &str, error: &gix::Error) -> GitError {
    for link in error.iter_errors() {
        if let Some(found) = of_one(doing, link) {
            return found;
        }
    }
    let words = said(error);
    if let Some(found) = by_words(&words) {
        return found;
    }
    let words = short(&words);
    if error.is_cancelled() {
        return GitError::Stopped;
    }
    if error.is_corrupted() {
        return Damage::Said(words).into();
    }
    GitError::Protocol { why: format!("{doing}: {words}").into() }
}

/// What could not be found, as `otherwise` says, unless it was there and too much.
pub(super) fn unless_too_much(error: &gix::Error, otherwise: impl FnOnce() -> GitError) -> GitError {
    let excess = error.iter_errors().find_map(|link| link.downcast_ref::<Excess>().copied());
    excess.map_or_else(otherwise, GitError::from)
}

/// The same of an error that a part of gix gives as its own type.
pub(super) fn of_any(doing: &str, error: impl Error + Send + Sync + 'static) -> GitError {
    of(doing, &gix::Error::from_error(error))
}

fn of_one(doing: &str, error: &(dyn Error + 'static)) -> Option<GitError> {
    if let Some(excess) = error.downcast_ref::<Excess>() {
        return Some((*excess).into());
    }
    if let Some(line) = error.downcast_ref::<ErrorLine>() {
        return Some(of_line(line));
    }
    let error = error.downcast_ref::<io::Error>()?;
    // What it wraps is not shown as its source.
    if let Some(line) = error.get_ref().and_then(|wrapped| wrapped.downcast_ref::<ErrorLine>()) {
        return Some(of_line(line));
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Some(GitError::CutOff);
    }
    // What has a number came from the system; what wraps it may show its kind only.
    if let Some(code) = error.raw_os_error() {
        return Some(GitError::local(doing, io::Error::from_raw_os_error(code)));
    }
    OURS.contains(&error.kind()).then(|| GitError::local(doing, error.kind().into()))
}

/// What the other end sent in place of an answer.
fn of_line(line: &ErrorLine) -> GitError {
    of_refusal(&line.message)
}

/// What was printed in place of git's first line.
pub(super) fn of_greeting(said: &[u8]) -> GitError {
    let said = said.to_str_lossy();
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    GitError::Greeting { said: Foreign::bounded(line, LONGEST) }
}

/// The words of an error line.
pub(super) fn of_refusal(said: &[u8]) -> GitError {
    let said = said.to_str_lossy();
    by_words(&said).unwrap_or_else(|| GitError::Remote { said: short(&said) })
}

fn by_words(words: &str) -> Option<GitError> {
    if ["not our ref", "unadvertised object"].iter().any(|said| words.contains(said)) {
        return Some(Missing::SomeCommit.into());
    }
    if words.contains("A hash sized 64 hexadecimal") {
        return Some(GitError::Unsupported { what: "object ids by SHA-256".into() });
    }
    // `ERR` where an id should be.
    if words.contains("A hash sized 3 hexadecimal") {
        return Some(GitError::Remote { said: "an error in place of its list of refs".into() });
    }
    if words.contains("to indicate 'smart' protocol") {
        return Some(GitError::NotGit { why: "the answer is not of git's smart protocol".into() });
    }
    None
}

/// The chain of causes in one line.
fn said(error: &gix::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for link in error.iter_errors() {
        let text = link.to_string();
        if !words.iter().any(|before| before.contains(&text)) {
            words.push(text);
        }
    }
    words.join(": ")
}

/// ssh's own code: it never came to the command, or lost it. Any other is the command's.
const SSH_FAILED: i32 = 255;

/// Why a process that talks to the other end closed its side too early, by how it ended and what it said; `talked` when
/// the other end had said something.
pub(super) fn of_process(program: LineProgram, captured: &Captured, talked: bool) -> Option<GitError> {
    let lines = captured.stderr.lines().map(str::trim).filter(|line| !is_noise(line));
    let lines: Vec<&str> = lines.collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    let said = last.join("; ");
    let code = match captured.ended {
        Ended::Code(0) | Ended::Signal(0) if said.is_empty() => return None,
        // As if all were well, in the middle of an answer.
        Ended::Code(0) | Ended::Signal(0) if talked => return Some(aborted(&said)),
        // In place of an answer: as a server does that only has a word for whoever comes.
        Ended::Code(0) | Ended::Signal(0) => return Some(GitError::Remote { said: short(&said) }),
        Ended::Code(code) => code,
        Ended::Signal(signal) => signal.saturating_add(128),
    };
    let fault = match line_fault(&captured.stderr) {
        // Who had begun to talk had let us in, and who refuses says so: only the connection can have ended.
        LineFault::None if code == SSH_FAILED && (talked || said.is_empty()) => LineFault::Broken,
        fault => fault,
    };
    let cause = line_cause(program, code, &said);
    Some(GitError::Connection { program, code, said: short(&said), fault, cause })
}

/// What stands around the words that say why.
fn is_noise(line: &str) -> bool {
    line.is_empty() || line.starts_with(['@', '*']) || line.starts_with("Warning: Permanently added")
}

/// ssh says in words only what became of its connection.
fn line_fault(said: &str) -> LineFault {
    const BROKEN: [&str; 8] = [
        "Connection refused",
        "Connection timed out",
        "Connection reset",
        "Connection closed",
        "Operation timed out",
        "closed by remote host",
        "send disconnect: Broken pipe",
        "not responding",
    ];
    const OFFLINE: [&str; 3] =
        ["No route to host", "Network is unreachable", "Temporary failure in name resolution"];
    if OFFLINE.iter().any(|words| said.contains(words)) {
        return LineFault::Offline;
    }
    if BROKEN.iter().any(|words| said.contains(words)) { LineFault::Broken } else { LineFault::None }
}

/// Why a program failed: its code says whether it was ssh itself, only words say why.
fn line_cause(program: LineProgram, code: i32, said: &str) -> Option<LineCause> {
    let says = |words: &str| said.contains(words);
    if is_corruption(said) {
        return Some(LineCause::Corruption);
    }
    if program == LineProgram::UploadPack {
        return Some(LineCause::Refused);
    }
    let cause = match code {
        126 | 127 if says("GIT_SSH_COMMAND") => LineCause::NoSshCommand,
        126 | 127 => LineCause::NoGit,
        SSH_FAILED if says("has changed") => LineCause::KeyChanged,
        SSH_FAILED if says("Host key verification failed") => LineCause::KeyUnknown,
        SSH_FAILED if says("Permission denied") || says("Too many authentication failures") => {
            LineCause::NotLetIn
        }
        SSH_FAILED if says("Could not resolve hostname") => LineCause::NoSuchHost,
        SSH_FAILED => return None,
        _ => LineCause::Refused,
    };
    Some(cause)
}

/// git's word for what a server cannot read, or has no memory for.
fn is_corruption(said: &str) -> bool {
    said.contains("corruption")
}

/// The other end gave up in the middle, and said so.
pub(super) fn aborted(said: &str) -> GitError {
    GitError::Aborted { corruption: is_corruption(said), said: short(said) }
}

/// What somebody else said, fit to be shown.
fn short(text: &str) -> Foreign {
    Foreign::bounded(text.trim(), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure as _;
    use vps_breaker::Verdict;
    use vps_retry::{Class, Classify, Kind};

    fn of_io(error: io::Error) -> GitError {
        of_any("write the pack", io::Error::other(error))
    }

    #[test]
    fn the_systems_own_errors_are_ours() {
        for code in [28, 122, 30, 13] {
            let error = of_io(io::Error::from_raw_os_error(code));
            assert!(matches!(error, GitError::Local { .. }), "{error:?}");
            assert_eq!(error.kind(), Kind::Local);
        }
    }

    #[test]
    fn a_wrapped_one_is_known_by_its_kind() {
        let wrapped = io::Error::new(io::ErrorKind::StorageFull, "No space left on device at path x");
        let error = of_any("write the pack", wrapped);
        assert!(
            matches!(&error, GitError::Local { source, .. } if source.kind() == io::ErrorKind::StorageFull)
        );
    }

    #[test]
    fn an_early_end_is_no_damage() {
        assert!(matches!(of_io(io::ErrorKind::UnexpectedEof.into()), GitError::CutOff));
    }

    #[test]
    fn damage_is_known_by_gixs_own_class() {
        let error = gix::error::tag(io::Error::other("hash mismatch"), gix::error::Class::Corruption);
        assert!(matches!(of_any("read", error), GitError::Damaged { .. }));
    }

    #[test]
    fn what_the_other_end_says_in_place_of_an_answer_is_told() {
        let line = |text: &str| io::Error::other(ErrorLine { message: text.into() });
        let error = of_any("fetch", line("access denied:\tarchived\n"));
        assert_eq!(error.to_string(), r"the other end says: access denied:\tarchived");
        let error = of_any("fetch", line("upload-pack: not our ref 1234"));
        assert!(matches!(error, GitError::RefNotFound { .. }));
    }

    #[test]
    fn a_commit_that_is_not_served_is_told_as_such() {
        let error = io::Error::other("ERR upload-pack: not our ref 1234");
        assert!(matches!(of_any("fetch", error), GitError::RefNotFound { .. }));
    }

    fn ended(code: i32, said: &str) -> Option<GitError> {
        of_process(LineProgram::Ssh, &Captured::new(Ended::Code(code), "", said), false)
    }

    #[test]
    fn what_ssh_says_decides_whether_it_is_tried_again() {
        for said in [
            "ssh: connect to host example.com port 22: Connection refused",
            "kex_exchange_identification: Connection closed by remote host",
            "Connection to example.com closed by remote host.",
            "client_loop: send disconnect: Broken pipe",
            "Timeout, server example.com not responding.",
        ] {
            assert_eq!(ended(255, said).unwrap().class(), Class::Transient, "{said}");
        }
        let offline = ended(255, "ssh: connect to host example.com port 22: No route to host").unwrap();
        assert_eq!((offline.class(), offline.verdict()), (Class::NotSent, Verdict::Neutral));
        for said in [
            "git@example.com: Permission denied (publickey).",
            "Host key verification failed.",
            "ERROR: Repository not found.",
            "ssh: Could not resolve hostname x.invalid: Name or service not known",
        ] {
            assert_eq!(ended(255, said).unwrap().class(), Class::Permanent, "{said}");
        }
        assert!(ended(0, "").is_none());
    }

    #[test]
    fn a_line_that_ends_in_the_talk_was_cut() {
        let ended = |code, said, talked| {
            of_process(LineProgram::Ssh, &Captured::new(Ended::Code(code), "", said), talked).unwrap().class()
        };
        assert_eq!(ended(255, "who knows", true), Class::Transient);
        assert_eq!(ended(255, "who knows", false), Class::Permanent);
        assert_eq!(ended(255, "", false), Class::Transient);
        assert_eq!(ended(128, "", true), Class::Permanent, "the command's own end");
    }

    #[test]
    fn who_ends_as_if_all_were_well_is_heard_all_the_same() {
        let ended =
            |said, talked| of_process(LineProgram::Ssh, &Captured::new(Ended::Code(0), "", said), talked);
        let said = "** WARNING: connection is not using a post-quantum key exchange algorithm.\r\n\
                    no access\x1b[2J for you\n";
        let refused = ended(said, false).unwrap();
        assert_eq!(refused.to_string(), r"the other end says: no access\u{1b}[2J for you");
        assert_eq!((refused.class(), refused.verdict()), (Class::Permanent, Verdict::Neutral));
        let cut = ended(said, true).unwrap();
        assert_eq!(cut.to_string(), r"the other end gave up in the middle: no access\u{1b}[2J for you");
        assert_eq!((cut.class(), cut.verdict()), (Class::Transient, Verdict::Failure));
        assert!(ended("** WARNING: only this\n", true).is_none(), "gix knows more");
    }

    #[test]
    fn the_words_that_say_why_are_kept() {
        let said = "Warning: Permanently added 'example.com' to the list of known hosts.\r\n@@@@@@@\n\
                    a\nb\n\nc\x1b[2J\nd\n";
        let Some(GitError::Connection { said, .. }) = ended(255, said) else { panic!("no error") };
        assert_eq!(said, r"b; c\u{1b}[2J; d");
    }

    #[test]
    fn what_ssh_says_decides_what_to_do() {
        for (code, said, cause) in [
            (255, "Host key verification failed.", LineCause::KeyUnknown),
            (
                255,
                "Host key for example.com has changed; Host key verification failed.",
                LineCause::KeyChanged,
            ),
            (255, "git@example.com: Permission denied (publickey).", LineCause::NotLetIn),
            (
                255,
                "ssh: Could not resolve hostname x.invalid: Name or service not known",
                LineCause::NoSuchHost,
            ),
            (127, "bash: line 1: git-upload-pack: command not found", LineCause::NoGit),
            (127, "GIT_SSH_COMMAND: 1: exec: plink: not found", LineCause::NoSshCommand),
            (128, "fatal: '/a' does not appear to be a git repository", LineCause::Refused),
            (1, "ERROR: Repository not found.", LineCause::Refused),
            (128, "remote: aborting due to possible repository corruption", LineCause::Corruption),
        ] {
            assert_eq!(line_cause(LineProgram::Ssh, code, said), Some(cause), "{code} {said}");
        }
        let refused = "ssh: connect to host x port 22: Connection refused";
        assert_eq!(line_cause(LineProgram::Ssh, 255, refused), None);
        assert_eq!(line_cause(LineProgram::UploadPack, 255, ""), Some(LineCause::Refused));
    }
}
