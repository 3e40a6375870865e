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

#[expect(clippy::disallowed_methods, reason = "how long to run is said by the environment")]
/// So many seeds, or with `VPS_CONFIGURATOR_SLOW=1` so many times as many.
pub(crate) fn seeds(few: u64, times: u64) -> std::ops::Range<u64> {
    let is_slow = std::env::var("VPS_CONFIGURATOR_SLOW").as_deref() == Ok("1");
    0..if is_slow { few * times } else { few }
}

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A runner that draws the same cases in every run, and leaves no files behind.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}
