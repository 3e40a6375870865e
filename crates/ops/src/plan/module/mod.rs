//! Modules: kinds of steps that are compiled in, for what no step of a plan can say.
//!
//! A module looks ([`verify`](ConfigurationModule::verify)), does
//! ([`configure`](ConfigurationModule::configure)), and is looked at again. Its fields are what stands under `with:` in
//! the plan. What it needs of the world it has of its [`Context`].
//!
//! ```
//! use serde::Deserialize;
//! use vps_ops::download::{Dest, DownloadRequest, parse_url};
//! use vps_ops::plan::module::{
//!     Change, ConfigurationModule, Context, Meta, ModuleError, Modules, Problems, Verified, async_trait,
//! };
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct MyModule {
//!     major: u8,
//! }
//!
//! #[async_trait]
//! impl ConfigurationModule for MyModule {
//!     fn meta() -> Meta {
//!         Meta::new("my-module", "Two packages, a file and a clone")
//!     }
//!
//!     fn validate(&self, problems: &mut Problems) {
//!         if self.major < 18 {
//!             problems.add("major", "nothing below 18 is supported");
//!         }
//!     }
//!
//!     async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
//!         Ok(match cx.path("/opt/file.tar.gz").exists() {
//!             true => Verified::satisfied("the file is there"),
//!             false => Verified::missing("the file is not there"),
//!         })
//!     }
//!
//!     async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
//!         // Packages, with all that this layer has.
//!         cx.install_packages_resilient(["package1", "package2"]).await?;
//!         // The network directly.
//!         let connectivity = cx.network().check_internet_connectivity(&[]).await;
//!         if !connectivity.online {
//!             return Err(ModuleError::transient("no internet connectivity"));
//!         }
//!         let url = parse_url("url", "https://example.com/file.tar.gz")?;
//!         let dest = Dest::Path(cx.path("/opt/file.tar.gz"));
//!         cx.network().download_with_retry(DownloadRequest::new(url, dest), &cx.options()).await?;
//!         # #[cfg(feature = "git")] {
//!         let url = "https://example.com/repo.git".parse()?;
//!         let clone = vps_ops::git::CloneRequest::new(url, cx.path("/opt/myrepo"));
//!         cx.network().git_clone_resilient(&clone, &cx.options()).await?;
//!         # }
//!         Ok(Change::changed("installed it"))
//!     }
//! }
//!
//! let modules = Modules::builtin().with::<MyModule>()?;
//! assert_eq!(modules.names().collect::<Vec<_>>(), ["my-module"]);
//! # Ok::<_, vps_ops::plan::module::InvalidModule>(())
//! ```

mod check;
mod context;
mod error;
mod machine;
mod meta;
mod outcome;
mod placed;
mod problems;
mod registry;
mod strict;

pub use async_trait::async_trait;
pub use check::{ModuleProblem, ModuleProblemKind};
pub use context::Context;
pub use error::ModuleError;
pub use meta::{Meta, ModuleLane};
pub use outcome::{Change, Undone, Verified};
pub use problems::{Problem, Problems};
pub use registry::{InvalidModule, Modules};

/// A kind of step that is compiled in.
///
/// It is made anew, of what stands under `with:`, each time that it is asked; what it must know later is on the machine.
#[async_trait]
pub trait ConfigurationModule: Send + Sync + 'static {
    /// What it is.
    fn meta() -> Meta
    where
        Self: Sized;

    /// The JSON Schema of what stands under `with:`, for editors: `plan schema` has it in that of plans. As
    /// `schemars::schema_for!(Self).to_value()` makes it of the fields.
    #[must_use]
    fn schema() -> Option<serde_json::Value>
    where
        Self: Sized,
    {
        None
    }

    /// Reports every problem of its values, each with its path below `with:`. Without any I/O: the plan is only checked,
    /// perhaps on another machine.
    fn validate(&self, problems: &mut Problems) {
        let _ = problems;
    }

    /// Whether there is anything to do: the proof. It only reads, asks no network and is cheap, for it is called in every
    /// run, before and after the work, and where it is only looked what a run would do.
    ///
    /// # Errors
    /// Where it cannot be looked, and doing it could not help.
    async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError>;

    /// Does it.
    ///
    /// # Errors
    /// Why it could not be done. The class of the error says whether a later run may succeed.
    ///
    /// # Cancel safety
    /// It may be dropped at any await, and called again by a later process: it must go on from whatever it finds. What must
    /// not be cut runs under [`Context::critical`].
    async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError>;

    /// Undoes what it can, where [`configure`](Self::configure) failed for good in this process, or the look after it says
    /// that it did not work. Not after a stop, a kill or the end of its time: then the next run goes on.
    ///
    /// # Errors
    /// Why it could not be undone; reported beside what went wrong.
    async fn rollback(&self, cx: &Context<'_>, because: &ModuleError) -> Result<Undone, ModuleError> {
        let _ = (cx, because);
        Ok(Undone::NotOffered)
    }
}
