//! A hundred clients that fail together: with jitter they do not come back together.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use vps_retry::{Class, Decision, ExponentialBackoff, JitterStrategy, RetryStrategy, Schedule, SplitMix64};

use crate::retry_delay::KINDS;

/// The largest share, in percent, of the retries after `failures` failures, each of an attempt of no
/// length with `class`, that falls into one 100 ms.
fn peak(jitter: JitterStrategy, failures: u32, class: Class) -> usize {
    let strategy = RetryStrategy::new().with_jitter(jitter).with_max_attempts(NonZeroU32::MAX);
    peak_of(&strategy, failures, class)
}

fn peak_of(strategy: &RetryStrategy, failures: u32, class: Class) -> usize {
    let mut bins: BTreeMap<u128, usize> = BTreeMap::new();
    for client in 0..100 {
        let mut rng = SplitMix64::new(client);
        let mut schedule = Schedule::start(strategy, None);
        let mut at = Duration::ZERO;
        for _ in 0..failures {
            match schedule.failed(class, at, &mut rng) {
                Decision::Retry { after, .. } => at += after,
                other => panic!("{other:?}"),
            }
        }
        *bins.entry(at.as_millis() / 100).or_default() += 1;
    }
    bins.into_values().max().unwrap()
}

#[test]
fn jitter_spreads_the_herd() {
    // Measured: 47, 10, 15 and 5. A generator that stands still, or jitter lost, shows here.
    let peak = |jitter| peak(jitter, 2, Class::Transient);
    assert_eq!(peak(JitterStrategy::None), 100, "without jitter they all come at once");
    assert!(peak(JitterStrategy::Proportional) <= 55, "{}", peak(JitterStrategy::Proportional));
    assert!(peak(JitterStrategy::Full) <= 14, "{}", peak(JitterStrategy::Full));
    assert!(peak(JitterStrategy::Equal) <= 20, "{}", peak(JitterStrategy::Equal));
    assert!(peak(JitterStrategy::Decorrelated) <= 9, "{}", peak(JitterStrategy::Decorrelated));
}

#[test]
fn at_the_cap_it_is_spread_still_further() {
    // Eight failures in, every delay is at its cap of 30 s. Measured: 5, then 3, 3 and 2.
    let peak = |jitter| peak(jitter, 8, Class::Transient);
    assert_eq!(peak(JitterStrategy::None), 100);
    assert!(peak(JitterStrategy::Proportional) <= 8, "{}", peak(JitterStrategy::Proportional));
    for jitter in [JitterStrategy::Full, JitterStrategy::Equal, JitterStrategy::Decorrelated] {
        assert!(peak(jitter) <= 5, "{jitter:?}: {}", peak(jitter));
    }
}

#[test]
fn a_herd_told_to_wait_comes_back_spread_and_never_early() {
    // "Retry-After: 30" to all at once, whatever delay they had of their own, even none. Measured: 6.
    let asked = Class::Throttled { at_least: Some(Duration::from_secs(30)) };
    let no_wait = ExponentialBackoff::new().with_initial(Duration::ZERO);
    let strategy = RetryStrategy::new().with_backoff(no_wait);
    assert!(peak_of(&strategy, 1, asked) <= 9, "{}", peak_of(&strategy, 1, asked));
    for jitter in KINDS.into_iter().skip(1) {
        assert!(peak(jitter, 1, asked) <= 9, "{jitter:?}: {}", peak(jitter, 1, asked));
    }
}
