//! Package lists and packages by apt-get and dpkg: run without a terminal, understood, and never
//! interrupted where that would leave packages half done.
//!
//! [`Apt`] has the steps, each made once: read the indexes, resolve, fetch, install, repair. Their order, and
//! what is repeated when, is the [workflow](Installs)'s. Text becomes a
//! [`Fault`] in one file.
//!
//! ```
//! use vps_ops::apt::{InstallRequest, StatusLine, archives, parse_all};
//!
//! let wanted = parse_all(["nginx", "curl=7.88*"])?;
//! assert_eq!(wanted[1].to_string(), "curl=7.88*");
//! assert!(archives("'http://example.com/a_1_all.deb' a_1_all.deb 7 MD5Sum:00").is_ok());
//! assert!(StatusLine::parse("pmstatus:curl:50.0000:Configuring curl (amd64)").is_some());
//! assert_eq!(InstallRequest::new(wanted).names(), "nginx, curl=7.88*");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod adapter;
mod apt_get;
mod classify;
mod command;
mod config;
mod digests;
mod dpkg_watch;
mod error;
mod fault;
mod fetched;
mod freshness;
mod hints;
mod installed;
mod installs;
mod judge;
mod left_out;
mod local;
mod lock;
mod machine;
mod package;
mod plan;
mod reach;
mod release_files;
mod repositories;
mod request;
mod said;
mod show;
mod sources;
mod status;
mod tally;
mod targets;
mod update;
mod uris;
mod verify;

pub use adapter::{Apt, Wanted};
pub use apt_get::{ARCHIVES, AptGet};
pub use classify::{Step, fault};
pub use error::AptError;
pub(crate) use error::is_stale;
pub use fault::{Fault, RepositoryProblem};
pub use installed::{DPKG_FORMAT, Installed, InstalledPackage, PackageState};
pub use installs::{AptUpdate, Installs};
pub use lock::{Holder, Lock};
pub use machine::AptSetup;
pub use package::{InvalidPackage, InvalidPackages, InvalidReason, PackageSpec, parse_all};
pub use plan::{Change, Plan};
pub use reach::{Corrupt, FetchFailure, Reach};
pub use repositories::{RepositoryResult, RepositoryState, repositories};
pub use request::{AptInstalled, InstallRequest};
pub use said::{Message, Said, Severity};
pub use status::{Doing, PackageFailure, StatusLine, StatusSummary};
pub(crate) use tally::Tally;
pub use targets::{Repository, SourceEntry};
pub use update::{Updated, UpdatedRepository};
pub use uris::{Archive, InvalidPlan, PlanReason, archives};
