//! The words for what happens: the seed's where it has them, with signs where the terminal can show them. All
//! English of an operation is here and below.

pub(crate) mod health;
mod hint;
mod letter;
#[cfg(feature = "web")]
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod rows;
mod warning;

use std::time::Duration;

use vps_ops::event::Awaited;
use vps_ops::operation::{Operation, OperationKind};
use vps_ops::pipeline::{End, Stop};

pub(crate) use hint::hint;
pub(crate) use letter::{letter_is_of, letter_kept, letter_news};
#[cfg(feature = "git")]
pub(crate) use warning::of_clone;
pub(crate) use warning::warning;

/// Who was asked whether a circuit may be reset said no.
pub(crate) const NOTHING_RESET: &str = "nothing was reset";

/// Words, with or without emoji. The meaning is always in the words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    unicode: bool,
}

impl Words {
    pub(crate) fn new(unicode: bool) -> Self {
        Self { unicode }
    }

    fn sign<'s>(self, emoji: &'s str, ascii: &'s str) -> &'s str {
        if self.unicode { emoji } else { ascii }
    }

    pub(crate) fn started(self, operation: &Operation) -> String {
        format!("{} (with retry protection)...", doing(operation))
    }

    pub(crate) fn succeeded(self, kind: OperationKind, attempts: u32) -> String {
        let ok = self.sign("✅", "[ok]");
        let what = match kind {
            _ if attempts > 1 => return format!("{ok} Operation succeeded after {attempts} attempts"),
            OperationKind::AptUpdate => "APT update successful",
            OperationKind::AptInstall => "Packages installed",
            OperationKind::Download => "Download successful",
            OperationKind::GitClone => "Repository cloned",
            OperationKind::GitUpdate => "Clone up to date",
            _ => "Operation successful",
        };
        format!("{ok} {what}")
    }

    pub(crate) fn attempt_failed(self, number: u32, error: &str) -> String {
        format!("{} Attempt {number} failed: {}", self.sign("⚠️ ", "[warn]"), capitalised(error))
    }

    pub(crate) fn retrying(self, after: Duration, left: u32) -> String {
        let retries = if left == 1 { "retry" } else { "retries" };
        format!(
            "{} Retrying in {:.1}s... ({left} {retries} left)",
            self.sign("🔄", "[retry]"),
            after.as_secs_f64()
        )
    }

    pub(crate) fn circuit_open(self, service: &str) -> String {
        format!("{} Circuit breaker open: {service}", self.sign("🚨", "[open]"))
    }

    pub(crate) fn all_failed(self, attempts: u32) -> String {
        format!("{} All {attempts} attempts failed", self.sign("❌", "[failed]"))
    }
}

fn capitalised(text: &str) -> String {
    // An address is written as it is.
    if text.split_whitespace().next().is_some_and(|word| word.contains("://")) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What is being done: the beginning of a line.
pub(crate) fn doing(operation: &Operation) -> String {
    let target = operation.target.as_str();
    match operation.kind {
        OperationKind::Download => format!("Downloading {target}"),
        OperationKind::AptUpdate => "Updating APT package lists".to_owned(),
        OperationKind::AptInstall => format!("Installing {target}"),
        OperationKind::AptPrefetch => format!("Fetching the archives of {target}"),
        OperationKind::GitClone => format!("Cloning {target}"),
        OperationKind::GitUpdate => format!("Updating the clone of {target}"),
        OperationKind::Run => format!("Running `{target}`"),
        _ => capitalised(&to_do(operation)),
    }
}

/// What could not be done, after how many attempts of how many and why no more, where that is not plain.
pub(crate) fn could_not(operation: &Operation, end: &End, attempts: u32, allowed: u32) -> String {
    let what = to_do(operation);
    if let Some(stopped) = stopped(end, attempts, allowed) {
        return format!("could not {what}: {stopped}");
    }
    match attempts {
        0 => format!("could not {what}"),
        1 => format!("could not {what} (1 attempt)"),
        _ => format!("could not {what} after {attempts} attempts"),
    }
}

/// Why there were fewer attempts than were allowed, where that is not plain from the failure itself.
fn stopped(end: &End, attempts: u32, allowed: u32) -> Option<String> {
    let why = match end {
        _ if attempts == 0 || attempts >= allowed => return None,
        End::CircuitOpen { retry_after } => {
            let seconds = retry_after.as_secs_f64().ceil();
            format!("the circuit was opened by others, next probe in {seconds:.0}s")
        }
        End::Budget => "the service's allowance for retries is used up".to_owned(),
        End::Full => "too many calls to the service are under way and waiting".to_owned(),
        End::Stop(Stop::Deadline { .. }) => "no time is left for another".to_owned(),
        _ => return None,
    };
    Some(format!("stopped after {attempts} of {allowed} attempts: {why}"))
}

/// What is to be done: follows "could not".
pub(crate) fn to_do(operation: &Operation) -> String {
    let target = operation.target.as_str();
    let plain = match operation.kind {
        OperationKind::Download => return format!("download {target}"),
        OperationKind::AptInstall => return format!("install {target}"),
        OperationKind::AptPrefetch => return format!("fetch the archives of {target}"),
        OperationKind::AptPlan if !target.is_empty() => return format!("plan the install of {target}"),
        OperationKind::AptCopy => return format!("copy {target}"),
        OperationKind::AptFetch => return format!("fetch {target} by apt-get"),
        OperationKind::GitClone => return format!("clone {target}"),
        OperationKind::GitUpdate => return format!("update the clone of {target}"),
        OperationKind::GitFetch | OperationKind::GitPrefetch => return format!("fetch {target}"),
        OperationKind::Run => return format!("run `{target}`"),
        OperationKind::Execute => return target.to_owned(),
        OperationKind::AptUpdate => "update the package lists",
        OperationKind::AptSetup => "look at apt's sources",
        OperationKind::AptLook => "look at what is installed",
        OperationKind::AptPlan => "resolve the packages",
        OperationKind::AptRoom => "make room for the packages",
        OperationKind::AptRepair => "configure what an earlier run left unconfigured",
        OperationKind::AptUnpack => "install the packages",
        OperationKind::GitCommit => "write the clone to the disk",
        OperationKind::GitLook => "look at what is there",
        OperationKind::GitSweep => "remove what earlier clones left",
        OperationKind::GitBegin => "begin the update",
        OperationKind::GitFinish => "finish an earlier update",
        OperationKind::GitSync => "write the update to the disk",
        OperationKind::GitPlace => "put the update in place",
        // A kind of a later version of the library.
        _ => return operation.to_string(),
    };
    plain.to_owned()
}

/// What to do where a file may not grow any further.
pub(crate) const FILE_SIZE: &str = "files may not be larger here: raise the limit (`ulimit -f`, `LimitFSIZE=` of a unit), or choose a file system that holds larger ones";

/// `2 of 3`. A fresh one after the last, which a broken file is given, is only `2`.
pub(crate) fn attempt_of(number: u32, of: u32) -> String {
    if number > of { number.to_string() } else { format!("{number} of {of}") }
}

/// What is waited for.
pub(crate) fn awaited(what: &Awaited) -> String {
    match what {
        Awaited::Circuit { service } => format!("circuit breaker open: {service}"),
        Awaited::Place { service, places } => {
            format!("all {places} places for calls to {service} are taken")
        }
        Awaited::Lock { error } => error.to_string(),
        other => format!("{other:?}"),
    }
}

/// That an operation goes on without a service.
pub(crate) fn left_out(service: &str, retry_after: Duration) -> String {
    let seconds = retry_after.as_secs_f64().ceil();
    format!("going on without {service}: its circuit is open for another {seconds:.0}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_seven_lines_word_for_word() {
        let words = Words::new(true);
        let said = [
            words.started(&Operation::new(OperationKind::AptUpdate, "")),
            words.succeeded(OperationKind::AptUpdate, 1),
            words.attempt_failed(1, "connection timeout"),
            words.retrying(Duration::from_millis(1_200), 2),
            words.succeeded(OperationKind::AptUpdate, 2),
            words.circuit_open("apt_repository"),
            words.all_failed(3),
        ];
        let seed = [
            "Updating APT package lists (with retry protection)...",
            "✅ APT update successful",
            "⚠️  Attempt 1 failed: Connection timeout",
            "🔄 Retrying in 1.2s... (2 retries left)",
            "✅ Operation succeeded after 2 attempts",
            "🚨 Circuit breaker open: apt_repository",
            "❌ All 3 attempts failed",
        ];
        assert_eq!(said, seed);
        assert_eq!([attempt_of(2, 3), attempt_of(1, 1), attempt_of(2, 1)], ["2 of 3", "1 of 1", "2"]);
        let ascii = Words::new(false);
        assert_eq!(ascii.all_failed(3), "[failed] All 3 attempts failed");
        assert_eq!(ascii.attempt_failed(1, "x"), "[warn] Attempt 1 failed: X");
    }
}
