//! Folders that others may write in, and what they can have put there, by every command that writes: what comes
//! of each is said by a rule, and held against what the program does.
//!
//! A row is a folder (whose it is, its mode, an access list) and what stands at the name that is written. Each
//! command has a rule of its own for them; what is not written must be as it was, down to its inode.
#![allow(clippy::disallowed_methods, reason = "tests start the program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod archives;
mod attack;
mod attack_install;
mod attack_state;
mod attack_unpack;
mod download;
mod init;
mod mounts;
mod parent;
mod place;
mod report;
mod special;
mod store;
mod table;
