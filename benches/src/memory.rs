//! Bytes of a breaker, heap included.

use std::mem::size_of;

use vps_breaker::{CircuitBreaker, Policy, SharedBreaker, StdClock};

use crate::breaker::named;
use crate::table::{note, row};
use crate::{allocations, counted, peers};

const MANY: u32 = 100_000;

pub(crate) fn print() {
    let inline = size_of::<SharedBreaker<StdClock>>() as u64;
    row("memory of a breaker, policy and clock shared", &format!("{inline} bytes"), "<= 96", inline <= 96);
    let window = |breaker: CircuitBreaker<StdClock>| {
        let (heap, _) = allocations::kept(|| {
            breaker.try_acquire().unwrap().success();
        });
        (inline + heap, breaker)
    };
    let (bytes, _) = window(counted::ours_count_window(false));
    row("the same with a 100-call window", &format!("{bytes} bytes"), "<= 144", bytes <= 144);
    let (bytes, _) = window(counted::ours_time_window());
    row("the same with a 60 s window", &format!("{bytes} bytes"), "<= 320", bytes <= 320);
    let (bytes, kept) = allocations::kept(|| named(Policy::new(), MANY).0);
    let megabytes = bytes as f64 / f64::from(MANY);
    row(
        "1,000,000 breakers in a registry, names included",
        &format!("{megabytes:.0} MB (from {MANY})"),
        "< 150 MB",
        megabytes < 150.0,
    );
    drop(kept);
    let (bytes, kept) = allocations::kept(|| {
        (0..MANY).map(|_| CircuitBreaker::with_shared(&POLICY, StdClock::new())).collect::<Vec<_>>()
    });
    note("1,000,000 breakers in a Vec", &format!("{:.0} MB (from {MANY})", bytes as f64 / f64::from(MANY)));
    drop(kept);
    let peer = |bytes: u64| format!("{bytes} bytes");
    let (heap, kept) = allocations::kept(peers::failsafe_closed);
    note("memory: failsafe", &peer(heap + size_of_val(&kept) as u64));
    drop(kept);
    let (heap, kept) = allocations::kept(peers::recloser_closed);
    note("memory: recloser, last 100 calls", &peer(heap + size_of_val(&kept) as u64));
    drop(kept);
    let (heap, kept) = allocations::kept(peers::tower_closed);
    note("memory: tower-resilience", &peer(heap + size_of_val(&kept) as u64));
    drop(kept);
}

static POLICY: Policy = Policy::new();
