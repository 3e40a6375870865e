//! What threads do to one breaker, and what must hold whatever their order.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::{OutageId, Settled, State, Ticket, Verdict};
use crate::policy::Policy;
use crate::shared::CircuitBreaker;
use crate::spawn;
use crate::sync::Plant;
use crate::time::ManualClock;

type Breaker = CircuitBreaker<Arc<ManualClock>, Policy>;

/// A scenario, and the mistake that it finds.
pub(crate) const ALL: [(fn(), Plant); 8] = [
    (nobody_calls_after_it_was_told_open, Plant::PublishUnlocked),
    (one_probe_at_a_time, Plant::UnlockedProbe),
    (no_failure_is_lost, Plant::UnlockedSettle),
    (a_success_ends_the_run, Plant::BlindSuccess),
    (a_stale_result_changes_nothing, Plant::AnyGeneration),
    (a_holders_success_closes_it_whatever_the_probe_finds, Plant::UnlockedSettle),
    (two_holders_successes_both_count, Plant::UnlockedSettle),
    (a_holder_of_an_earlier_outage_changes_nothing, Plant::AnyOutage),
];

fn breaker(threshold: u32) -> (Arc<Breaker>, Arc<ManualClock>) {
    of(Policy::new().with_failure_threshold(threshold.try_into().unwrap()))
}

fn of(policy: Policy) -> (Arc<Breaker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(1));
    (Arc::new(Breaker::with_shared(policy, Arc::clone(&clock))), clock)
}

/// Opens it, and is let through with the pass.
fn opener(breaker: &Breaker) -> (OutageId, Ticket) {
    let Settled::Moved(moved) = breaker.try_acquire().unwrap().failure() else { panic!("it is closed") };
    let pass = moved.outage.unwrap();
    (pass, breaker.admit_opener(pass).unwrap())
}

fn nobody_calls_after_it_was_told_open() {
    let (breaker, _clock) = breaker(2);
    let other = Arc::clone(&breaker);
    let neutral = spawn(move || {
        if let Ok(permit) = other.try_acquire() {
            permit.neutral();
        }
    });
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    assert!(breaker.try_acquire().is_err(), "a call after two failures");
    neutral.join().unwrap();
    assert!(breaker.try_acquire().is_err(), "a call after two failures");
}

fn one_probe_at_a_time() {
    let (breaker, clock) = breaker(1);
    breaker.try_acquire().unwrap().failure();
    clock.advance(Duration::from_secs(120));
    let other = Arc::clone(&breaker);
    let second = spawn(move || other.admit().map(std::mem::forget).is_ok());
    let first = breaker.admit().map(std::mem::forget).is_ok();
    let second = second.join().unwrap();
    assert!(first ^ second, "{first} {second}: there is one probe");
}

fn no_failure_is_lost() {
    let (breaker, _clock) = breaker(3);
    let other = Arc::clone(&breaker);
    let second = spawn(move || {
        other.try_acquire().unwrap().failure();
    });
    breaker.try_acquire().unwrap().failure();
    second.join().unwrap();
    assert_eq!(breaker.peek().failure_count(), 2);
}

fn a_success_ends_the_run() {
    let (breaker, _clock) = breaker(3);
    let ticket = breaker.admit().unwrap();
    let other = Arc::clone(&breaker);
    spawn(move || {
        other.try_acquire().unwrap().failure();
    })
    .join()
    .unwrap();
    breaker.settle(ticket, Verdict::Success);
    assert_eq!(breaker.peek().failure_count(), 0);
}

fn a_stale_result_changes_nothing() {
    let (breaker, clock) = breaker(1);
    let stale = breaker.admit().unwrap();
    breaker.try_acquire().unwrap().failure();
    clock.advance(Duration::from_secs(120));
    let probe = breaker.admit().unwrap();
    let other = Arc::clone(&breaker);
    let late = spawn(move || {
        other.settle(stale, Verdict::Failure);
    });
    breaker.settle(probe, Verdict::Success);
    late.join().unwrap();
    assert_eq!(breaker.peek().state(), State::Closed);
}

fn a_holders_success_closes_it_whatever_the_probe_finds() {
    let (breaker, clock) = breaker(1);
    let (_, holder) = opener(&breaker);
    clock.advance(Duration::from_secs(120));
    let probe = breaker.admit().unwrap();
    let other = Arc::clone(&breaker);
    let failed = spawn(move || {
        other.settle(probe, Verdict::Failure);
    });
    let settled = breaker.settle(holder, Verdict::Success);
    failed.join().unwrap();
    assert!(matches!(settled, Settled::Moved(moved) if moved.to == State::Closed), "{settled:?}");
    assert_eq!(breaker.peek().state(), State::Closed);
    assert!(breaker.is_clean());
}

fn two_holders_successes_both_count() {
    let (breaker, _clock) = of(Policy::new()
        .with_failure_threshold(1.try_into().unwrap())
        .with_success_threshold(2.try_into().unwrap()));
    let (pass, first) = opener(&breaker);
    let other = Arc::clone(&breaker);
    let second = spawn(move || {
        assert!(other.try_acquire().is_err() || other.is_clean(), "a stranger while open");
        if let Ok(second) = other.admit_opener(pass) {
            other.settle(second, Verdict::Success);
        }
    });
    breaker.settle(first, Verdict::Success);
    second.join().unwrap();
    assert_eq!(breaker.peek().state(), State::Closed);
}

fn a_holder_of_an_earlier_outage_changes_nothing() {
    let (breaker, _clock) = breaker(1);
    let (pass, late) = opener(&breaker);
    breaker.reset();
    let other = Arc::clone(&breaker);
    let late = spawn(move || {
        other.settle(late, Verdict::Success);
    });
    breaker.try_acquire().unwrap().failure();
    late.join().unwrap();
    assert_eq!(breaker.peek().state(), State::Open);
    assert!(breaker.admit_opener(pass).is_err(), "its outage is over");
}
