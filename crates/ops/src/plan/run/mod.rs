//! A run of a plan: each step is looked at, done if something is missing, and looked at again.

mod ahead;
mod commits;
mod conditions;
mod dry_run;
mod ends;
mod event;
mod fetched;
mod gates;
mod journal;
mod known;
mod letters;
mod lock;
mod may_begin;
mod memo;
mod node;
mod nodes;
mod noted;
mod one_step;
mod options;
pub(super) mod order;
mod outcome;
mod report;
mod runner;
mod selection;
mod step_context;
#[cfg(test)]
mod tests;
mod together;
mod turn;
mod turns;

pub use event::{PlanEvent, PlanObserver, StepEvent};
pub(crate) use fetched::Fetched;
pub use journal::JournalError;
pub use known::{KnownPlan, KnownStep, forget, known};
pub use lock::{ApplyLock, LockError, Owner};
#[cfg(test)]
pub(crate) use memo::Memo;
pub use memo::{Head, Stage};
pub use options::{ApplyError, ApplyOptions};
pub use outcome::{Applied, Deferral, Outcome, StepError, StepFailure, StepReport, Would};
pub use runner::apply;
pub use selection::Selection;
#[cfg(any(test, feature = "testing"))]
pub(crate) use step_context::Ground;
pub(crate) use step_context::{Done, Proof, StepContext, Unsettled};
