//! The registry: bounded, and what it lets go of is not worth keeping.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use vps_breaker::{ManualClock, Policy, Registry, SharedBreaker, State};

use crate::breaker_model::{Over, Rules};
use crate::runner;

type Named = Registry<Arc<ManualClock>>;

fn registry(policy: Policy, capacity: usize) -> (Named, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::new(policy, Arc::clone(&clock), capacity), clock)
}

fn names(registry: &Named) -> Vec<String> {
    registry.views().into_iter().map(|(name, _)| name.into_string()).collect()
}

fn fail(breaker: &SharedBreaker<Arc<ManualClock>>, times: u32) {
    for _ in 0..times {
        if let Ok(permit) = breaker.try_acquire() {
            permit.failure();
        }
    }
}

#[test]
fn the_least_recently_used_is_let_go() {
    let (registry, _clock) = registry(Policy::new(), 3);
    for name in ["a", "b", "c", "a", "d", "b"] {
        drop(registry.breaker(name));
    }
    // `d` took the place of `b`, and `b` that of `c`.
    assert_eq!(names(&registry), ["a", "b", "d"]);
}

#[test]
fn one_with_something_to_remember_stays_however_long_unused() {
    let (registry, _clock) = registry(Policy::new(), 3);
    fail(&registry.breaker("open"), 3);
    fail(&registry.breaker("failed-once"), 1);
    for number in 0..100 {
        drop(registry.breaker(&format!("host-{number}")));
    }
    assert_eq!(registry.len(), 3);
    assert_eq!(registry.breaker("open").peek().state(), State::Open);
    assert_eq!(registry.breaker("failed-once").peek().failure_count(), 1);
}

#[test]
fn with_nothing_to_let_go_it_still_does_not_grow() {
    let (registry, _clock) = registry(Policy::new(), 3);
    for number in 0..3 {
        fail(&registry.breaker(&format!("host-{number}")), 3);
    }
    let late = registry.breaker("late");
    fail(&late, 3);
    assert_eq!(late.peek().state(), State::Open, "it works like any other");
    assert_eq!(registry.len(), 3);
    assert!(!names(&registry).contains(&"late".to_owned()));
    // When an outage is over, there is room again.
    registry.breaker("host-1").reset();
    drop(registry.breaker("later"));
    assert_eq!(names(&registry), ["host-0", "host-2", "later"]);
}

#[test]
fn one_that_is_held_is_the_only_one_of_its_name() {
    let (registry, _clock) = registry(Policy::new(), 2);
    let held = registry.breaker("held");
    for number in 0..10 {
        drop(registry.breaker(&format!("host-{number}")));
    }
    assert!(Arc::ptr_eq(&held, &registry.breaker("held")));
    assert_eq!(registry.len(), 3, "two, and the one in use");
    drop(held);
    drop(registry.breaker("another"));
    assert_eq!(registry.len(), 2);
}

#[test]
fn a_window_of_successes_is_not_worth_a_place() {
    for over in [Over::Count(10), Over::Time(10)] {
        let rules = Rules { window: Some((over, 2, Some(500), None)), ..Rules::default() };
        let (registry, clock) = registry(rules.policy(), 2);
        let failed = registry.breaker("failed");
        failed.try_acquire().unwrap().success();
        failed.try_acquire().unwrap().success();
        failed.try_acquire().unwrap().failure();
        failed.try_acquire().unwrap().success();
        drop(failed);
        registry.breaker("fine").try_acquire().unwrap().success();
        drop(registry.breaker("new"));
        assert_eq!(names(&registry), ["failed", "new"], "{over:?}: the failure is still in the window");
        if let Over::Time(length) = over {
            clock.advance(Duration::from_secs(length));
            drop(registry.breaker("newer"));
            assert_eq!(names(&registry), ["new", "newer"]);
        }
    }
}

#[test]
fn a_circuit_forced_by_hand_is_not_forgotten() {
    let (registry, _clock) = registry(Policy::new(), 2);
    registry.breaker("forced").hold(vps_breaker::Hold::Closed, None);
    for number in 0..10 {
        drop(registry.breaker(&format!("host-{number}")));
    }
    assert!(registry.breaker("forced").peek().is_held());
}

/// Names looked up and failed at random, against a list in order of use.
#[test]
fn it_is_bounded_and_forgets_no_outage() {
    let steps = prop::collection::vec((0_u8..12, prop::bool::weighted(0.15)), 1..200);
    runner(300)
        .run(&(1_usize..6, steps), |(capacity, steps)| {
            let (registry, _clock) = registry(Policy::new(), capacity);
            let mut order: Vec<String> = Vec::new();
            let mut failures: BTreeMap<String, u32> = BTreeMap::new();
            for (name, fails) in steps {
                let name = format!("host-{name}");
                let breaker = registry.breaker(&name);
                if let Some(at) = order.iter().position(|known| *known == name) {
                    order.remove(at);
                    order.push(name.clone());
                } else {
                    let idle = order.iter().position(|known| !failures.contains_key(known));
                    let kept = order.len() < capacity || idle.map(|at| order.remove(at)).is_some();
                    if kept {
                        order.push(name.clone());
                    }
                }
                if fails && order.contains(&name) {
                    fail(&breaker, 1);
                    *failures.entry(name).or_default() += 1;
                }
                drop(breaker);
                let mut expected = order.clone();
                expected.sort();
                prop_assert_eq!(names(&registry), expected);
                for (name, count) in &failures {
                    prop_assert_eq!(registry.breaker(name).peek().failure_count(), (*count).min(3));
                    let at = order.iter().position(|known| known == name).unwrap();
                    let used = order.remove(at);
                    order.push(used);
                }
            }
            Ok(())
        })
        .unwrap();
}
