//! What could not be fetched, and why: every way apt-get has to say it, read in one place for the
//! whole run and for each repository.

use std::time::Duration;

use vps_retry::{Class, Classify};

use super::keyring;
use super::said::{Message, Said, Severity};
use super::subject;
use super::way;
use crate::apt::facts::{Fault, FetchFailure, RepositoryProblem, show};

/// Warnings that are passed on of one run.
const MOST_WARNINGS: usize = 20;

/// One thing that could not be fetched or trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// `URL`, or `URI RELEASE ...`, as apt-get writes it.
    pub(super) subject: String,
    pub(super) problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Fetch(FetchFailure),
    Repository(RepositoryProblem),
    NotYetValid(Duration),
}

/// All failures of a run. One that only a progress line tells of (`Err:`) comes last, and only if no
/// message does.
pub(super) fn failures(messages: &[Message<'_>]) -> Vec<Failed> {
    let (progress, told): (Vec<_>, Vec<_>) =
        messages.iter().partition(|message| message.severity == Severity::Fetch);
    let mut found: Vec<Failed> = told.into_iter().filter_map(failed).collect();
    keyring::explain(messages, &mut found);
    for message in progress {
        if !found.iter().any(|known| subject::is_same(&known.subject, message.text)) {
            let problem = Problem::Fetch(way::of(message.text, message.below));
            found.push(Failed { subject: message.text.to_owned(), problem });
        }
    }
    found
}

/// What apt-get warns of beside what failed: nothing stops, but somebody should know.
pub(in crate::apt) fn warnings(said: &Said) -> Vec<String> {
    // What follows from a failure, or is said of it elsewhere.
    let known = ["index files failed to download", " are ignored as "];
    let mut found = Vec::new();
    for message in said.messages().iter().filter(|message| message.severity == Severity::Warning) {
        let is_known = failed(message).is_some() || known.iter().any(|words| message.text.contains(words));
        let shown = show::harmless(message.text);
        if !is_known && !found.contains(&shown) && found.len() < MOST_WARNINGS {
            found.push(shown);
        }
    }
    found
}

fn failed(message: &Message<'_>) -> Option<Failed> {
    use RepositoryProblem as P;
    let text = message.text;
    let repository = |subject: &str, problem| {
        Some(Failed { subject: subject.to_owned(), problem: Problem::Repository(problem) })
    };
    if let Some(rest) = text.strip_prefix("Failed to fetch ") {
        let (url, reason) = rest.split_once(' ').unwrap_or((rest, message.below));
        let reason = reason.trim();
        if reason.contains("Unable to find expected entry") {
            return repository(url, P::Lacks { text: show::harmless(reason) });
        }
        return Some(Failed { subject: url.to_owned(), problem: Problem::Fetch(way::of(url, reason)) });
    }
    // apt 2 and, by another program, apt 3: from 3.3 on without the word `OpenPGP`.
    let signature = text.split_once("GPG error: ").or(text.split_once("ignature verification failed: "));
    if let Some((_, rest)) = signature {
        let (subject, why) = rest.split_once(": ").unwrap_or((rest, ""));
        if let Some(problem) = keyring::unusable(why) {
            return repository(subject, problem);
        }
        let key = why.split_once("NO_PUBKEY ").or(why.split_once("Missing key "));
        let key = key.map(|(_, key)| key.split([' ', ',']).next().unwrap_or(key));
        return repository(
            subject,
            match key {
                Some(key) => P::NoKey { key: show::bounded(key, 40) },
                None => P::BadSignature { text: show::harmless(why) },
            },
        );
    }
    if let Some((subject, rest)) =
        text.strip_prefix("The repository '").and_then(|rest| rest.split_once('\''))
    {
        return match rest {
            _ if rest.contains("does not have a Release file")
                || rest.contains("no longer has a Release file") =>
            {
                repository(subject, P::NoReleaseFile)
            }
            _ if rest.contains("is not signed") || rest.contains("no longer signed") => {
                repository(subject, P::NotSigned)
            }
            _ => repository(subject, P::BadSignature { text: show::harmless(rest) }),
        };
    }
    if let Some(rest) = text.strip_prefix("Release file for ") {
        let (url, why) = rest.split_once(" is ")?;
        if why.starts_with("expired") {
            return repository(url, P::Expired);
        }
        let times = why.split_once("invalid for another ").and_then(|(_, rest)| rest.split_once(')'));
        let early = times.map_or(Duration::ZERO, |(times, _)| duration(times));
        return why
            .starts_with("not valid yet")
            .then(|| Failed { subject: url.to_owned(), problem: Problem::NotYetValid(early) });
    }
    // What changed is an error only until it is accepted; apt-get warns of harmless changes too.
    if message.severity == Severity::Error
        && let Some((subject, rest)) =
            text.strip_prefix("Repository '").and_then(|rest| rest.split_once('\''))
    {
        return repository(subject, P::Changed { text: show::harmless(rest.trim()) });
    }
    None
}

/// `6d 23h 55min 15s`.
fn duration(text: &str) -> Duration {
    let mut seconds = 0_u64;
    for part in text.split(' ') {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match part.strip_prefix(digits) {
            Some("d") => 86_400,
            Some("h") => 3600,
            Some("min") => 60,
            _ => 1,
        };
        seconds = seconds.saturating_add(digits.parse::<u64>().unwrap_or(0).saturating_mul(unit));
    }
    Duration::from_secs(seconds)
}

/// Of several failures the one that decides; the first of equals.
pub(super) fn decisive(failures: &[Failed], in_update: bool) -> Option<Fault> {
    let expired = |failed: &&Failed| failed.problem == Problem::Repository(RepositoryProblem::Expired);
    let first = failures.iter().min_by_key(|failed| failed.rank(in_update))?;
    // One repository that nobody updates is its own fault; several at once are the clock's.
    if expired(&first) && failures.iter().filter(expired).count() > 1 {
        return Some(Fault::ClockSkew { repository: subject::shown(&first.subject), early: None });
    }
    Some(first.fault(in_update))
}

impl Failed {
    /// Whether its subject, `URI RELEASE InRelease`, is the release file at `url`.
    pub(super) fn is_of_file(&self, url: &str) -> bool {
        let mut words = self.subject.split_whitespace();
        let (uri, release) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest = url.strip_prefix(uri.trim_end_matches('/')).unwrap_or_default();
        !rest.is_empty() && (release.is_empty() || rest.split('/').any(|part| part == release))
    }

    /// The order in which the table has them: what stops everything, what an update cures, what
    /// passes, what may pass, what stays.
    fn rank(&self, in_update: bool) -> u8 {
        let is_retried = |class| matches!(class, Class::Transient | Class::NotSent | Class::Throttled { .. });
        match (&self.problem, self.fault(in_update)) {
            (Problem::Fetch(FetchFailure::DiskFull | FetchFailure::ReadOnly), _) => 0,
            (_, Fault::StaleIndex { .. }) => 1,
            (_, ref fault @ (Fault::Unreachable { .. } | Fault::OnTheWay { .. } | Fault::Http { .. }))
                if is_retried(fault.class()) =>
            {
                2
            }
            (Problem::Fetch(FetchFailure::Corrupt(_)), _) => 3,
            (Problem::Fetch(_), _) => 4,
            // A key that is missing follows from a keyring that cannot be used.
            (Problem::Repository(RepositoryProblem::Keyring { .. }), _) => 4,
            // `is not signed` follows from what was said before it.
            (Problem::Repository(RepositoryProblem::NotSigned), _) => 6,
            (Problem::Repository(_) | Problem::NotYetValid(_), _) => 5,
        }
    }

    /// As a fault: of an archive in the other steps, of a repository in an update.
    fn fault(&self, in_update: bool) -> Fault {
        let url = subject::shown(&self.subject);
        match &self.problem {
            Problem::NotYetValid(early) => Fault::ClockSkew { repository: url, early: Some(*early) },
            Problem::Repository(why) => Fault::RepositoryBroken { repository: url, why: why.clone() },
            Problem::Fetch(FetchFailure::Unreachable(reach)) => Fault::Unreachable { url, reach: *reach },
            Problem::Fetch(FetchFailure::OnTheWay { peer, reach }) => {
                Fault::OnTheWay { url, peer: peer.clone(), reach: *reach }
            }
            Problem::Fetch(FetchFailure::Corrupt(corrupt)) => Fault::Corrupt { url, corrupt: *corrupt },
            Problem::Fetch(FetchFailure::DiskFull) => Fault::DiskFull { path: None },
            Problem::Fetch(FetchFailure::ReadOnly) => Fault::ReadOnly { path: None },
            Problem::Fetch(FetchFailure::Other(text)) => Fault::NotFetched { url, text: text.clone() },
            Problem::Fetch(FetchFailure::Http(status)) => match (status.as_u16(), in_update) {
                (404 | 410, false) => Fault::StaleIndex { url },
                // Ours to wait or to log in for: the repository is as it should be.
                (407 | 408 | 425 | 429 | 500.., _) | (_, false) => Fault::Http { url, status: *status },
                (_, true) => {
                    Fault::RepositoryBroken { repository: url, why: RepositoryProblem::Http(*status) }
                }
            },
        }
    }
}
