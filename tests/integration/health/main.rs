//! Looks at real servers that do harm on purpose, and what `health` says of each, to the word.
#![allow(clippy::disallowed_methods, reason = "tests start the program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod certificates;
mod kinds;
#[path = "../network/lab.rs"]
#[expect(dead_code, reason = "of the network's lab this needs a part")]
mod lab;
mod looked_at;
mod names;
mod notify;
mod own_network;
mod proxies;
mod silence;
