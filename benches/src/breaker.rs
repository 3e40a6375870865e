//! The breaker beside failsafe and recloser.

use std::hint::black_box;
use std::time::Instant;

use vps_breaker::{CircuitBreaker, ManualClock, Registry, SharedBreaker, StdClock};

use crate::allocations;
use crate::counted;
use crate::instructions;
use crate::interleaved::{median, ratio};
use crate::table::{head, note, row};

const CALLS: u32 = 20_000;

fn pass(breaker: &CircuitBreaker<StdClock>) {
    for _ in 0..CALLS {
        if let Ok(permit) = black_box(breaker).try_acquire() {
            black_box(permit.success());
        }
    }
}

fn refuse(breaker: &CircuitBreaker<StdClock>) {
    for _ in 0..CALLS {
        let _ = black_box(black_box(breaker).try_acquire().is_err());
    }
}

fn failsafe(breaker: &impl failsafe::CircuitBreaker) {
    for _ in 0..CALLS {
        let _ = black_box(black_box(breaker).call(|| Ok::<(), ()>(())));
    }
}

fn recloser(breaker: &recloser::Recloser) {
    for _ in 0..CALLS {
        let _ = black_box(black_box(breaker).call(|| Ok::<(), ()>(())));
    }
}

pub(crate) fn print() {
    head("breaker (failsafe 1.3.0, recloser 1.4.0)");
    let (shown, count) = instructions::shown("closed_ours");
    row("closed: admit + success", &shown, "<= 36 instructions", count <= 36.0);
    let (shown, _) = instructions::shown("closed_recloser");
    note("closed: recloser", &shown);

    let ours = counted::ours();
    let (theirs_f, theirs_r) = (counted::failsafe_closed(), counted::recloser_closed());
    let (to_failsafe, nanos) = ratio(CALLS, &mut || pass(&ours), &mut || failsafe(&theirs_f));
    let (to_recloser, _) = ratio(CALLS, &mut || pass(&ours), &mut || recloser(&theirs_r));
    let worst = to_failsafe.max(to_recloser);
    row(
        "closed, time",
        &format!("{to_failsafe:.2}x failsafe, {to_recloser:.2}x recloser ({nanos:.1} ns here)"),
        "<= 0.15x the fastest",
        worst <= 0.15,
    );
    let none = allocations::of(|| pass(&ours));
    row("closed, allocations", &none.to_string(), "0", none == 0);
    let scaling = two_threads(&ours);
    row("closed, two threads", &format!("{scaling:.2}x one"), ">= 1.9x", scaling >= 1.9);

    let (shown, count) = instructions::shown("closed_window_ours");
    row("last-100-calls rule, successes", &shown, "<= 30 instructions", count <= 30.0);
    let mixed = counted::ours_count_window(true);
    mixed.try_acquire().unwrap().failure();
    let (to_recloser, _) = ratio(
        CALLS,
        &mut || {
            for call in 0..CALLS {
                let permit = black_box(&mixed).try_acquire().unwrap();
                black_box(if call % 50 == 0 { permit.failure() } else { permit.success() });
            }
        },
        &mut || {
            for call in 0..CALLS {
                let _ = black_box(theirs_r.call(|| if call % 50 == 0 { Err(()) } else { Ok(()) }));
            }
        },
    );
    row(
        "last-100-calls rule, failures inside",
        &format!("{to_recloser:.2}x recloser"),
        "<= 1.2x",
        to_recloser <= 1.2,
    );
    let (timed, theirs_t) = (counted::ours_time_window(), counted::failsafe_time_window());
    let (to_failsafe, nanos) = ratio(CALLS, &mut || pass(&timed), &mut || failsafe(&theirs_t));
    row(
        "60 s time window",
        &format!("{to_failsafe:.2}x failsafe ({nanos:.0} ns here)"),
        "<= 0.5x",
        to_failsafe <= 0.5,
    );

    let (open, open_f, open_r) = (counted::ours_open(), counted::failsafe_open(), counted::recloser_open());
    let (to_failsafe, nanos) = ratio(CALLS, &mut || refuse(&open), &mut || failsafe(&open_f));
    let (to_recloser, _) = ratio(CALLS, &mut || refuse(&open), &mut || recloser(&open_r));
    let worst = to_failsafe.max(to_recloser);
    row(
        "open: rejection",
        &format!("{to_failsafe:.2}x failsafe, {to_recloser:.2}x recloser ({nanos:.0} ns here)"),
        "<= 0.75x the fastest",
        worst <= 0.75,
    );
    let none = allocations::of(|| refuse(&open));
    row("open, allocations", &none.to_string(), "0", none == 0);

    let (shown, count) = instructions::shown("call_async_ours");
    row("call_async, immediate future", &shown, "<= 60 instructions", count <= 60.0);
    let (shown, count) = instructions::shown("lookup_ours");
    row("named look-up among 1,000", &shown, "<= 200 instructions", count <= 200.0);

    let size = size_of::<SharedBreaker<StdClock>>();
    row("memory of a breaker, policy shared", &format!("{size} bytes"), "<= 96", size <= 96);
    let million = allocations_of_registry();
    note("allocations of a named breaker", &format!("{million:.1}"));
}

fn two_threads(breaker: &CircuitBreaker<StdClock>) -> f64 {
    let rounds = 200;
    let work = || {
        for _ in 0..rounds {
            pass(breaker);
        }
    };
    let mut ratios: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            work();
            let one = start.elapsed();
            let start = Instant::now();
            std::thread::scope(|scope| {
                scope.spawn(work);
                scope.spawn(work);
            });
            2.0 * one.as_secs_f64() / start.elapsed().as_secs_f64()
        })
        .collect();
    median(&mut ratios)
}

fn allocations_of_registry() -> f64 {
    let registry = Registry::new(vps_breaker::Policy::new(), ManualClock::new(), 20_000);
    let names: Vec<String> = (0..10_000).map(|number| format!("service-{number}")).collect();
    let made = allocations::of(|| names.iter().for_each(|name| drop(registry.breaker(name))));
    made as f64 / 10_000.0
}
