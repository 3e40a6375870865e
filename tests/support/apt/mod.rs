//! A real apt-get and dpkg in a root of their own, beside mirrors that misbehave on purpose.
//!
//! An [`AptLab`] is a small Debian: the machine's own apt, dpkg, shell and their libraries, an empty
//! package database, and nothing else. It is built once per target folder; every lab lays a layer of
//! its own over it, in a mount and process namespace that ends with the test, however that ends. The
//! packages come from [`Mirror`]s: signed repositories (see [`Repository`]) behind the hostile server.
//! Where the machine does not allow it (not root, no namespaces), [`AptLab::start`] says why and
//! gives `None`.
//!
//! ```no_run
//! use tests::apt::{AptLab, Mirror, Repository};
//! use tests::server::Behaviour;
//!
//! let Some(lab) = AptLab::start() else { return };
//! let main = Mirror::start(&lab, Repository::Main);
//! lab.sources(&[&main]);
//! main.script(&Mirror::deb("lab-app", "1.0"), [Behaviour::status(503), Behaviour::Ok]);
//! assert_eq!(lab.run(&["apt-get", "update"]).code, 0);
//! assert_eq!(lab.run(&["vps-configurator", "apt", "install", "lab-app"]).code, 0);
//! assert_eq!(lab.installed("lab-app").as_deref(), Some("1.0"));
//! assert_eq!(lab.audit(), "");
//! ```

mod base;
mod index;
mod lab;
mod lock;
mod mirror;
mod packages;
mod processes;
mod running;
mod trouble;

pub use index::Repository;
pub use lab::AptLab;
pub use lock::{HeldLock, Lock, hold_if_asked};
pub use mirror::Mirror;
pub use processes::Process;
pub use running::{Finished, Running};
pub use trouble::SlowHeld;
