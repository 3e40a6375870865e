//! One file a command.

pub(crate) mod apt;
pub(crate) mod circuit_breaker;
pub(crate) mod config;
pub(crate) mod connectivity;
pub(crate) mod download;
mod plan;
pub(crate) mod print;
pub(crate) mod run;
