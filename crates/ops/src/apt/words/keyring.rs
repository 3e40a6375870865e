//! A keyring that apt's programs could not use: then nothing is known of the signature.

use std::path::PathBuf;

use super::failed::{Failed, Problem};
use super::said::Message;
use crate::apt::facts::{RepositoryProblem, show};

/// What apt 3 says in place of a verdict: `... Failed to parse keyring "FILE"  Caused by: ...`.
pub(super) fn unusable(why: &str) -> Option<RepositoryProblem> {
    let (file, rest) = why.split_once("Failed to parse keyring \"")?.1.split_once('"')?;
    // The causes, outermost first, each with its number; the first says it best.
    let cause = rest.split_once(" 0: ").map_or(rest, |(_, causes)| causes);
    let cause = cause.split_once(" 1: ").map_or(cause, |(first, _)| first);
    let cause = cause.trim().strip_prefix(&format!("Reading \"{file}\": ")).unwrap_or(cause);
    Some(keyring(file, cause))
}

/// apt 2 warns of the file and then misses the key: `URL: The key(s) in the keyring FILE are ignored as ...`.
/// It warns so of files that a good signature does not need, too.
pub(super) fn explain(messages: &[Message<'_>], found: &mut [Failed]) {
    for message in messages {
        let Some((url, rest)) = message.text.split_once(": The key(s) in the keyring ") else { continue };
        let Some((file, why)) = rest.split_once(" are ignored as ") else { continue };
        let misses = |failed: &&mut Failed| {
            matches!(failed.problem, Problem::Repository(RepositoryProblem::NoKey { .. }))
                && failed.is_of_file(url)
        };
        if let Some(failed) = found.iter_mut().find(misses) {
            failed.problem = Problem::Repository(keyring(file, why));
        }
    }
}

fn keyring(file: &str, why: &str) -> RepositoryProblem {
    RepositoryProblem::Keyring {
        file: PathBuf::from(show::harmless(file).as_str()),
        text: show::harmless(why.trim()),
    }
}
