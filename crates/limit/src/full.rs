//! The answer when there is no room to wait either.

use core::error::Error;
use core::fmt;

use super::machine::Usage;

/// Every place is taken and the queue is full: nothing was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Full {
    /// How many were inside and waiting at that moment.
    pub usage: Usage,
}

impl Full {
    pub(crate) fn new(usage: Usage) -> Self {
        Self { usage }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage { inside, max_concurrent, waiting, max_queue } = self.usage;
        write!(f, "{inside} of {max_concurrent} places are taken, {waiting} of {max_queue} wait for one")
    }
}

impl Error for Full {}
