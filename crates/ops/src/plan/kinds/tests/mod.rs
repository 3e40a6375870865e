mod ahead;
mod apt_repository;
#[cfg(feature = "git")]
mod clones;
mod command;
mod crash;
mod downloads;
mod file;
#[cfg(feature = "git")]
mod git;
mod killed;
pub(super) mod lab;
mod limits;
mod machine;
mod modules;
mod packages;
mod power;
mod unpacked;
