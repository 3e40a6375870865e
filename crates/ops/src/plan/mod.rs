//! A provisioning plan: steps that are looked at, done where they are not done yet, and written down.
//!
//! A plan is a file of steps. [`Step`] and [`Action`] are what it says once it was read, checked and filled in; who
//! runs it does not know the file. Each action has a proof: a look at the machine, without a request and without a
//! change, that says whether there is anything to do.

mod action;
mod facts;
mod ids;
mod kinds;
pub mod module;
mod order;
pub mod run;
mod secret_text;
mod secrets;
mod step;

pub use action::{
    Action, ActionKind, AptKey, AptKeyCheck, AptKeySource, AptRepository, Body, CommandAction, CommandLine,
    DownloadAction, FileAction, Gate, GateCheck, GitAction, Guards, ModuleAction, Once, Owner,
    PackagesAction, SystemdAction, UnitState, Unpack,
};
pub use facts::Facts;
pub use ids::{InvalidId, SecretName, StepId};
#[cfg(any(test, feature = "testing"))]
pub(crate) use kinds::Dpkg;
pub use secret_text::{Part, SecretText};
pub use secrets::{SecretError, Variables};
pub use step::{Condition, Needs, OnFailure, Place, Plan, SecretSource, Step};
