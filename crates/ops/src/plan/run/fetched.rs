//! What was fetched for a step before its turn.

use crate::download::Held;

/// Bytes that are here, and that nobody sees yet. Dropped, they stay for the next run as far as they can.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// A file, verified, in its part.
    Download(Box<Held>),
}
