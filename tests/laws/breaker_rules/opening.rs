//! What opens a circuit, and what is no evidence.

use std::time::Duration;

use vps_breaker::{Policy, Rule, Settled, State, Verdict};

use super::{F, Lab, S, opened_by};
use crate::breaker_model::{Over, Rules, duration};

#[test]
fn a_drop_says_nothing_unless_the_call_was_given_up() {
    let nanosecond = Duration::from_nanos(1);
    let limit = duration(30);
    for (abandoned_after, age, unwinding, verdict) in [
        (None, Duration::ZERO, false, Verdict::Neutral),
        (None, Duration::MAX, false, Verdict::Neutral),
        (None, Duration::ZERO, true, F),
        (Some(limit), Duration::ZERO, false, Verdict::Neutral),
        (Some(limit), limit - nanosecond, false, Verdict::Neutral),
        (Some(limit), limit, false, F),
        (Some(limit), limit + nanosecond, false, F),
        (Some(limit), Duration::MAX, false, F),
        (Some(limit), Duration::ZERO, true, F),
        (Some(limit), limit, true, F),
    ] {
        // Nothing else in a policy has a say.
        for policy in
            [Policy::new(), Policy::new().with_enabled(false), Policy::new().with_timeout(nanosecond)]
        {
            let policy = policy.with_abandoned_after(abandoned_after);
            let said = policy.verdict_when_dropped(age, unwinding);
            assert_eq!(said, verdict, "{abandoned_after:?}, {age:?}, unwinding: {unwinding}");
        }
    }
}

#[test]
fn each_rule_opens_at_its_limit() {
    let mut lab = Lab::new(Rules::default());
    assert_eq!(lab.calls(&[F, F, S, F, F]), Settled::Counted);
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Consecutive));

    let window = |failed, slow| Some((Over::Count(10), 4, failed, slow));
    let rules = Rules { threshold: 99, window: window(Some(500), None), ..Rules::default() };
    let mut lab = Lab::new(rules);
    assert_eq!(lab.calls(&[F, F, F]), Settled::Counted, "no rate over three of four calls");
    assert_eq!(lab.calls(&[S]), Settled::Counted, "a success never opens");
    assert_eq!(opened_by(lab.call(F)), Some(Rule::FailureRate));
    let mut lab = Lab::new(rules);
    assert_eq!(lab.calls(&[S, S, S, F, F]), Settled::Counted, "two of five");
    assert_eq!(opened_by(lab.call(F)), Some(Rule::FailureRate), "three of six are half");

    let mut lab = Lab::new(Rules { window: window(None, Some((3, 500))), ..Rules::default() });
    let slow = |lab: &mut Lab, seconds| {
        let ticket = lab.admit();
        lab.pass(seconds);
        lab.settle(ticket, S)
    };
    for seconds in [3, 0, 2] {
        assert_eq!(slow(&mut lab, seconds), Settled::Counted);
    }
    assert_eq!(opened_by(slow(&mut lab, 3)), Some(Rule::SlowRate), "two of four took three seconds");
}

#[test]
fn a_success_never_opens() {
    let window = Some((Over::Count(4), 4, Some(250), None));
    let mut lab = Lab::new(Rules { threshold: 99, window, ..Rules::default() });
    assert_eq!(lab.calls(&[F, F, F, S, S, S, S, S]), Settled::Counted);
    assert_eq!(opened_by(lab.call(F)), Some(Rule::FailureRate));
}

#[test]
fn overlapping_failures_count_once() {
    let rules = Rules { once: true, forget: Some(60), ..Rules::default() };
    let mut lab = Lab::new(rules);
    let blip = |lab: &mut Lab| {
        let cut: Vec<_> = (0..4).map(|_| lab.admit()).collect();
        for ticket in cut {
            lab.settle(ticket, F);
        }
        lab.view().failure_count()
    };
    assert_eq!([blip(&mut lab), blip(&mut lab)], [1, 2]);
    assert_eq!(lab.state(), State::Closed);
    blip(&mut lab);
    assert_eq!(lab.state(), State::Open, "three blips are three");

    // One that began before them all ends last: no evidence is lost.
    let mut lab = Lab::new(rules);
    let first = lab.admit();
    lab.calls(&[F, F]);
    lab.settle(first, F);
    assert_eq!(lab.view().failure_count(), 2);

    // Admitted in a run that ended since: it is the first of the new one.
    let mut lab = Lab::new(rules);
    lab.calls(&[F, F]);
    let late = lab.admit();
    lab.call(S);
    lab.settle(late, F);
    assert_eq!(lab.view().failure_count(), 1);
    // Or whose run was forgotten.
    let mut lab = Lab::new(rules);
    lab.calls(&[F, F]);
    let late = lab.admit();
    lab.pass(60);
    lab.settle(late, F);
    assert_eq!(lab.view().failure_count(), 1);
    // Each counts where it is so set.
    let mut lab = Lab::new(Rules::default());
    blip(&mut lab);
    assert_eq!(lab.state(), State::Open);
}

#[test]
fn an_old_run_is_forgotten() {
    for (seconds, failures) in [(599, 3), (600, 1)] {
        let rules = Rules { threshold: 5, forget: Some(600), ..Rules::default() };
        let mut lab = Lab::new(rules);
        lab.call(F);
        lab.pass(500);
        lab.call(F);
        lab.pass(seconds);
        lab.call(F);
        assert_eq!(lab.view().failure_count(), failures, "after {seconds} s");
    }
    let mut lab = Lab::new(Rules::default());
    for _ in 0..3 {
        lab.pass(300_000_000);
        lab.call(F);
    }
    assert_eq!(lab.state(), State::Open, "by default never");
}

#[test]
fn a_slow_failure_counts_as_both() {
    let window = |slow| Some((Over::Count(10), 4, Some(900), Some((3, slow))));
    let call = |lab: &mut Lab, seconds, verdict| {
        let ticket = lab.admit();
        lab.pass(seconds);
        lab.settle(ticket, verdict)
    };
    for over in [Over::Count(10), Over::Time(100)] {
        let window = Some((over, 4, Some(900), Some((3, 500))));
        let mut lab = Lab::new(Rules { threshold: 99, window, ..Rules::default() });
        call(&mut lab, 3, F);
        let counts = lab.view().window();
        assert_eq!((counts.calls, counts.failures, counts.slow), (1, 1, 1));
        call(&mut lab, 2, F);
        call(&mut lab, 0, S);
        let counts = lab.view().window();
        assert_eq!((counts.calls, counts.failures, counts.slow), (3, 2, 1));
        assert_eq!(opened_by(call(&mut lab, 3, F)), Some(Rule::SlowRate), "two of four were slow");
    }
    // It is a failure to the other rules.
    let mut lab = Lab::new(Rules { window: window(1_000), ..Rules::default() });
    call(&mut lab, 3, F);
    call(&mut lab, 3, F);
    assert_eq!(opened_by(call(&mut lab, 3, F)), Some(Rule::Consecutive));
}
