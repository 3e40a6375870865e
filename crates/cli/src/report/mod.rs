//! What is printed at the end: a result on standard output, an error on standard error, in words or as
//! one JSON object. Both come from the same values.

pub(crate) mod document;
mod failure;
pub(crate) mod file;
pub(crate) mod fit;
mod out;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod schemas_plan;

use vps_ops::circuit::rfc3339;
use vps_ops::env::Env;

pub(crate) use failure::{Failure, FailureKind, without_repeats};
pub(crate) use out::{
    check_stdout, line_of, not_printed, one_line, pretty, print, print_bytes, print_json, print_while_read,
};

/// Now, for people.
pub(crate) fn now_rfc3339() -> String {
    rfc3339(Env::real().wall().as_secs_f64())
}
