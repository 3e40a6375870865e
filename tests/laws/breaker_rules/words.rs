//! Settings that make no sense are refused by name; every decision explains itself.

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use vps_breaker::{Factor, Hold, OpenBackoff, Policy, Rate, SlowCalls};

use super::{F, Lab, S};
use crate::breaker_model::{Over, Rules, duration};

#[test]
fn nonsense_is_refused_by_name() {
    let year = Duration::from_secs(365 * 24 * 3600);
    let beyond = year + Duration::from_nanos(1);
    let policy = Policy::new;
    let window = |over, least, failed, slow| {
        let rules = Rules { window: Some((over, least, failed, slow)), ..Rules::default() };
        std::panic::catch_unwind(|| rules.policy()).is_ok()
    };
    for (policy, key) in [
        (policy().with_timeout(Duration::ZERO), "timeout"),
        (policy().with_timeout(beyond), "timeout"),
        (policy().with_probe_lease(Duration::ZERO), "probe_lease"),
        (policy().with_probe_lease(beyond), "probe_lease"),
        (policy().with_forget_after(Some(Duration::ZERO)), "forget_after"),
        (policy().with_forget_after(Some(beyond)), "forget_after"),
        (policy().with_abandoned_after(Some(Duration::ZERO)), "abandoned_after"),
        (policy().with_failure_rate(Some(Rate::percent(50))), "failure_rate"),
        (policy().with_slow_calls(Some(SlowCalls { after: year, rate: Rate::percent(50) })), "slow_calls"),
        (
            policy().with_open_backoff(Some(OpenBackoff { base: Factor::whole(1), cap: duration(59) })),
            "open_backoff",
        ),
    ] {
        let error = policy.check().unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.to_string().starts_with(key), "{error}");
        assert!(!error.reason.is_empty());
    }
    assert!(policy().with_timeout(year).with_probe_lease(year).check().is_ok());
    let cap = OpenBackoff { base: Factor::whole(1), cap: duration(60) };
    assert!(policy().with_open_backoff(Some(cap)).check().is_ok());
    for (expected, over, least, failed, slow) in [
        (true, Over::Count(1_024), 1_024, Some(1), None),
        (false, Over::Count(1_025), 1, Some(1), None),
        (false, Over::Count(9), 10, Some(1), None),
        (true, Over::Time(1), 10, None, Some((1, 1))),
        (false, Over::Time(0), 10, Some(1), None),
        (false, Over::Time(365 * 24 * 3600 + 1), 10, Some(1), None),
        (false, Over::Count(9), 9, None, None),
        (false, Over::Count(9), 9, Some(0), None),
        (false, Over::Count(9), 9, None, Some((1, 0))),
        (false, Over::Count(9), 9, None, Some((0, 1))),
    ] {
        assert_eq!(window(over, least, failed, slow), expected, "{over:?} {least} {failed:?} {slow:?}");
    }
    for (buckets, expected) in [(9, false), (10, true), (60, true), (61, false)] {
        let window = vps_breaker::Window::Time {
            length: duration(60),
            buckets: NonZeroU8::new(buckets).unwrap(),
            min_calls: NonZeroU32::MIN,
        };
        let policy = policy().with_window(Some(window)).with_failure_rate(Some(Rate::percent(1)));
        assert_eq!(policy.check().is_ok(), expected, "{buckets} buckets");
    }
}

#[test]
fn every_decision_explains_itself() {
    let mut lab = Lab::new(Rules::default());
    lab.call(F);
    assert_eq!(lab.view().to_string(), "1 of 3 failures in a row that would open it");
    let mut lab = lab.open();
    assert_eq!(lab.view().to_string(), "opened by 3 failures in a row; a probe is let through in 60.0s");
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert_eq!(rejected.to_string(), "the circuit is open for another 60.0s");
    lab.pass(60);
    let probe = lab.admit();
    assert_eq!(probe.transition().unwrap().to_string(), "open -> half_open (open time over)");
    assert_eq!(
        lab.view().to_string(),
        "the next calls are probes: 0 of 1 successes that close it, 1 in flight; the first lease ends in 60.0s"
    );
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert_eq!(rejected.to_string(), "a probe is under way; its slot is free in 60.0s at the latest");
    lab.settle(probe, F);
    assert!(lab.view().to_string().starts_with("opened again because a probe failed, 1 in a row; "));
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(5)), lab.now);
    assert_eq!(lab.view().to_string(), "held open by hand, for another 5.0s");
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert_eq!(
        rejected.to_string(),
        "the circuit is held open by hand for another 5.0s, or until it is reset"
    );
    lab.machine.hold(&lab.policy, Hold::Open, None, lab.now);
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert_eq!(rejected.to_string(), "the circuit is held open by hand, until it is reset");
    lab.machine.hold(&lab.policy, Hold::Closed, None, lab.now);
    assert_eq!(lab.view().to_string(), "held closed by hand, until it is reset");

    let window = Some((Over::Count(4), 2, Some(500), None));
    let mut lab = Lab::new(Rules { threshold: 9, window, ..Rules::default() });
    lab.call(F);
    assert_eq!(
        lab.view().to_string(),
        "1 of 9 failures in a row that would open it; 1 failed and 0 slow of 1 calls seen"
    );
    lab.call(F);
    assert!(lab.view().to_string().starts_with("opened because 50 % or more of the last 4 calls failed; "));
    let window = Some((Over::Time(20), 1, None, Some((3, 125))));
    let mut lab = Lab::new(Rules { window, ..Rules::default() });
    let slow = lab.admit();
    lab.pass(3);
    lab.settle(slow, S);
    assert!(
        lab.view().to_string().starts_with(
            "opened because 12.5 % or more of the calls of the last 20.0s took 3.0s or longer; "
        )
    );
    let off = Lab::new(Rules { enabled: false, ..Rules::default() });
    assert!(off.view().to_string().starts_with("disabled by its policy: counts, never refuses; "));
}
