//! Brings a clone up to date without ever being half-way: what is new is fetched, verified and made ready in a
//! folder inside the clone's git folder, then put in place in one go. Whoever is killed in that go leaves a
//! plan, and the next run finishes it.

mod change;
mod changed;
mod crash;
mod difference;
mod finish;
mod locked_file;
mod own_work;
mod place;
mod plan;
mod prepare;
mod quarantine;
mod refs;
mod room;
mod tree;

#[cfg(test)]
pub(super) use crash::planned;

pub use change::{Change, Prepared};
pub(super) use finish::finish;
pub(super) use place::apply;
pub(crate) use plan::NewModule;
pub use plan::Ready;
pub(super) use prepare::prepare;
pub(super) use quarantine::refs_of;
pub use room::Update;
pub(super) use room::{NAME as ROOMS, is_unfinished};
