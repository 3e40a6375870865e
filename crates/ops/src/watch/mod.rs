//! Services seen in real time: one process of a machine looks, all of them show what it finds.
//!
//! [`Watch::run`] is the one ticker. It looks at each service when its turn is, tells what changed, and probes circuits
//! that are due, so that no call has to. [`Watch::board`] is all that there is to see, for the terminal, the page, JSON
//! and the metrics alike. [`check_once`] is one look at everything, as the command `health` makes it.

mod board;
mod change;
mod clock;
mod housekeeping;
mod mute;
mod note;
mod notify;
mod once;
mod own_connection;
mod prober;
mod results;
mod round;
mod seen;
mod service;
#[cfg(any(test, feature = "testing"))]
pub mod staged;
#[cfg(test)]
mod tests;
mod ticker;
mod unread;
#[expect(clippy::module_inception, reason = "what a watch is made of")]
mod watch;

pub use board::{Board, LastLook, Row, TargetLook};
pub use change::{Changed, LoggedChange, MOST_CHANGES, changes};
pub use mute::{ask_for, mute};
pub use notify::{News, NotTold, Notifier, Voice};
pub use once::{Once, check_once};
pub use results::Results;
pub use watch::{Parts, Watch};
