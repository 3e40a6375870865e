//! What programs read: one type for each JSON object that is printed. Their schemas are made from these types
//! (`docs/schema`, by `cargo xtask docs`), so what a field's comment says is what a reader of the schema reads.
//!
//! The name of an object and the version of its form are its `schema`, which serde writes as the type's tag.

mod apply;
mod apt;
mod circuit_breaker;
mod config;
mod connectivity;
mod dead_letter;
mod download;
mod error;
#[cfg(feature = "git")]
mod git;
mod health;
mod log;
mod plan;
mod preview;
mod run;
#[cfg(feature = "web")]
mod serve;

pub(crate) use apply::{Apply, ApplyEvent};
pub(crate) use apt::{AptInstall, AptPreview, AptUpdate, PackageChange, Repository, RepositoryState};
pub(crate) use circuit_breaker::{BulkheadLimits, Hold, Reset, ServiceStatus, Source, Status, SystemStatus};
pub(crate) use config::{Config, ConfigCheck, ConfigFile, ConfigInit, ConfigPath, Setting, SkippedFile};
pub(crate) use connectivity::{Connectivity, Target};
pub(crate) use dead_letter::{
    DeadLetter, DeadLetterDrop, DeadLetterList, DeadLetterRetry, DeadLetterRow, DeadLetterTurn, TurnResult,
};
pub(crate) use download::Download;
pub(crate) use error::Error;
#[cfg(feature = "git")]
pub(crate) use git::{GitClone, Submodule};
pub(crate) use health::{Change, Health, LAST_LOOKS, Mute, News};
pub(crate) use log::LogLine;
pub(crate) use plan::{
    PlanCheck, PlanForget, PlanHint, PlanNew, PlanShow, PlanStage, PlanStatus, PlanStatusStep, PlanStep,
};
pub(crate) use preview::{Preview, PreviewStep};
pub(crate) use run::Run;
#[cfg(feature = "web")]
pub(crate) use serve::Serve;
