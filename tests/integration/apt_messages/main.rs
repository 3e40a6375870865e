//! What a real apt-get said under each fault, and what we make of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod captured;
mod captures;
mod hostile;
mod readers;
mod repositories;
mod unrecorded;
