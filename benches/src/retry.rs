//! The retry wrapper and one delay, beside backon.

use std::hint::black_box;
use std::time::Duration;

use backon::BackoffBuilder;
use vps_retry::{ExponentialBackoff, JitterStrategy, RetryStrategy, SplitMix64};

use crate::allocations;
use crate::counted::{Never, NoTime, poll_once};
use crate::instructions;
use crate::interleaved::ratio;
use crate::table::{head, note, row};

const CALLS: u32 = 20_000;

pub(crate) fn print() {
    head("retry (backon 1.6.0)");
    let (shown, count) = instructions::shown("retry_ours");
    row("immediate success, blocking", &shown, "<= 25 instructions", count <= 25.0);
    let (shown, _) = instructions::shown("retry_backon");
    note("the same, backon", &shown);
    let (shown, count) = instructions::shown("retry_async_ours");
    row("immediate success, async", &shown, "<= 60 instructions", count <= 60.0);
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
}
