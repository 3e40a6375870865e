//! What could not be fetched, and why: every way apt-get has to say it, read in one place for the
//! whole run and for each repository.

use std::time::Duration;

use super::failed::{Failed, Problem};
use super::keyring;
use super::said::{Message, Said, Severity};
use super::subject;
use super::way;
use crate::apt::AptWarning;
use crate::apt::facts::{Fault, RepositoryProblem, show};

/// Warnings that are passed on of one run.
const MOST_WARNINGS: usize = 20;

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
pub(in crate::apt) fn warnings(said: &Said) -> Vec<AptWarning> {
    // What follows from a failure, or is said of it elsewhere.
    let known = ["index files failed to download", " are ignored as "];
    let mut found = Vec::new();
    for message in said.messages().iter().filter(|message| message.severity == Severity::Warning) {
        let is_known = failed(message).is_some() || known.iter().any(|words| message.text.contains(words));
        let shown = AptWarning::Said(show::harmless(message.text));
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
