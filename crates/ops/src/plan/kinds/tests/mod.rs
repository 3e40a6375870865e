mod apt_repository;
mod downloads;
#[cfg(feature = "git")]
mod git;
mod lab;
mod modules;
mod packages;
