//! The shipped shared bulkhead under loom and under shuttle: the very files of `crates/limit/src`, compiled
//! against their mutexes. Each scenario holds in every order of the steps; each planted race is found.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "the files are those of a library")]
#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

extern crate alloc;

/// The files, and what they synchronise with here.
macro_rules! under {
    ($name:ident, $checker:ident) => {
        #[path = "."]
        mod $name {
            #[path = "../../crates/limit/src/full.rs"]
            mod full;
            #[path = "../../crates/limit/src/machine.rs"]
            mod machine;
            #[path = "limit/scenarios.rs"]
            mod scenarios;
            #[path = "../../crates/limit/src/shared.rs"]
            mod shared;

            pub(super) use ::$checker::thread::spawn;
            pub(super) use scenarios::ALL;

            pub(crate) mod sync {
                pub(crate) use crate::{Plant, planted};
                pub(crate) use ::$checker::sync::{Mutex, MutexGuard};
                pub(crate) use std::sync::PoisonError;
            }
        }
    };
}

under!(under_loom, loom);
under!(under_shuttle, shuttle);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    GrantForgotten,
    OldWaker,
    LateWaker,
}

std::thread_local! {
    // The checkers' threads all run on the test's own.
    static PLANTED: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}

pub(crate) fn planted(plant: Plant) -> bool {
    PLANTED.get() == Some(plant)
}

/// Every order of the steps with at most three preemptions.
fn with_loom(scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scenario);
}

/// Random orders of the steps, from a fixed seed.
fn with_shuttle(scenario: fn()) {
    let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(7, 2_000);
    shuttle::Runner::new(scheduler, shuttle::Config::new()).run(scenario);
}

fn holds(scenarios: &[(fn(), Option<Plant>)], check: fn(fn())) {
    for (scenario, _) in scenarios {
        check(*scenario);
    }
}

fn finds(scenarios: &[(fn(), Option<Plant>)], check: fn(fn())) {
    for (scenario, plant) in scenarios {
        let Some(plant) = plant else { continue };
        PLANTED.set(Some(*plant));
        let found = std::panic::catch_unwind(|| check(*scenario)).is_err();
        PLANTED.set(None);
        assert!(found, "{plant:?} was not found");
    }
}

#[test]
fn every_scenario_holds_under_loom() {
    holds(&under_loom::ALL, with_loom);
}

#[test]
fn every_scenario_holds_under_shuttle() {
    holds(&under_shuttle::ALL, with_shuttle);
}

#[test]
fn every_planted_race_is_found_by_loom() {
    finds(&under_loom::ALL, with_loom);
}

#[test]
fn every_planted_race_is_found_by_shuttle() {
    finds(&under_shuttle::ALL, with_shuttle);
}
