mod command;
mod crash;
mod file;
mod killed;
pub(super) mod lab;
