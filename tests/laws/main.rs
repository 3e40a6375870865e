//! Laws of the pure crates, over random values and against naive models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod breaker_laws;
mod breaker_model;
mod breaker_registry;
mod breaker_rules;
mod breaker_search;
mod breaker_shared;
mod health_circuit;
mod health_damping;
mod health_due;
mod health_stored;
mod health_world;

mod limit_bulkhead;
mod limit_machine;
mod retry_budget;
mod retry_delay;
mod retry_herd;
mod retry_run;
mod retry_schedule;
mod retry_stored;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A runner that draws the same cases in every run, and leaves no files behind.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// So many seeds in a normal run, so many with `VPS_CONFIGURATOR_SLOW=1`, or as many as `VPS_CONFIGURATOR_SEEDS` says.
#[expect(clippy::disallowed_methods, reason = "how long to run is said by the environment")]
pub(crate) fn seeds(few: u64, many: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("VPS_CONFIGURATOR_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..asked.unwrap_or(if tests::is_slow() { many } else { few })
}
