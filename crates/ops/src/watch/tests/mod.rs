//! Watching in virtual time, by a probe that does as it is told.

mod circuits;
mod kept;
mod keys;
mod lab;
mod notify;
mod several;
mod statuses;
mod times;
