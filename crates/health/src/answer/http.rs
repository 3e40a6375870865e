//! What an HTTP status means.

use core::time::Duration;

use vps_breaker::Verdict;

use super::{Expect, HttpAnswer, LONGEST_PAUSE, Outcome, Reason, by_time};
use crate::level::{Level, Timing};
use crate::sample::Phases;

pub(super) fn judge(
    answer: HttpAnswer,
    expect: Option<&Expect>,
    timing: &Timing,
    took: Duration,
    phases: &Phases,
) -> Outcome {
    let HttpAnswer { status, retry_after, .. } = answer;
    let verdict = verdict(answer);
    let pause = retry_after.map(|pause| pause.min(LONGEST_PAUSE));
    let expected = expect.map(|expect| expect.accepts(status));
    let mut outcome = match (status, expected) {
        // They are not the service's, whatever it is expected to say.
        (407, _) => Outcome::local(Reason::ProxyWantsCredentials),
        (511, _) => Outcome::local(Reason::Portal),
        (_, Some(true)) => by_time(timing, took, phases, verdict),
        _ if is_throttled(answer) => {
            Outcome::new(Some(Level::Degraded), Reason::Throttled { status, retry_after: pause }, verdict)
        }
        (_, Some(false)) => Outcome::new(Some(Level::Unhealthy), Reason::Unexpected { status }, verdict),
        // What a load balancer takes for alive.
        (408 | 425, None) => Outcome::new(Some(Level::Unhealthy), Reason::Status { status }, verdict),
        (100..=499 | 501 | 505, None) => by_time(timing, took, phases, verdict),
        (_, None) => Outcome::new(Some(Level::Unhealthy), Reason::Status { status }, verdict),
    };
    if is_throttled(answer) || status == 503 {
        outcome.next_not_before = pause;
    }
    outcome
}

const fn is_throttled(answer: HttpAnswer) -> bool {
    answer.status == 429 || is_throttled_403(answer)
}

const fn is_throttled_403(answer: HttpAnswer) -> bool {
    answer.status == 403 && (answer.retry_after.is_some() || answer.is_limit_used_up)
}

/// What a call's circuit is told of this status; a redirect is an answer to a probe.
const fn verdict(answer: HttpAnswer) -> Verdict {
    match answer.status {
        407 | 511 => Verdict::Neutral,
        403 if is_throttled_403(answer) => Verdict::Neutral,
        408 | 425 | 429 => Verdict::Failure,
        200..=499 | 501 | 505 | 506 | 508 | 510 => Verdict::Success,
        500..=599 => Verdict::Failure,
        _ => Verdict::Neutral,
    }
}
