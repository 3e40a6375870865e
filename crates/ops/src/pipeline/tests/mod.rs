//! The pipeline in virtual time.

mod bulkhead;
mod ends_by_itself;
mod lab;
mod let_go;
mod look;
mod members;
mod pass;
mod refused;
