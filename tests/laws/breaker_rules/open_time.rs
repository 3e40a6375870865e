//! How long a circuit is open, and how that shows.

use std::num::NonZeroU32;
use std::time::Duration;

use vps_breaker::{Factor, OpenBackoff, Policy, State, Why};

use super::{F, Lab, S};
use crate::breaker_model::{Rules, duration};

#[test]
fn the_end_of_the_open_time_is_fixed() {
    let mut lab = Lab::new(Rules { threshold: 1, ..Rules::default() });
    let late = [lab.admit(), lab.admit()];
    lab.call(F);
    assert_eq!(lab.refused(), (Why::Open, 60));
    lab.pass(59);
    for ticket in late {
        lab.settle(ticket, F);
    }
    assert_eq!(lab.refused(), (Why::Open, 1));
    lab.pass(1);
    assert!(lab.admit().is_probe());
}

#[test]
fn the_open_time_is_spread_upwards() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let policy = Policy::new().with_failure_threshold(NonZeroU32::MIN).with_jitter_seed(seed);
        assert_eq!(Lab::over(policy).open().view().retry_after(), Some(duration(60)), "not unless asked");
        let policy = policy.with_jitter(true);
        assert_eq!(policy.longest_open(), duration(66));
        let wait = |policy: Policy| Lab::over(policy).open().view().retry_after().unwrap();
        assert!(wait(policy) >= duration(60) && wait(policy) <= duration(66));
        assert_eq!(wait(policy), wait(policy), "a function of seed and generation");
        seen.insert(wait(policy).as_millis() / 100);
        // The next generation draws another.
        let mut lab = Lab::over(policy).open();
        let first = lab.view().retry_after();
        lab.machine.reset(&lab.policy, lab.now);
        assert_ne!(lab.open().view().retry_after(), first);
    }
    assert!(seen.len() > 50, "{} tenths of a second of 60", seen.len());
    let (low, high) = (seen.first().unwrap(), seen.last().unwrap());
    assert!(*low <= 602 && *high >= 657, "{low} to {high}: the whole tenth is used");
}

#[test]
fn the_open_time_grows_while_probes_fail() {
    let rules =
        Rules { threshold: 1, timeout: 10, backoff: Some((Factor::whole(3), 200)), ..Rules::default() };
    let mut lab = Lab::new(rules).open();
    for seconds in [10, 30, 90, 200, 200] {
        assert_eq!(lab.refused(), (Why::Open, seconds));
        lab.pass(seconds).call(F);
    }
    lab.pass(200).call(S);
    assert_eq!(lab.open().refused(), (Why::Open, 10), "a success ends it");
    // A base and a number of failures that no number holds.
    let policy = Policy::new().with_failure_threshold(NonZeroU32::MIN).with_open_backoff(Some(OpenBackoff {
        base: Factor::whole(u32::MAX),
        cap: Duration::from_secs(365 * 24 * 3600),
    }));
    let mut lab = Lab::over(policy).open();
    for _ in 0..300 {
        lab.pass(policy.longest_open().as_secs() + 1).call(F);
    }
    assert!(lab.view().retry_after().unwrap() <= policy.longest_open());
}

#[test]
fn it_grows_by_a_ratio_too_and_never_shrinks() {
    let waits = |base| {
        let policy = Policy::new()
            .with_failure_threshold(NonZeroU32::MIN)
            .with_open_backoff(Some(OpenBackoff { base, cap: duration(200) }));
        let mut lab = Lab::over(policy).open();
        [(); 5].map(|()| {
            let wait = lab.view().retry_after().unwrap();
            lab.pass(wait.as_secs() + 1).call(F);
            wait.as_secs_f64()
        })
    };
    assert_eq!(waits(Factor::per_mille(1_500)), [60.0, 90.0, 135.0, 200.0, 200.0]);
    assert_eq!(waits(Factor::per_mille(1_001)), [60.0, 60.06, 60.12006, 60.180_180_06, 60.240_360_24]);
    assert_eq!(waits(Factor::per_mille(10)), [60.0; 5], "less than one is one");
}

#[test]
fn it_shows_as_due_without_a_call() {
    let mut lab = Lab::new(Rules::default()).open();
    assert_eq!((lab.state(), lab.view().opened_for()), (State::Open, Some(Duration::ZERO)));
    lab.pass(59);
    assert_eq!(lab.state(), State::Open);
    let before = lab.machine.clone();
    lab.pass(1);
    assert_eq!((lab.state(), lab.view().rejection()), (State::HalfOpen, None));
    assert_eq!(lab.view().opened_for(), Some(duration(60)));
    assert_eq!(lab.machine, before, "looking changes nothing");
}
