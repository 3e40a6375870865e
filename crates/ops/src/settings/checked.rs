//! One group of settings each, from what was written to what the core crates take.

use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::time::Duration;

use vps_breaker::{Factor, OpenBackoff, Overlap, Policy, PolicyRule, Rate, SlowCalls, Window};
use vps_retry::{BudgetPolicy, ExponentialBackoff, JitterStrategy, RetryStrategy};

use super::check::Faults;
use super::groups::{
    BulkheadSettings, CircuitBreakerSettings, NetworkRetrySettings, RetryBudgetSettings, TimeoutSettings,
    WindowSettings,
};
use super::policies::{BulkheadPolicy, Timeouts};

/// Steps that a window over time slides by.
const BUCKETS: NonZeroU8 = NonZeroU8::new(20).unwrap();

/// Beyond the settings: failures of overlapping calls are one piece of evidence, and a call that its
/// caller drops after the idle limit is a failure.
pub(super) fn breaker(
    settings: &CircuitBreakerSettings,
    timeouts: &TimeoutSettings,
    faults: &mut Faults,
) -> Policy {
    let mut at_least_one = |key: &str, value: u32| {
        NonZeroU32::new(value).unwrap_or_else(|| {
            faults.add(
                key,
                "is 0, but must be at least 1; `circuit_breaker.enabled: false` turns the breaker off",
            );
            NonZeroU32::MIN
        })
    };
    let failure_threshold = at_least_one("circuit_breaker.failure_threshold", settings.failure_threshold);
    let success_threshold = at_least_one("circuit_breaker.success_threshold", settings.success_threshold);
    let probes = at_least_one("circuit_breaker.probes", u32::from(settings.probes));
    let policy = Policy::new()
        .with_enabled(settings.enabled)
        .with_failure_threshold(failure_threshold)
        .with_timeout(settings.timeout.0)
        .with_jitter(settings.jitter)
        .with_success_threshold(success_threshold)
        .with_probes(NonZeroU8::try_from(probes).unwrap_or(NonZeroU8::MIN))
        .with_probe_lease(settings.probe_lease.0)
        .with_forget_after(Some(settings.forget_after.0))
        .with_overlap(Overlap::Once)
        .with_abandoned_after(Some(timeouts.idle.0).filter(|idle| !idle.is_zero()))
        .with_open_backoff(open_backoff(settings, faults))
        .with_window(settings.window.as_ref().and_then(|window| self::window(window, faults)))
        .with_failure_rate(settings.failure_rate.and_then(|percent| rate("failure_rate", percent, faults)))
        .with_slow_calls(slow_calls(settings, faults));
    if let Err(invalid) = policy.check() {
        // The setting in the document that a rule of the policy comes from.
        let (key, reason) = match (invalid.key, invalid.rule) {
            ("open_backoff", _) => ("max_timeout", "must not be below `timeout`"),
            ("slow_calls", PolicyRule::HasWindow) => ("slow_rate", "needs a `window`"),
            ("slow_calls", _) => ("slow_after", invalid.reason),
            ("failure_rate", _) => ("failure_rate", "needs a `window`"),
            (_, PolicyRule::HasRate) => ("window", "needs a `failure_rate` or a `slow_rate`"),
            ("min_calls" | "buckets", _) => ("window", invalid.reason),
            (key, _) => (key, invalid.reason),
        };
        faults.add_new(&format!("circuit_breaker.{key}"), reason);
    }
    policy
}

fn open_backoff(settings: &CircuitBreakerSettings, faults: &mut Faults) -> Option<OpenBackoff> {
    let base = settings.exponential_base.unwrap_or(2.0);
    if !(1.0..=1000.0).contains(&base) {
        let reason = format!("is {base}, but must be a number from 1 to 1000");
        faults.add("circuit_breaker.exponential_base", reason);
        return None;
    }
    if settings.exponential_base.is_some() && settings.max_timeout.is_none() {
        faults.add("circuit_breaker.exponential_base", "needs a `max_timeout` that the open time grows to");
    }
    let base = Factor::per_mille(thousandths(base));
    settings.max_timeout.map(|cap| OpenBackoff { base, cap: cap.0 })
}

/// To the nearest; of 0 to 1000, or a number above.
fn thousandths(number: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
    let thousandths = (number * 1000.0).round() as u32;
    thousandths
}

fn slow_calls(settings: &CircuitBreakerSettings, faults: &mut Faults) -> Option<SlowCalls> {
    match (settings.slow_after, settings.slow_rate) {
        (Some(after), Some(percent)) => {
            rate("slow_rate", percent, faults).map(|rate| SlowCalls { after: after.0, rate })
        }
        (None, None) => None,
        (Some(_), None) => {
            faults.add("circuit_breaker.slow_after", "needs a `slow_rate`");
            None
        }
        (None, Some(_)) => {
            faults.add("circuit_breaker.slow_rate", "needs a `slow_after`");
            None
        }
    }
}

fn rate(key: &str, percent: f64, faults: &mut Faults) -> Option<Rate> {
    if !(0.1..=100.0).contains(&percent) {
        let reason = format!("is {percent}, but must be a share in percent, from 0.1 to 100");
        faults.add(&format!("circuit_breaker.{key}"), reason);
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1000")]
    let per_mille = (percent * 10.0).round() as u16;
    Some(Rate::per_mille(per_mille))
}

fn window(window: &WindowSettings, faults: &mut Faults) -> Option<Window> {
    let Some(min_calls) = NonZeroU32::new(window.min_calls) else {
        faults.add("circuit_breaker.window", "has `min_calls: 0`, but must have at least 1");
        return None;
    };
    match (window.calls.map(NonZeroU16::new), window.length) {
        (Some(Some(calls)), None) => Some(Window::Count { calls, min_calls }),
        (None, Some(length)) => Some(Window::Time { length: length.0, buckets: BUCKETS, min_calls }),
        (Some(None), None) => {
            faults.add("circuit_breaker.window", "has `calls: 0`, but must have at least 1");
            None
        }
        _ => {
            faults.add("circuit_breaker.window", "must have either `calls` or `length`");
            None
        }
    }
}

pub(super) fn retry(
    settings: &NetworkRetrySettings,
    max_retry_after: Duration,
    faults: &mut Faults,
) -> RetryStrategy {
    let attempts = NonZeroU32::new(settings.max_retries).unwrap_or_else(|| {
        faults.add(
            "network_retry.max_retries",
            "is 0, but counts the attempts in all, the first included; `network_retry.enabled: false` makes one attempt",
        );
        NonZeroU32::MIN
    });
    let (initial, max) = (settings.initial_delay.0, settings.max_delay.0);
    if max < initial {
        faults.add_pair(
            "network_retry.max_delay",
            "network_retry.initial_delay",
            format!(
                "({}) must not be below `initial_delay` ({})",
                humantime::format_duration(max),
                humantime::format_duration(initial)
            ),
        );
    }
    let backoff = ExponentialBackoff::new().with_initial(initial).with_max_delay(max);
    let backoff = backoff.with_base(settings.exponential_base).unwrap_or_else(|invalid| {
        faults.add(
            "network_retry.exponential_base",
            format!("is {}, but must be a number from 1 to 1000", invalid.base),
        );
        backoff
    });
    RetryStrategy::new()
        .with_max_attempts(if settings.enabled { attempts } else { NonZeroU32::MIN })
        .with_backoff(backoff)
        .with_jitter(if settings.jitter { JitterStrategy::Proportional } else { JitterStrategy::None })
        .with_max_retry_after(max_retry_after)
}

pub(super) fn budget(settings: &RetryBudgetSettings, faults: &mut Faults) -> BudgetPolicy {
    let RetryBudgetSettings { start, per_operation, max } = *settings;
    let mut policy = BudgetPolicy::new().with_start(start).with_max(max);
    if (0.0..=1000.0).contains(&per_operation) {
        policy = policy.with_deposit(thousandths(per_operation));
    } else {
        let reason = format!("is {per_operation}, but must be a number of retries from 0 to 1000");
        faults.add("retry_budget.per_operation", reason);
    }
    match policy.check() {
        Err(invalid) if invalid.key == "start" => faults.add_pair(
            "retry_budget.start",
            "retry_budget.max",
            format!("({start}) must not be above `max` ({max})"),
        ),
        Err(_) => faults.add(
            "retry_budget.max",
            format!("is {max}, but must be 1 to 1000000; `network_retry.enabled: false` makes one attempt of each operation"),
        ),
        Ok(()) => {}
    }
    policy
}

pub(super) fn timeouts(settings: &TimeoutSettings, faults: &mut Faults) -> Timeouts {
    let mut limit = |key: &str, limit: super::Seconds| {
        if limit.0.is_zero() {
            faults.add(&format!("timeouts.{key}"), "is 0, but must be longer than nothing");
        }
        limit.0
    };
    Timeouts {
        apt_update: limit("apt_update", settings.apt_update),
        apt_install: limit("apt_install", settings.apt_install),
        download: limit("download", settings.download),
        git_clone: limit("git_clone", settings.git_clone),
        http_request: limit("http_request", settings.http_request),
        command: limit("command", settings.command),
        connect: limit("connect", settings.connect),
        idle: limit("idle", settings.idle),
    }
}

pub(super) fn bulkhead(settings: &BulkheadSettings, faults: &mut Faults) -> BulkheadPolicy {
    let max_concurrent = NonZeroU32::new(settings.max_concurrent).unwrap_or_else(|| {
        faults.add(
            "bulkhead.max_concurrent",
            "is 0, but at least 1 call must be possible; a circuit held open by hand lets none through",
        );
        NonZeroU32::MIN
    });
    BulkheadPolicy { max_concurrent, max_queue: settings.max_queue }
}
