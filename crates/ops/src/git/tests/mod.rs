//! Clones from this machine by the real adapter, with a real git at the other end.

mod clones;
mod crashes;
mod ends;
mod history;
mod interposed;
mod lab;
mod objects;
mod updates;
mod workflow;
