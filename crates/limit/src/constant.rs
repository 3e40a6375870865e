//! What can be made in a `static`; apart from `shared.rs`, because a model checker's mutex cannot.

use core::num::NonZeroU32;

use super::shared::{Bulkhead, State};
use super::sync::Mutex;

impl Bulkhead {
    /// `max_concurrent` places, and room for `max_queue` to wait; 0 refuses at once when all are taken.
    #[must_use]
    pub const fn new(max_concurrent: NonZeroU32, max_queue: u32) -> Self {
        Self { state: Mutex::new(State::new(max_concurrent, max_queue)) }
    }
}
