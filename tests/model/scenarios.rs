//! What threads do to one breaker, and what must hold whatever their order.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::{State, Verdict};
use crate::policy::Policy;
use crate::shared::CircuitBreaker;
use crate::spawn;
use crate::sync::Plant;
use crate::time::ManualClock;

type Breaker = CircuitBreaker<Arc<ManualClock>, Policy>;

/// A scenario, and the mistake that it finds.
pub(crate) const ALL: [(fn(), Plant); 5] = [
    (nobody_calls_after_it_was_told_open, Plant::PublishUnlocked),
    (one_probe_at_a_time, Plant::UnlockedProbe),
    (no_failure_is_lost, Plant::UnlockedSettle),
    (a_success_ends_the_run, Plant::BlindSuccess),
    (a_stale_result_changes_nothing, Plant::AnyGeneration),
];

fn breaker(threshold: u32) -> (Arc<Breaker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(1));
    let policy = Policy::new().with_failure_threshold(threshold.try_into().unwrap());
    (Arc::new(Breaker::with_shared(policy, Arc::clone(&clock))), clock)
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
