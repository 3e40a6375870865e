//! A provisioning plan: steps that are looked at, done where they are not done yet, and written down.
//!
//! A plan is a file of steps. [`Step`] and [`Action`] are what it says once it was read, checked and filled in; who
//! runs it does not know the file. Each action has a proof: a look at the machine, without a request and without a
//! change, that says whether there is anything to do.

mod action;
mod below;
mod decode;
mod document;
mod expand;
mod facts;
mod fill;
mod gates;
mod ids;
mod kinds;
mod look;
pub mod module;
mod open;
mod order;
mod parse;
mod problem;
mod read;
#[cfg(test)]
mod rules_tests;
pub mod run;
mod secret_text;
mod secrets;
mod sources;
mod step;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;
mod when;

pub use action::{
    Action, ActionKind, AptKey, AptKeyCheck, AptKeySource, AptRepository, Body, CommandAction, CommandLine,
    DownloadAction, FileAction, Gate, GateCheck, GitAction, Guards, ModuleAction, Once, Owner,
    PackagesAction, SystemdAction, UnitState, Unpack,
};
#[cfg(feature = "__schema")]
pub use document::plan_schema;
pub use facts::Facts;
pub use ids::{InvalidId, SecretName, StepId, is_item_of};
pub use kinds::{ContentChange, FileChange, FileDiff, NotShown, file_change};
pub use open::{OpenPlanError, open_trusted, read_plan_file, read_plan_stream};
pub use parse::Origin;
pub use problem::{Expected, Hint, HintKind, InvalidPlan, Link, Problem, ProblemKind, Wait};
pub use secret_text::{Part, SecretText};
pub use secrets::{SecretError, Variables};
pub use step::{Condition, Needs, OnFailure, Place, Plan, SecretSource, Step};
