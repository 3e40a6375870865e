//! A run of a plan: each step is looked at, done if something is missing, and looked at again.

mod event;
mod fetched;
mod journal;
mod lock;
mod nodes;
mod one_step;
pub(super) mod order;
mod outcome;
mod runner;
mod selection;
mod step_context;
#[cfg(test)]
mod tests;
mod turns;

pub use event::{PlanEvent, PlanObserver, StepEvent};
pub(crate) use fetched::Fetched;
#[cfg(test)]
pub(crate) use journal::Memo;
pub(crate) use journal::Stage;
pub use journal::{Head, JournalError};
pub use lock::{ApplyLock, LockError, Owner};
pub use outcome::{Applied, Deferral, Outcome, StepError, StepReport, Would};
pub use runner::{ApplyError, ApplyOptions, apply};
pub use selection::Selection;
pub(crate) use step_context::{Done, Proof, StepContext};
