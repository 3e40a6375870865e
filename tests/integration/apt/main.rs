//! A real apt-get and dpkg in roots of their own, against mirrors that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod adapter;
mod apt_get;
mod ground;
mod plan;

/// Only does something when a lab started this process to hold a lock.
#[test]
fn the_lock_holder() {
    tests::apt::hold_if_asked();
}
