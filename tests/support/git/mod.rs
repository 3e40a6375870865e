//! A real `git http-backend` that misbehaves on purpose, a false ssh, and a real `sshd`.
//!
//! A [`Forge`] holds bare repositories made by the real git (see [`History`] for what is in them) and
//! serves them by its own `http-backend` behind the hostile server: each kind of request ([`Step`]) of
//! each repository has a script of behaviours, and everything is logged and counted. Nothing of this
//! machine's git settings is read. Where git is missing, [`Forge::start`] says so and gives `None`.
//!
//! ```
//! use tests::git::{Checkout, Forge, Step, git};
//! use tests::server::Behaviour;
//!
//! let Some(forge) = Forge::start() else { return };
//! let sample = forge.sample("sample");
//! forge.script("sample", Step::Fetch, [Behaviour::status(503), Behaviour::Ok]);
//! let folder = tempfile::tempdir().unwrap();
//! let clone = |name: &str| {
//!     let mut git = git(folder.path());
//!     git.args(["clone", "--quiet", "--depth", "1", &forge.url("sample"), name]);
//!     git.output().unwrap().status.success()
//! };
//! assert!(!clone("first"), "git does not try again");
//! assert!(clone("second"));
//! let there = Checkout::at(folder.path().join("second"));
//! there.assert_sound();
//! assert_eq!(there.head(), sample.id("main"));
//! assert_eq!(forge.count("sample", Step::Fetch), 2);
//! ```

mod backend;
mod checkout;
mod forge;
mod history;
mod hostile;
mod program;
mod repository;
mod samples;
mod snapshot;
mod ssh;
mod sshd;

pub use backend::{Protocol, Step};
pub use checkout::Checkout;
pub use forge::Forge;
pub use history::{Entry, History};
pub use hostile::HOSTILE;
pub use program::{git, must, scratch};
pub use repository::Repository;
pub use samples::{LARGE_FILE, ODD_NAMES, PIECE, PIECES, SAMPLE_COMMITS};
pub use snapshot::{beside, snapshot};
pub use ssh::{BREAK, FakeSsh, SshMood};
pub use sshd::{Line, Sshd};
