//! A strategy that is written down is the same when it is read, or is refused by name.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use vps_retry::{ExponentialBackoff, RetryStrategy};

use crate::retry_delay::KINDS;
use crate::runner;

#[test]
fn it_comes_back_as_it_was() {
    let year_ms: u64 = 365 * 24 * 3_600 * 1_000;
    let delays = (0..year_ms, 0..year_ms, 1.0..=1_000.0_f64);
    let cases = (1_u32..=u32::MAX, delays, 0..year_ms, 0_usize..5, any::<bool>());
    runner(2_000)
        .run(&cases, |(max, (a, b, base), asked, kind, idempotent)| {
            let backoff = ExponentialBackoff::new()
                .with_initial(Duration::from_millis(a.min(b)))
                .with_max_delay(Duration::from_millis(a.max(b)))
                .with_base(base)
                .unwrap();
            let strategy = RetryStrategy::new()
                .with_max_attempts(NonZeroU32::new(max).unwrap())
                .with_backoff(backoff)
                .with_jitter(KINDS[kind])
                .with_max_retry_after(Duration::from_millis(asked))
                .with_idempotent(idempotent);
            let text = serde_json::to_string(&strategy).unwrap();
            prop_assert_eq!(serde_json::from_str::<RetryStrategy>(&text).unwrap(), strategy, "{}", text);
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_is_left_out_is_the_default_and_what_makes_no_sense_is_named() {
    assert_eq!(serde_json::from_str::<RetryStrategy>("{}").unwrap(), RetryStrategy::new());
    for (text, named) in [
        (r#"{"max_attempts": 0}"#, "nonzero"),
        (r#"{"exponential_base": 0.5}"#, "exponential_base is 0.5"),
        (r#"{"max_delay": {"secs": 0, "nanos": 1}}"#, "max_delay: must not be below initial_delay"),
        (r#"{"max_retry_after": {"secs": 99999999, "nanos": 0}}"#, "max_retry_after"),
        (r#"{"jitter": "wild"}"#, "wild"),
        (r#"{"max_retries": 3}"#, "max_retries"),
    ] {
        let error = serde_json::from_str::<RetryStrategy>(text).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
}
