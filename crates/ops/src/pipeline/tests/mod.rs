//! The pipeline in virtual time.

mod bulkhead;
mod ends_by_itself;
mod lab;
mod members;
mod refused;
