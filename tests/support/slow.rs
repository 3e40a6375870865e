//! Whether a run of the tests takes its time.

/// Whether this is `cargo xtask test --slow`, in which tests do more, and some run that do not otherwise.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the runner tells by its environment")]
pub fn is_slow() -> bool {
    std::env::var("VPS_CONFIGURATOR_SLOW").as_deref() == Ok("1")
}
