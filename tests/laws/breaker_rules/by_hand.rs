//! What a person decides, or a policy that is off.

use vps_breaker::{Factor, Hold, Settled, State, Verdict, Why};

use super::{F, Lab, S, half_open, opened_by};
use crate::breaker_model::{Rules, duration};

#[test]
fn what_a_hand_can_do() {
    // Forced open, then due for a probe.
    let mut lab = Lab::new(Rules::default());
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(10)), lab.now);
    assert_eq!(lab.refused(), (Why::HeldFor, 10));
    assert!(lab.view().is_held());
    lab.pass(10);
    assert_eq!((lab.state(), lab.view().is_held()), (State::HalfOpen, false));
    assert!(lab.admit().is_probe());
    // Without an end it says when to look again, and only a reset ends it.
    let mut lab = Lab::new(Rules::default());
    lab.machine.hold(&lab.policy, Hold::Open, None, lab.now);
    lab.pass(1_000_000);
    assert_eq!(lab.refused(), (Why::Held, 60));
    assert!(lab.machine.reset(&lab.policy, lab.now).is_some());
    lab.call(S);
    assert_eq!(lab.state(), State::Closed);
    // Forced closed and disabled count and never refuse; then it is clean.
    for mode in [Hold::Closed, Hold::Disabled] {
        let mut lab = Lab::new(Rules::default()).open();
        lab.machine.hold(&lab.policy, mode, Some(duration(10)), lab.now);
        lab.calls(&[F, F, F, F, F]);
        assert_eq!((lab.state(), lab.view().failure_count()), (State::Closed, 5));
        lab.pass(10);
        assert_eq!(lab.view().failure_count(), 0);
        assert_eq!(lab.calls(&[F, F]), Settled::Counted);
        assert!(opened_by(lab.call(F)).is_some());
    }
    // A policy that is off counts and never refuses.
    let mut lab = Lab::new(Rules { enabled: false, ..Rules::default() });
    lab.calls(&[F, F, F, F, F]);
    assert_eq!((lab.state(), lab.view().failure_count()), (State::Closed, 5));
}

#[test]
fn a_reset_clears_everything_and_there_may_be_nothing() {
    let rules = Rules { threshold: 2, backoff: Some((Factor::whole(2), 600)), ..Rules::default() };
    let mut lab = Lab::new(rules);
    assert_eq!(lab.machine.reset(&lab.policy, lab.now), None);
    lab.call(F);
    assert!(lab.machine.reset(&lab.policy, lab.now).is_some());
    assert_eq!(lab.call(F), Settled::Counted, "the first failure is forgotten");
    // The back-off too.
    let mut lab = Lab::new(rules).open();
    lab.pass(60).call(F);
    assert_eq!(lab.refused(), (Why::Open, 120));
    lab.machine.reset(&lab.policy, lab.now);
    lab.calls(&[F, F]);
    assert_eq!(lab.refused(), (Why::Open, 60));
}

#[test]
fn a_hand_that_opens_it_keeps_the_back_off() {
    let rules = Rules { threshold: 1, backoff: Some((Factor::whole(2), 600)), ..Rules::default() };
    let mut lab = Lab::new(rules).open();
    lab.pass(60).call(F);
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(10)), lab.now);
    lab.pass(10).call(F);
    assert_eq!(lab.refused(), (Why::Open, 240), "the second probe that failed since it was closed");
}

/// Probing as one process left it, to another whose policy is switched off.
#[test]
fn a_policy_that_is_off_lets_calls_through_that_decide_nothing() {
    let (mut lab, _probe) = half_open(10);
    lab.policy = lab.policy.with_enabled(false);
    for verdict in [S, F, Verdict::Neutral] {
        let ticket = lab.admit();
        assert!(!ticket.is_probe());
        assert_eq!(lab.settle(ticket, verdict), Settled::Counted);
    }
    lab.policy = lab.policy.with_enabled(true);
    assert_eq!((lab.state(), lab.view().success_count()), (State::HalfOpen, 0));
    assert_eq!(lab.refused(), (Why::Probing, 10));
}
