//! What a circuit may hear of a probe: it may spare somebody's call, and may never cost one.

use core::time::Duration;

use vps_breaker::{Hold, State, View};

use crate::status::{Damped, Status};
use crate::time::Moment;

/// What to do with a circuit before a probe, or after one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// It is due: take a ticket by normal admission, probe, and settle it as a health probe's.
    TakeTicket,
    /// Open it before anybody's call finds out.
    PreOpen(PreOpen),
    /// Leave it alone.
    Nothing,
}

/// Why a circuit is opened before a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreOpen {
    /// The first bad sample.
    pub since: Moment,
}

/// What is known beside the circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// When a real call last succeeded.
    pub last_success: Option<Moment>,
}

/// Two that contradict each other; shown as degraded, with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Disagreement {
    /// A call succeeded since probes fail.
    CallsWorkProbeFails,
    /// Probes are answered, and calls opened the circuit.
    AnswersButCallsFail,
}

impl Disagreement {
    /// `calls_work_probe_fails` or `answers_but_calls_fail`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallsWorkProbeFails => "calls_work_probe_fails",
            Self::AnswersButCallsFail => "answers_but_calls_fail",
        }
    }
}

/// What to do with a circuit of a service with this health.
///
/// Nothing is ever written into a closed circuit, unless `may_pre_open` (off unless somebody asks for it): then it
/// is opened where the status is unhealthy, and for an interval since its first bad sample no call has succeeded.
#[must_use]
pub fn advise(circuit: &View, health: &Damped, calls: Calls, may_pre_open: bool) -> Advice {
    if takes_ticket(circuit) {
        return Advice::TakeTicket;
    }
    if may_pre_open && circuit.state() == State::Closed && !circuit.is_held() {
        return pre_open(health, calls).map_or(Advice::Nothing, Advice::PreOpen);
    }
    Advice::Nothing
}

/// Whether a probe takes a ticket of it: it is due, nobody probes it, and no operator holds it.
#[must_use]
pub fn takes_ticket(circuit: &View) -> bool {
    circuit.state() == State::HalfOpen
        && circuit.rejection().is_none()
        && circuit.trusts_health_probes()
        && !circuit.is_held()
}

fn pre_open(health: &Damped, calls: Calls) -> Option<PreOpen> {
    let since = health.first_bad().filter(|_| health.status() == Status::Unhealthy)?;
    // A status turns in ten seconds, in which a service that is busy need not have been called.
    let had_time = health.last()?.ended.since(since) >= health.timing().interval();
    (had_time && calls.last_success.is_none_or(|at| at < since)).then_some(PreOpen { since })
}

/// When to ask out of turn because the circuit is due then; zero if it is due now. `None` where a probe would
/// change nothing: closed, held, or after two probations lost in a row.
#[must_use]
pub fn wake_in(circuit: &View) -> Option<Duration> {
    if circuit.hold() == Some(Hold::Open) || !circuit.trusts_health_probes() || circuit.is_held() {
        return None;
    }
    match circuit.state() {
        State::Closed => None,
        State::Open | State::HalfOpen => Some(circuit.retry_after().unwrap_or_default()),
    }
}

/// Whether calls and probes say the same.
#[must_use]
pub fn disagreement(circuit: &View, health: &Damped, calls: Calls) -> Option<Disagreement> {
    let last = health.last()?;
    if let Some(first_bad) = health.first_bad() {
        return calls
            .last_success
            .is_some_and(|at| at > first_bad)
            .then_some(Disagreement::CallsWorkProbeFails);
    }
    let is_open = circuit.state() != State::Closed && !circuit.is_held();
    (last.is_answer && (is_open || circuit.is_on_probation())).then_some(Disagreement::AnswersButCallsFail)
}

/// The status as it is shown: where calls and probes contradict each other, degraded.
#[must_use]
pub const fn shown(status: Status, disagreement: Option<Disagreement>) -> Status {
    if disagreement.is_some() { Status::Degraded } else { status }
}

#[cfg(test)]
mod tests;
