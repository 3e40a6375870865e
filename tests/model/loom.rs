//! The shipped shared breaker under loom: the very files of `crates/breaker/src`, compiled against its
//! mutex and atomics. Each scenario holds; each planted race is found.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "the files are those of a library")]
#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

extern crate alloc;

#[path = "../../crates/breaker/src/machine/mod.rs"]
mod machine;
#[path = "../../crates/breaker/src/policy.rs"]
mod policy;
mod scenarios;
#[path = "../../crates/breaker/src/shared/mod.rs"]
mod shared;
#[path = "../../crates/breaker/src/time.rs"]
mod time;
#[path = "../../crates/breaker/src/window.rs"]
mod window;

use loom::thread::spawn;

/// What the shipped files synchronise with here.
mod sync {
    use std::cell::Cell;

    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Plant {
        PublishUnlocked,
        UnlockedProbe,
        UnlockedSettle,
        BlindSuccess,
        AnyGeneration,
        AnyOutage,
    }

    std::thread_local! {
        // The checker's threads all run on the test's own.
        static PLANTED: Cell<Option<Plant>> = const { Cell::new(None) };
    }

    pub(crate) fn plant(plant: Option<Plant>) {
        PLANTED.set(plant);
    }

    pub(crate) fn planted(plant: Plant) -> bool {
        PLANTED.get() == Some(plant)
    }
}

/// Every order of the steps with at most three preemptions: unbounded, the checker misses stale results.
fn check(scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scenario);
}

#[test]
fn every_scenario_holds() {
    for (scenario, _) in scenarios::ALL {
        check(scenario);
    }
}

#[test]
fn every_planted_race_is_found() {
    for (scenario, plant) in scenarios::ALL {
        sync::plant(Some(plant));
        let found = std::panic::catch_unwind(|| check(scenario)).is_err();
        sync::plant(None);
        assert!(found, "{plant:?} was not found");
    }
}
