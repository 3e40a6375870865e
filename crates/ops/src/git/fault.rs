//! What gix's error is: types first, and the two things it says only in words.

use std::error::Error;
use std::io;

use gix::bstr::ByteSlice;
use gix_transport::packetline::read::Error as ErrorLine;

use super::GitError;

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
    if error.is_cancelled() {
        return GitError::Stopped;
    }
    if error.is_corrupted() {
        return GitError::damaged(words);
    }
    GitError::Protocol { why: format!("{doing}: {words}") }
}

/// The same of an error that a part of gix gives as its own type.
pub(super) fn of_any(doing: &str, error: impl Error + Send + Sync + 'static) -> GitError {
    of(doing, &gix::Error::from_error(error))
}

fn of_one(doing: &str, error: &(dyn Error + 'static)) -> Option<GitError> {
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
    let said = short(line.message.to_str_lossy().trim());
    by_words(&said).unwrap_or(GitError::Remote { said })
}

fn by_words(words: &str) -> Option<GitError> {
    if ["not our ref", "unadvertised object"].iter().any(|said| words.contains(said)) {
        return Some(GitError::RefNotFound { what: "commit of that id".to_owned() });
    }
    if words.contains("A hash sized 64 hexadecimal") {
        return Some(GitError::Unsupported { what: "object ids by SHA-256".to_owned() });
    }
    // `ERR` where an id should be.
    if words.contains("A hash sized 3 hexadecimal") {
        return Some(GitError::Remote { said: "an error in place of its list of refs".to_owned() });
    }
    if words.contains("to indicate 'smart' protocol") {
        return Some(GitError::NotGit { why: "the answer is not of git's smart protocol".to_owned() });
    }
    None
}

/// The chain of causes in one line, without line breaks and at most a few hundred signs.
fn said(error: &gix::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for link in error.iter_errors() {
        let text = short(&link.to_string());
        if !words.iter().any(|before| before.contains(&text)) {
            words.push(text);
        }
    }
    short(&words.join(": "))
}

/// What somebody else said, fit to be shown.
pub(super) fn short(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vps_retry::{Classify, Kind};

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
        assert_eq!(error.to_string(), "the other end says: access denied: archived");
        let error = of_any("fetch", line("upload-pack: not our ref 1234"));
        assert!(matches!(error, GitError::RefNotFound { .. }));
    }

    #[test]
    fn a_commit_that_is_not_served_is_told_as_such() {
        let error = io::Error::other("ERR upload-pack: not our ref 1234");
        assert!(matches!(of_any("fetch", error), GitError::RefNotFound { .. }));
    }
}
