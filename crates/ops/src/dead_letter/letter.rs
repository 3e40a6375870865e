//! One letter, as it is stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_retry::{Class, Kind};

use super::id::LetterId;
use super::request::{LetterOptions, LetterRequest};
use crate::env::ProcessIdentity;
use crate::foreign::Foreign;

/// The version of the form that letters are stored in.
pub const VERSION: u32 = 1;
/// After as many failures in a row, all for good and alike, it is done again only when somebody insists.
pub(super) const PARKED_AFTER: u32 = 3;
/// The attempts that are remembered.
pub(super) const REMEMBERED: usize = 20;

/// An operation that failed, and how to do it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Letter {
    /// The version of this form: 1.
    pub version: u32,
    /// What it is called: the same whenever the same operation fails.
    pub id: LetterId,
    /// What it takes to do it again.
    pub request: LetterRequest,
    /// What the call had of its own over the configuration.
    pub options: LetterOptions,
    /// What it works on, for people.
    pub target: Foreign,
    /// Whose service the failure was, as far as one was concerned.
    pub service: Option<String>,
    /// What ended it the last time.
    pub ended_by: EndedBy,
    /// Whether trying again could help: `permanent`, `transient`, `not_sent`, `throttled`, `busy`, `local`, `rejected`.
    pub class: String,
    /// What sort of failure it was, as errors have it: `failed`, `timeout`, `circuit_open`.
    pub failure: String,
    /// The last error.
    pub error: Foreign,
    /// How often the operation failed.
    pub failures: u32,
    /// Attempts made, of all its failures.
    pub attempts: u32,
    /// When it failed first, in seconds since the Unix epoch.
    pub first_at: f64,
    /// When it failed last, in seconds since the Unix epoch.
    pub last_at: f64,
    /// Its last attempts, in order.
    pub history: Vec<LetterAttempt>,
    /// How often in a row it failed for good in the same way.
    pub equal_failures: u32,
    /// How often in a row whoever did it again died of something.
    pub interrupted: u32,
    /// Who is doing it again.
    #[cfg_attr(feature = "__schema", schemars(skip))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lease: Option<Lease>,
}

/// What ended an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndedBy {
    /// Its circuit was open, or its service's queue full, and nothing was tried.
    Circuit,
    /// It failed itself.
    Failure,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LetterAttempt {
    /// When it ended, in seconds since the Unix epoch.
    pub at: f64,
    /// Whose service it was.
    pub service: Option<String>,
    /// Whether trying again could help.
    pub class: String,
    /// What sort of failure.
    pub failure: String,
    /// What failed.
    pub error: Foreign,
    /// How long it took, in milliseconds.
    pub took_millis: u64,
    /// The pause after it, in milliseconds; null where no other attempt followed.
    pub delay_millis: Option<u64>,
}

/// What was done, for a letter of its failure.
pub(super) struct Asked {
    pub(super) request: LetterRequest,
    pub(super) options: LetterOptions,
    pub(super) target: Foreign,
}

/// How it failed just now.
pub(super) struct Failure {
    pub(super) ended_by: EndedBy,
    pub(super) class: Class,
    pub(super) kind: Kind,
    pub(super) service: Option<String>,
    pub(super) error: Foreign,
    /// When, in seconds since the Unix epoch.
    pub(super) at: f64,
    pub(super) attempts: u32,
    /// Its last attempts, in order.
    pub(super) history: Vec<LetterAttempt>,
}

impl LetterAttempt {
    /// One that failed just now, and that no other followed yet.
    pub(super) fn new(
        at: f64,
        service: Option<String>,
        (class, kind): (Class, Kind),
        error: Foreign,
        took: Duration,
    ) -> Self {
        Self {
            at,
            service,
            class: class.as_str().to_owned(),
            failure: kind.as_str().to_owned(),
            error,
            took_millis: millis(took),
            delay_millis: None,
        }
    }
}

/// As letters have it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Who is doing a letter's operation again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) owner: ProcessIdentity,
    /// Tells one retry from another of the same process.
    pub(super) number: u64,
}

impl Letter {
    /// That of what failed just now for the first time, as far as it knows.
    pub(super) fn new(asked: Asked, failure: Failure) -> Self {
        let is_for_good = failure.class == Class::Permanent && failure.ended_by == EndedBy::Failure;
        Self {
            version: VERSION,
            id: asked.request.id(),
            request: asked.request,
            options: asked.options,
            target: asked.target,
            service: failure.service,
            ended_by: failure.ended_by,
            class: failure.class.as_str().to_owned(),
            failure: failure.kind.as_str().to_owned(),
            error: failure.error,
            failures: 1,
            attempts: failure.attempts,
            first_at: failure.at,
            last_at: failure.at,
            history: failure.history,
            equal_failures: u32::from(is_for_good),
            interrupted: 0,
            lease: None,
        }
    }

    /// Whether it is only done again when somebody insists.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.equal_failures >= PARKED_AFTER || self.interrupted >= PARKED_AFTER
    }

    /// The process that is doing it again, as far as is known; it may be dead.
    #[must_use]
    pub fn holder(&self) -> Option<&ProcessIdentity> {
        self.lease.as_ref().map(|lease| &lease.owner)
    }

    /// What it is done again together with: its plan (true), else its service.
    pub(super) fn group(&self) -> Option<(bool, &str)> {
        match &self.request {
            LetterRequest::PlanStep(step) => Some((true, &step.plan)),
            _ => Some((false, self.service.as_deref()?)),
        }
    }

    /// The same without who is doing it again, which is nobody's business but this machine's.
    #[must_use]
    pub fn unheld(&self) -> Self {
        Self { lease: None, ..self.clone() }
    }

    /// This letter, that of a failure just now, with what an earlier one of the same operation has.
    pub(super) fn after(mut self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier.filter(|earlier| earlier.id == self.id) else {
            self.forget_old();
            return self;
        };
        self.first_at = earlier.first_at.min(self.first_at);
        self.failures = self.failures.saturating_add(earlier.failures);
        self.attempts = self.attempts.saturating_add(earlier.attempts);
        self.lease.clone_from(&earlier.lease);
        let mut history = earlier.history.clone();
        history.append(&mut self.history);
        self.history = history;
        self.forget_old();
        if self.ended_by == EndedBy::Circuit {
            // Nothing was tried: that says nothing.
            (self.equal_failures, self.interrupted) = (earlier.equal_failures, earlier.interrupted);
        } else if self.equal_failures > 0 {
            let last = (&earlier.class, &earlier.failure, &earlier.service);
            let is_equal =
                earlier.ended_by == EndedBy::Circuit || last == (&self.class, &self.failure, &self.service);
            // A step that was edited meanwhile may fail in the same way for another reason.
            let is_equal = is_equal && !self.request.is_edited(&earlier.request);
            let before = if is_equal { earlier.equal_failures } else { 0 };
            self.equal_failures = self.equal_failures.saturating_add(before);
        }
        self
    }

    fn forget_old(&mut self) {
        let old = self.history.len().saturating_sub(REMEMBERED);
        self.history.drain(..old);
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }
}
