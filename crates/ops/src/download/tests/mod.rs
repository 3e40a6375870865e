//! The adapter against a scripted server, a disk in memory and virtual time.

mod commit;
mod held;
mod hostile;
mod lab;
mod limits;
mod listed;
mod others;
mod power_loss;
mod resume;
mod sources;
