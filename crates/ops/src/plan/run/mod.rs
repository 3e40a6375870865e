//! A run of a plan: each step is looked at, done if something is missing, and looked at again.

mod commits;
mod conditions;
mod dry_run;
mod event;
mod fetched;
mod gates;
mod journal;
mod known;
mod letters;
mod lock;
mod memo;
mod node;
mod nodes;
mod noted;
mod one_step;
pub(super) mod order;
mod outcome;
mod report;
mod runner;
mod selection;
mod step_context;
#[cfg(test)]
mod tests;
mod together;
mod turns;

pub use event::{PlanEvent, PlanObserver, StepEvent};
pub(crate) use fetched::Fetched;
#[cfg(test)]
pub use journal::JournalError;
pub use known::{KnownPlan, KnownStep, forget, known};
pub use lock::{ApplyLock, LockError, Owner};
pub(crate) use memo::Memo;
pub use memo::{Head, Stage};
pub use outcome::{Applied, Deferral, Outcome, StepError, StepFailure, StepReport, Would};
pub use runner::{ApplyError, ApplyOptions, apply};
pub use selection::Selection;
#[cfg(any(test, feature = "testing"))]
pub(crate) use step_context::Ground;
pub(crate) use step_context::{Done, Proof, StepContext, Unsettled};
