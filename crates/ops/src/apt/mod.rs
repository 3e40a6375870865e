//! What apt-get and dpkg say, understood. Nothing here runs anything: text goes in, facts come out.
//!
//! ```
//! use vps_ops::apt::{StatusLine, archives, parse_all};
//!
//! let wanted = parse_all(["nginx", "curl=7.88*"])?;
//! assert_eq!(wanted[1].to_string(), "curl=7.88*");
//! assert!(archives("'http://example.com/a_1_all.deb' a_1_all.deb 7 MD5Sum:00").is_ok());
//! assert!(StatusLine::parse("pmstatus:curl:50.0000:Configuring curl (amd64)").is_some());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod classify;
mod error;
mod fault;
mod fetched;
mod hints;
mod installed;
mod judge;
mod lock;
mod package;
mod reach;
mod repositories;
mod said;
mod show;
mod status;
mod targets;
mod uris;

pub use classify::{Step, fault};
pub use error::AptError;
pub use fault::{Fault, RepositoryProblem};
pub use installed::{DPKG_FORMAT, Installed, InstalledPackage, PackageState};
pub use lock::{Holder, Lock};
pub use package::{InvalidPackage, InvalidPackages, InvalidReason, PackageSpec, parse_all};
pub use reach::{Corrupt, FetchFailure, Reach};
pub use repositories::{RepositoryResult, RepositoryState, repositories};
pub use said::{Message, Said, Severity};
pub use status::{Doing, PackageFailure, StatusLine, StatusSummary};
pub use targets::{Repository, SourceEntry};
pub use uris::{Archive, InvalidPlan, PlanReason, archives};
