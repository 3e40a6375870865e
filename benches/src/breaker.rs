//! The breaker beside failsafe, recloser and tower-resilience.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use vps_breaker::{CircuitBreaker, ManualClock, Permit, Policy, Registry, SharedBreaker, StdClock};

use crate::counted;
use crate::instructions;
use crate::interleaved::{median, ratio};
use crate::peers::{self, Asked, version};
use crate::table::{head, note, row};
use crate::{allocations, memory};

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

fn tower(service: &impl Asked) {
    for _ in 0..CALLS {
        black_box(black_box(service).ask(true));
    }
}

/// Ratios to each peer, as text, and the one to the fastest.
fn beside(ours: &mut dyn FnMut(), peers: &mut [(&str, &mut dyn FnMut())]) -> (String, f64) {
    let (mut text, mut worst, mut nanos) = (Vec::new(), 0.0_f64, 0.0);
    for (name, theirs) in peers {
        let (to, took) = ratio(CALLS, ours, *theirs);
        text.push(format!("{to:.2}x {name}"));
        worst = worst.max(to);
        nanos = took;
    }
    (format!("{} ({nanos:.1} ns here)", text.join(", ")), worst)
}

pub(crate) fn print() {
    let names = ["failsafe", "recloser", "tower-resilience-circuitbreaker"];
    let versions = names.map(|name| format!("{name} {}", version(name)));
    head(&format!("breaker ({})", versions.join(", ")));
    closed();
    windows();
    open();
    around_calls();
    memory::print();
}

fn closed() {
    let (shown, count) = instructions::shown("closed_ours");
    row("closed: admit + success", &shown, "<= 36 instructions", count <= 36.0);
    for peer in ["recloser", "failsafe", "tower"] {
        note(&format!("closed: {peer}"), &instructions::shown(&format!("closed_{peer}")).0);
    }
    let ours = counted::ours();
    let (f, r, t) = (peers::failsafe_closed(), peers::recloser_closed(), peers::tower_closed());
    let (text, worst) = beside(
        &mut || pass(&ours),
        &mut [
            ("failsafe", &mut || failsafe(&f)),
            ("recloser", &mut || recloser(&r)),
            ("tower-resilience", &mut || tower(&t)),
        ],
    );
    row("closed, time", &text, "<= 0.15x the fastest", worst <= 0.15);
    let none = allocations::of(|| pass(&ours));
    row("closed, allocations", &none.to_string(), "0", none == 0);
    let scaling = two_threads(&|| pass(&ours));
    row("closed, two threads", &format!("{scaling:.2}x one"), ">= 1.9x", scaling >= 1.9);
    note("two threads: recloser", &format!("{:.2}x one", two_threads(&|| recloser(&r))));
}

fn windows() {
    let (shown, count) = instructions::shown("closed_window_ours");
    row("last-100-calls rule, successes", &shown, "<= 30 instructions", count <= 30.0);
    let mixed = counted::ours_count_window(true);
    mixed.try_acquire().unwrap().failure();
    let (r, t) = (peers::recloser_closed(), peers::tower_count_window());
    let (text, _) = beside(
        &mut || {
            for call in 0..CALLS {
                let permit = black_box(&mixed).try_acquire().unwrap();
                black_box(if call % 50 == 0 { permit.failure() } else { permit.success() });
            }
        },
        &mut [
            ("tower-resilience", &mut || {
                for call in 0..CALLS {
                    black_box(t.ask(call % 50 != 0));
                }
            }),
            ("recloser", &mut || {
                for call in 0..CALLS {
                    let _ = black_box(r.call(|| if call % 50 == 0 { Err(()) } else { Ok(()) }));
                }
            }),
        ],
    );
    let to_recloser = first_number(text.split(", ").last().unwrap_or_default());
    row("last-100-calls rule, failures inside", &text, "<= 1.2x recloser", to_recloser <= 1.2);

    let (timed, f) = (counted::ours_time_window(), peers::failsafe_time_window());
    let (text, to_failsafe) = beside(&mut || pass(&timed), &mut [("failsafe", &mut || failsafe(&f))]);
    row("60 s time window", &text, "<= 0.5x", to_failsafe <= 0.5);
    flat(&timed);
}

/// Whether a call costs the same after many in the window.
fn flat(timed: &CircuitBreaker<StdClock>) {
    let fresh = counted::ours_time_window();
    for _ in 0..50 {
        pass(timed);
    }
    let (growth, _) = ratio(CALLS, &mut || pass(timed), &mut || pass(&fresh));
    row("60 s window: after a million calls", &format!("{growth:.2}x a new one"), "flat", growth <= 1.1);
    let (full, young) = (peers::tower_time_window(), peers::tower_time_window());
    for _ in 0..10_000 {
        full.ask(true);
    }
    let once = |service: &dyn Asked| {
        let start = Instant::now();
        for _ in 0..200 {
            black_box(service.ask(true));
        }
        start.elapsed().as_secs_f64()
    };
    let _ = once(&young);
    let (full, young) = (once(&full), once(&young));
    note("the same, tower-resilience after 10,000", &format!("{:.1}x one after 200", full / young));
}

fn open() {
    let (shown, _) = instructions::shown("open_ours");
    note("open: rejection", &shown);
    let (ours, f, r, t) =
        (counted::ours_open(), peers::failsafe_open(), peers::recloser_open(), peers::tower_open());
    let (text, worst) = beside(
        &mut || refuse(&ours),
        &mut [
            ("failsafe", &mut || failsafe(&f)),
            ("recloser", &mut || recloser(&r)),
            ("tower-resilience", &mut || tower(&t)),
        ],
    );
    row("open: rejection, time", &text, "<= 0.75x the fastest", worst <= 0.75);
    let clock = StdClock::new();
    let (to_clock, _) = ratio(CALLS, &mut || refuse(&ours), &mut || {
        for _ in 0..CALLS {
            black_box(vps_breaker::Clock::now(black_box(&clock)));
        }
    });
    note("open: beside one clock read alone", &format!("{to_clock:.2}x"));
    let none = allocations::of(|| refuse(&ours));
    row("open, allocations", &none.to_string(), "0", none == 0);
}

fn around_calls() {
    let (shown, count) = instructions::shown("call_async_ours");
    row("call_async, immediate future", &shown, "<= 60 instructions", count <= 60.0);
    let breaker = counted::ours();
    let none = allocations::of(|| {
        let future =
            breaker.call_async(|_: &()| vps_breaker::Verdict::Failure, std::future::ready(Ok::<u8, ()>(1)));
        let _ = black_box(counted::poll_once(future));
    });
    row("call_async, allocations", &none.to_string(), "0", none == 0);
    let (layer, t) = (counted::ours_layer(), peers::tower_closed());
    let (text, _) = beside(&mut || tower(&layer), &mut [("tower-resilience", &mut || tower(&t))]);
    note("the tower layer", &format!("{}; {text}", instructions::shown("layer_ours").0));
    let owned = Arc::new(counted::ours());
    let (to_borrowed, _) = ratio(
        CALLS,
        &mut || {
            for _ in 0..CALLS {
                let _ = black_box(Arc::clone(black_box(&owned)).enter().map(Permit::success));
            }
        },
        &mut || pass(&breaker),
    );
    note("an owning permit", &format!("{to_borrowed:.2}x a borrowing one"));
    let (shown, count) = instructions::shown("lookup_ours");
    row("named look-up among 1,000", &shown, "<= 200 instructions", count <= 200.0);
}

fn first_number(text: &str) -> f64 {
    text.split('x').next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

fn two_threads(pass: &(dyn Fn() + Sync)) -> f64 {
    let rounds = 200;
    let work = || {
        for _ in 0..rounds {
            pass();
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

/// Breakers as a registry keeps them, for the rows about memory.
pub(crate) fn named(
    policy: Policy,
    count: u32,
) -> (Registry<ManualClock>, Vec<Arc<SharedBreaker<ManualClock>>>) {
    let registry = Registry::new(policy, ManualClock::new(), count as usize);
    let breakers = (0..count).map(|number| registry.breaker(&format!("service-{number}"))).collect();
    (registry, breakers)
}
