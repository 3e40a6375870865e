//! One fake for each trait of this crate, at the lowest place, so that the adapters' own logic runs.
//!
//! ```
//! use vps_ops::testing::disk::Disk;
//!
//! assert!(Disk::new().names().is_empty());
//! ```

pub mod disk;
#[cfg(test)]
mod disk_world;
mod failed;
#[cfg(test)]
mod guarded_store;
mod hostile;
mod module_contract;
mod module_machine;
pub mod parsers;
pub mod scripted_apt;
pub mod scripted_download;
#[cfg(feature = "git")]
pub mod scripted_git;
pub mod scripted_http;
pub mod scripted_runner;
pub mod scripted_service;
pub mod sim;
mod still;

#[cfg(test)]
pub(crate) use disk_world::{disk_world, world_on};
pub use failed::Failed;
#[cfg(test)]
pub(crate) use guarded_store::{Access, GuardedStore};
pub use hostile::hostile_words;
pub use module_contract::{Breach, Contract, module_contract};
pub use still::{STILL, still};
