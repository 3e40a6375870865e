//! The rows of the table: each knows one sort of failure by what was said.

pub(super) mod dpkg;
pub(super) mod machine;
pub(super) mod packages;
