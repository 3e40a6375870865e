//! What a real apt-get said under each fault, and what we make of it.

mod captured;
mod captures;
mod hostile;
mod readers;
mod repositories;
mod unrecorded;
