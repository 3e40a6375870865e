//! What is known of packages, repositories, locks and faults: values without I/O, below everything else of
//! apt's. They are read from text in `words`, and judged in `judge`.

mod archive;
mod config;
mod fault;
mod installed;
mod lock;
mod package;
mod package_failure;
mod plan;
mod reach;
mod reason;
mod repository;
mod repository_problem;
mod sentence;
mod setup;
pub(super) mod show;
mod updated;

pub use archive::{Archive, InvalidPlan, PlanReason};
pub(super) use config::AptConfig;
pub use fault::Fault;
pub use installed::{Installed, InstalledPackage, PackageState};
pub use lock::{Holder, Lock};
pub use package::{InvalidPackage, InvalidPackages, InvalidReason, PackageSpec, parse_all};
pub use package_failure::{PackageFailure, PackageTrouble};
pub use plan::{Change, Plan};
pub use reach::{Corrupt, FetchFailure, Reach};
pub use reason::Reason;
pub use repository::{Repository, RepositoryResult, RepositoryState, SourceEntry};
pub use repository_problem::RepositoryProblem;
pub use setup::AptSetup;
pub(super) use setup::SourceFile;
pub use updated::{Updated, UpdatedRepository};
