//! The retry wrapper and one delay, beside backon.

use std::hint::black_box;
use std::time::Duration;

use backon::BackoffBuilder;
use vps_retry::{ExponentialBackoff, JitterStrategy, RetryStrategy, SplitMix64};

use crate::allocations;
use crate::counted::{Never, NoTime, poll_once};
use crate::instructions;
use crate::interleaved::ratio;
use crate::peers::version;
use crate::table::{head, note, row};

const CALLS: u32 = 20_000;

pub(crate) fn print() {
    let names = ["backon", "tower-resilience-retry"];
    let versions = names.map(|name| format!("{name} {}", version(name)));
    head(&format!("retry ({})", versions.join(", ")));
    let (shown, count) = instructions::shown("retry_ours");
    row("immediate success, blocking", &shown, "<= 25 instructions", count <= 25.0);
    let (shown, _) = instructions::shown("retry_backon");
    note("the same, backon", &shown);
    let (shown, count) = instructions::shown("retry_async_ours");
    row("immediate success, async", &shown, "<= 60 instructions", count <= 60.0);
    note("the same, backon", &instructions::shown("retried_async_backon").0);
    note("the same, tower-resilience", &instructions::shown("retried_tower").0);
    let strategy = RetryStrategy::new();
    let none = allocations::of(|| {
        for _ in 0..100 {
            let mut rng = SplitMix64::new(1);
            let _ =
                black_box(vps_retry::run(&strategy, None, None, &NoTime, &mut rng, |_| Ok::<u8, Never>(1)));
            let _ =
                black_box(poll_once(vps_retry::run_async(&strategy, None, None, &NoTime, &mut rng, |_| {
                    std::future::ready(Ok::<u8, Never>(1))
                })));
        }
    });
    row("immediate success, allocations", &none.to_string(), "0", none == 0);

    let (shown, count) = instructions::shown("delay_ours");
    row("one delay with jitter", &shown, "<= 60 instructions", count <= 60.0);
    note("one delay, backon", &instructions::shown("delay_backon").0);
    let backoff = ExponentialBackoff::new();
    let mut rng = SplitMix64::new(1);
    let (to_backon, nanos) = ratio(
        CALLS,
        &mut || {
            for attempt in 0..CALLS {
                black_box(JitterStrategy::Proportional.delay(
                    &backoff,
                    attempt % 5 + 1,
                    Duration::ZERO,
                    &mut rng,
                ));
            }
        },
        &mut || {
            let mut left = CALLS;
            while left > 0 {
                let delays = backon::ExponentialBuilder::default().with_jitter().with_max_times(5).build();
                for delay in delays {
                    black_box(delay);
                    left = left.saturating_sub(1);
                }
            }
        },
    );
    note("one delay, time", &format!("{to_backon:.2}x backon ({nanos:.1} ns here)"));
    extremes();
}

/// What a delay must be for every setting and every attempt; more of it in `tests/laws/retry_delay.rs`.
fn extremes() {
    let year = Duration::from_secs(365 * 24 * 3600);
    let kinds = [
        JitterStrategy::Proportional,
        JitterStrategy::Full,
        JitterStrategy::Equal,
        JitterStrategy::Decorrelated,
    ];
    let (mut over, mut dead, mut rng) = (0, 0, SplitMix64::new(5));
    for kind in kinds {
        for base in [1.0, 1.000_001, 2.0, 1_000.0] {
            for cap in [Duration::from_micros(1), Duration::from_secs(30), year] {
                let backoff = ExponentialBackoff::new()
                    .with_initial(cap / 4)
                    .with_max_delay(cap)
                    .with_base(base)
                    .unwrap();
                let most =
                    if kind == JitterStrategy::Proportional { cap.saturating_add(cap / 10) } else { cap };
                for attempt in [1, 2, 64, 1_000_000, u32::MAX] {
                    let mut delay = || kind.delay(&backoff, attempt, cap, &mut rng);
                    let (a, b, c, d) = (delay(), delay(), delay(), delay());
                    over += u32::from([a, b, c, d].into_iter().any(|delay| delay > most));
                    dead += u32::from(a == b && b == c && c == d);
                }
            }
        }
    }
    row("delays at the extremes above their cap", &over.to_string(), "0", over == 0);
    row("delays at the extremes without jitter", &dead.to_string(), "0", dead == 0);
}
