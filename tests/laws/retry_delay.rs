//! Delays: within their bounds for every setting and every attempt.

use std::time::Duration;

use proptest::prelude::*;
use vps_retry::{ExponentialBackoff, JitterStrategy, Rng, SplitMix64};

use crate::runner;

pub(crate) const KINDS: [JitterStrategy; 5] = [
    JitterStrategy::None,
    JitterStrategy::Proportional,
    JitterStrategy::Full,
    JitterStrategy::Equal,
    JitterStrategy::Decorrelated,
];

/// The formula in floating point, as one would write it down: the model.
fn model(initial: f64, base: f64, max: f64, attempt: u32) -> f64 {
    (initial * base.powf(f64::from(attempt.saturating_sub(1)))).min(max)
}

#[test]
fn the_backoff_is_the_formula() {
    let cases = (1_u64..10_000, 1.0..10.0_f64, 1_u64..1_000_000, 1_u32..200);
    runner(4_000)
        .run(&cases, |(initial, base, max, attempt)| {
            let backoff = ExponentialBackoff::new()
                .with_initial(Duration::from_millis(initial))
                .with_max_delay(Duration::from_millis(max))
                .with_base(base)
                .unwrap();
            let expected = model(initial as f64, base, max as f64, attempt);
            let delay = backoff.delay(attempt).as_secs_f64() * 1_000.0;
            // The base is kept in 32 binary places: about 1e-10 of the delay for each step.
            prop_assert!(
                (delay - expected).abs() <= expected * 3e-10 * f64::from(attempt) + 2e-6,
                "{delay} {expected}"
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_setting_panics_or_leaves_its_bounds() {
    let cases =
        (any::<u64>(), any::<u64>(), 1.0..=1_000.0_f64, any::<u32>(), any::<u64>(), any::<u64>(), 0_usize..5);
    runner(10_000)
        .run(&cases, |(initial, max, base, attempt, last, seed, kind)| {
            let (initial, max) = (Duration::from_nanos(initial), Duration::from_nanos(max));
            let backoff =
                ExponentialBackoff::new().with_initial(initial).with_max_delay(max).with_base(base).unwrap();
            let mut rng = SplitMix64::new(seed);
            let delay = KINDS[kind].delay(&backoff, attempt, Duration::from_nanos(last), &mut rng);
            let plain = backoff.delay(attempt);
            prop_assert!(plain <= max);
            let most =
                if KINDS[kind] == JitterStrategy::Proportional { max.saturating_add(max / 10) } else { max };
            prop_assert!(delay <= most, "{delay:?} > {most:?}");
            match KINDS[kind] {
                JitterStrategy::None => prop_assert_eq!(delay, plain),
                JitterStrategy::Proportional => prop_assert!(delay >= plain),
                JitterStrategy::Equal => prop_assert!(delay >= plain / 2),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn extremes_are_finite() {
    for attempt in [0, 1, 2, 64, 1_000, u32::MAX] {
        for base in [1.0, 1.000_000_1, 2.0, 3.7, 1_000.0] {
            let backoff = ExponentialBackoff::new()
                .with_initial(Duration::from_nanos(1))
                .with_max_delay(Duration::MAX)
                .with_base(base)
                .unwrap();
            assert!(backoff.delay(attempt) <= Duration::from_nanos(u64::MAX));
            assert!(backoff.delay(attempt) >= backoff.initial());
        }
    }
    for base in [f64::NAN, f64::INFINITY, -1.0, 0.0, 0.999, 1_000.1] {
        assert!(ExponentialBackoff::new().with_base(base).is_err(), "{base}");
    }
}

#[test]
fn the_last_attempt_is_as_cheap_as_the_first() {
    // A loop over the attempts would take 4 billion rounds for each of these.
    for initial in 0..1_000 {
        let backoff = ExponentialBackoff::new()
            .with_initial(Duration::from_secs(initial))
            .with_max_delay(Duration::MAX)
            .with_base(1.000_000_001)
            .unwrap();
        assert!(backoff.delay(u32::MAX) >= Duration::from_secs(initial * 50));
    }
}

#[test]
fn delays_never_get_shorter() {
    let cases = (any::<u64>(), any::<u64>(), 1.0..=4.0_f64, 1_u32..10_000);
    runner(4_000)
        .run(&cases, |(initial, max, base, attempt)| {
            let backoff = ExponentialBackoff::new()
                .with_initial(Duration::from_nanos(initial >> (initial % 64)))
                .with_max_delay(Duration::from_nanos(max))
                .with_base(base)
                .unwrap();
            prop_assert!(backoff.delay(attempt) <= backoff.delay(attempt + 1));
            Ok(())
        })
        .unwrap();
}

/// Counts its draws.
pub(crate) struct Counting(SplitMix64, u32);

impl Counting {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed), 0)
    }

    pub(crate) fn draws(&self) -> u32 {
        self.1
    }
}

impl Rng for Counting {
    fn next_u64(&mut self) -> u64 {
        self.1 += 1;
        self.0.next_u64()
    }
}

#[test]
fn a_delay_draws_one_number_whatever_its_kind() {
    for kind in KINDS {
        let mut rng = Counting::new(1);
        let _ = kind.delay(&ExponentialBackoff::new(), 3, Duration::ZERO, &mut rng);
        assert_eq!(rng.draws(), 1, "{kind:?}");
    }
}

#[test]
fn jitter_is_alive_at_the_cap() {
    let backoff = ExponentialBackoff::new();
    for kind in KINDS.into_iter().skip(1) {
        let mut rng = SplitMix64::new(9);
        let mut seen: Vec<_> =
            (0..1_000).map(|_| kind.delay(&backoff, 50, Duration::from_secs(30), &mut rng)).collect();
        seen.sort();
        seen.dedup();
        assert!(seen.len() > 990, "{kind:?} piles up: {} different delays", seen.len());
    }
}
