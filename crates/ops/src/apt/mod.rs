//! Package lists and packages by apt-get and dpkg: run without a terminal, understood, and never
//! interrupted where that would leave packages half done.
//!
//! What is wanted is typed (`request`). [`Apt`] has the steps (`adapter`), each made once: read the indexes,
//! resolve, fetch, install, repair; [`AptGet`] makes them by the real programs. What those say becomes facts in
//! `words`, and only there; what a fact means is `judge`'s, what to do about it `hint`'s, what may cure it
//! `cure`'s. The steps' order, and what is repeated when, is the [workflow](Installs)'s.
//!
//! No file here uses one that uses it. `facts` know nothing of the others; `words` know the facts, and ask what a
//! fault means only where of several one has to decide.
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
mod cure;
mod error;
mod facts;
mod hint;
mod installs;
mod judge;
mod outcome;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod parsers;
mod request;
mod warning;
mod words;

pub use adapter::Apt;
pub use apt_get::{ARCHIVES, AptGet};
pub use error::AptError;
pub use facts::{
    AptSetup, Archive, Change, Corrupt, Fault, FetchFailure, Holder, Installed, InstalledPackage,
    InvalidPackage, InvalidPackages, InvalidPlan, InvalidReason, Lock, PackageFailure, PackageSpec,
    PackageState, PackageTrouble, Plan, PlanReason, Reach, Reason, Repository, RepositoryProblem,
    RepositoryResult, RepositoryState, SourceEntry, Updated, UpdatedRepository, parse_all,
};
pub use hint::AptHint;
pub use installs::Installs;
pub use outcome::{AptFetched, AptInstalled};
pub use request::{AptUpdate, InstallRequest, Wanted};
pub use warning::AptWarning;
pub use words::{
    DPKG_FORMAT, Doing, Message, Said, Severity, StatusLine, StatusSummary, Step, archives, fault,
    repositories,
};
