//! Archives of each format, right and hostile, unpacked into real folders and onto a disk in memory that is killed at
//! each call.
#![allow(clippy::disallowed_methods, reason = "tests start programs that make archives")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod bounds;
mod crashes;
mod formats;
mod lab;
mod mounts;
mod place;
mod programs;
mod random;
mod refused_tars;
mod refused_zips;
