//! Clones from a real git server that misbehaves on purpose.
#![allow(clippy::disallowed_methods, reason = "tests start the program, kill it and time it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

// As soon as the program has `git clone`:
mod adapter;
mod ground;
