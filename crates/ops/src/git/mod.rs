//! Clones of git repositories: complete and right at DEST, or not there.
//!
//! gix does git's part, on a thread of its own; every byte comes over our own HTTP client, an ssh, or a
//! program on this machine, under the attempt's limits. A clone grows in a folder beside
//! DEST, is verified there, and becomes DEST in one step.
//!
//! As every adapter, it has a `request` (what is wanted), an `adapter` (the trait), the real one (`gix_git`), `words`
//! (what others say, as facts), `judge` (what the facts mean) and `hint` (what to do); `clones` are its workflows.
//!
//! ```no_run
//! use vps_ops::NetworkOperationWrapper;
//! use vps_ops::git::CloneRequest;
//! use vps_ops::settings::Options;
//!
//! # async fn show(network: NetworkOperationWrapper) -> Result<(), Box<dyn std::error::Error>> {
//! let request = CloneRequest::new("https://example.com/a.git".parse()?, "/opt/a");
//! let cloned = network.git_clone_resilient(&request, &Options::new()).await?;
//! println!("{:?} at {:?}", cloned.reference, cloned.commit);
//! # Ok(()) }
//! ```

mod absorb;
mod adapter;
mod advertisement;
mod all_refs;
mod aside;
mod bases;
mod branches;
mod cause;
mod checkout;
mod clones;
mod connected;
mod convert;
mod delta;
mod dest_place;
mod error;
mod excess;
mod existing;
mod gix_git;
mod head_file;
mod heads;
mod hint;
mod history;
mod http_transport;
mod invalid_url;
mod job;
mod judge;
mod limits;
mod listening;
mod local;
mod meter;
mod modes;
mod module_name;
mod modules;
mod negotiate;
mod objects;
mod ours;
mod pack;
mod paths;
mod peel;
mod pieces;
mod piecewise;
mod pin;
mod ref_name;
mod reflog;
mod remove;
mod repository;
mod request;
mod running;
mod sane;
mod seen;
mod serve_http;
mod serve_process;
mod ssh;
mod staging;
mod step;
mod stoppable;
mod sweep;
mod talk;
mod target;
#[cfg(test)]
mod tests;
mod update;
mod url;
mod verify;
mod warning;
mod wire;
mod words;
mod work;

pub(crate) use absorb::{Home, absorb, activate, relative};
pub use adapter::Git;
pub(crate) use aside::aside;
pub use cause::{AtWork, Damage, LineCause, LineFault, LineProgram, Missing, Oddity};
pub use clones::Clones;
pub(crate) use clones::HeldClone;
pub use error::GitError;
pub use excess::{Bound, Excess};
pub use existing::There;
pub(crate) use existing::{astray, git_folder};
pub use gix_git::GixGit;
pub(crate) use head_file::head_of;
pub use hint::GitHint;
pub use invalid_url::InvalidGitUrl;
pub use job::Made;
pub use module_name::{InvalidModule, ModuleName, ModulePath};
pub use modules::Module;
pub use ours::OwnClone;
pub(crate) use ours::way_alone;
pub use ref_name::{CommitId, InvalidRef, RefName};
pub use request::{CloneRequest, Cloned, ClonedModule};
pub(crate) use staging::Staging;
pub(crate) use step::Alive;
pub use step::Step;
pub(crate) use sweep::Left;
pub use target::Want;
pub(crate) use update::NewModule;
pub use update::{Change, Prepared, Ready, Update};
pub use url::GitUrl;
pub use warning::CloneWarning;
