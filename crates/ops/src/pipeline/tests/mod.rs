//! The pipeline in virtual time.

mod ends_by_itself;
mod lab;
mod members;
