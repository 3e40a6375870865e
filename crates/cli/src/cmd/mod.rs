//! One file a command.

pub(crate) mod apply;
pub(crate) mod apt;
pub(crate) mod circuit_breaker;
pub(crate) mod config;
pub(crate) mod connectivity;
#[cfg(feature = "tui")]
pub(crate) mod dashboard;
pub(crate) mod download;
#[cfg(feature = "git")]
pub(crate) mod git;
mod header_file;
pub(crate) mod health;
pub(crate) mod mute;
mod netrc;
pub(crate) mod notify;
mod plan_file;
mod preview;
pub(crate) mod print;
pub(crate) mod run;
pub(crate) mod secret_file;
#[cfg(feature = "web")]
pub(crate) mod serve;
