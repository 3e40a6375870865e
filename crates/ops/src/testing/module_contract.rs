//! What a plan relies on of a module, tried out: a test of one line for whoever writes one.

use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::module_machine::{Cut, Given, Machine};
use super::scripted_apt::ScriptedApt;
use super::scripted_runner::ScriptedRunner;
use crate::NetworkOperationWrapper;
use crate::network::Builder;
use crate::plan::module::{
    Change, ConfigurationModule, Context, InvalidModule, ModuleError, Modules, Problem, Problems, Verified,
};
use crate::process::{Captured, Ended};
use crate::settings::{InvalidSettings, Settings};

/// Awaits of one `configure` that are cut, unless told.
const MOST_CUTS: usize = 10_000;

/// What a module does not keep.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Breach {
    /// It is none.
    #[error(transparent)]
    Module(#[from] InvalidModule),
    /// It was never made, so that nothing was tried: it has another name each time that it is asked for it.
    #[error("it was not tried: it said that its name is `{first}`, and is not known by that name later")]
    NotTried {
        /// The name that it was asked for by.
        first: String,
    },
    /// It does not take the values it is tried with.
    #[error("it does not take the values it is tried with")]
    Values(#[from] serde_json::Error),
    /// It finds fault with the values it is tried with.
    #[error("it finds fault with the values it is tried with: {0:?}")]
    Problems(Vec<Problem>),
    /// The test's own folder cannot be used.
    #[error("the scratch folder cannot be used")]
    Scratch(#[from] io::Error),
    /// The network of the test cannot be made.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// It failed.
    #[error("it failed while {doing}: {error}")]
    Failed {
        /// What it was at.
        doing: &'static str,
        /// Why.
        error: ModuleError,
    },
    /// There is nothing to do on the machine it is tried on, so that nothing can be tried.
    #[error("`verify` finds nothing to do on the machine it is tried on: {0}")]
    NothingToDo(String),
    /// `verify` changed a file.
    #[error("`verify` changed the machine")]
    VerifyChanges,
    /// `verify` ran an operation.
    #[error("`verify` asked the network: {0}")]
    VerifyAsks(String),
    /// After `configure` it is not so.
    #[error("`configure` was done, and `verify` says: {0}")]
    NotSo(String),
    /// A second `configure` changed something.
    #[error("a second `configure` changed something: {0}")]
    ChangesTwice(String),
    /// Dropped at an await it does not go on to its end.
    #[error("dropped at await {at}, a second `configure` does not get there: {why}")]
    Stuck {
        /// Which await, from 0.
        at: usize,
        /// Why.
        why: String,
    },
    /// Dropped at an await it comes to something else.
    #[error("dropped at await {at}, a second `configure` comes to other files")]
    OtherFiles {
        /// Which await, from 0.
        at: usize,
    },
    /// It has more awaits than were cut, so that not all were tried.
    #[error(
        "it was dropped at each of its first {tried} awaits and kept all, and there are more: \
         `Contract::most_cuts` allows for more"
    )]
    MoreAwaits {
        /// How many were cut.
        tried: usize,
    },
    /// What it says has a secret in it.
    #[error("a secret is in what it says: {0}")]
    Secret(&'static str),
}

/// Parts of the network of a machine, whose root is told.
type Parts = dyn Fn(&Path, Builder) -> Builder + Send + Sync;

/// What a module is tried with, and the trial.
pub struct Contract<M> {
    given: Given,
    most_cuts: usize,
    network: Box<Parts>,
    module: PhantomData<fn() -> M>,
}

/// Tries whether a module keeps what plans rely on: its look changes nothing and asks nobody; done twice it changes
/// nothing more; dropped at any await and done again it comes to the same files; and no secret is in anything it says.
///
/// ```
/// use serde::Deserialize;
/// use serde_json::json;
/// use vps_ops::plan::module::{
///     Change, ConfigurationModule, Context, Meta, ModuleError, Verified, async_trait,
/// };
/// use vps_ops::testing::module_contract;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Motd {
///     text: String,
/// }
///
/// #[async_trait]
/// impl ConfigurationModule for Motd {
///     fn meta() -> Meta {
///         Meta::new("motd", "The message of the day")
///     }
///
///     async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
///         Ok(match std::fs::read_to_string(cx.path("/etc/motd")) {
///             Ok(text) if text == self.text => Verified::satisfied("it says so"),
///             _ => Verified::missing("another text"),
///         })
///     }
///
///     async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
///         if matches!(self.verify(cx).await?, Verified::Satisfied(_)) {
///             return Ok(Change::Unchanged);
///         }
///         std::fs::create_dir_all(cx.path("/etc"))?;
///         std::fs::write(cx.path("/etc/motd"), &self.text)?;
///         Ok(Change::changed("the text"))
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let scratch = tempfile::tempdir().unwrap();
/// module_contract::<Motd>().with(json!({"text": "hello"})).check(scratch.path()).await.unwrap();
/// # });
/// ```
#[must_use]
pub fn module_contract<M: ConfigurationModule + DeserializeOwned>() -> Contract<M> {
    let runner = || ScriptedRunner::new(|_| Captured::new(Ended::Code(0), "", ""));
    Contract {
        given: Given::default(),
        most_cuts: MOST_CUTS,
        network: Box::new(move |_, builder| {
            builder.apt(Arc::new(ScriptedApt::new())).runner(Arc::new(runner()))
        }),
        module: PhantomData,
    }
}

impl<M: ConfigurationModule + DeserializeOwned> Contract<M> {
    /// With these values.
    #[must_use]
    pub fn with(mut self, with: Value) -> Self {
        self.given.with = with;
        self
    }

    /// On a machine that has this file, by its absolute path.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.given.files.push((path.into(), content.into()));
        self
    }

    /// With this secret, which must be like nothing else: it is looked for in all that is said.
    #[must_use]
    pub fn secret(mut self, name: &str, value: impl Into<SecretString>) -> Self {
        self.given.secrets.insert(name.to_owned(), value.into());
        self
    }

    /// With these parts of the network, made anew for each machine, whose root is told: fakes, or what speaks with a server
    /// of the test's own. Without, there are no packages, and each program ends well and does nothing.
    #[must_use]
    pub fn network(mut self, parts: impl Fn(&Path, Builder) -> Builder + Send + Sync + 'static) -> Self {
        let before = self.network;
        self.network = Box::new(move |root, builder| parts(root, before(root, builder)));
        self
    }

    /// Dropped at so many awaits of its `configure` at most, each on a machine of its own; 10,000 unless told. One that has
    /// more has not been tried whole, which is a [`Breach`].
    #[must_use]
    pub fn most_cuts(mut self, most: usize) -> Self {
        self.most_cuts = most;
        self
    }

    /// Tries it on machines whose files are in folders of `scratch`, which is to be empty.
    ///
    /// # Errors
    /// The first thing that it does not keep.
    pub async fn check(self, scratch: &Path) -> Result<(), Breach> {
        let modules = Arc::new(Modules::builtin().with::<M>()?);
        let name = M::meta().name;
        let machine = |number: usize| {
            let builder = NetworkOperationWrapper::builder(Settings::default().check()?);
            let root = scratch.join(number.to_string());
            let builder = (self.network)(&root, builder);
            Ok::<_, Breach>(Machine::new(root, builder, &modules, &name, &self.given)?)
        };
        let module = match modules.make(&name, &self.given.with) {
            Some(Ok(module)) => module,
            Some(Err(problem)) => return Err(Breach::Problems(vec![problem])),
            None => return Err(Breach::NotTried { first: name }),
        };
        let mut problems = Problems::default();
        module.validate(&mut problems);
        if !problems.is_empty() {
            return Err(Breach::Problems(problems.iter().cloned().collect()));
        }
        let trial = Trial { module: &*module, given: &self.given };
        let mut first = machine(0)?;
        trial.look(&first).await?;
        trial.does_it_once(&first).await?;
        trial.tells_no_secret(&mut first)?;
        let wanted = first.digest()?;
        // One look more than there are cuts: whether it ends without one.
        for at in 0..=self.most_cuts {
            let mut machine = machine(at + 1)?;
            let is_whole = trial.is_cut(&machine, at, &wanted).await?;
            trial.tells_no_secret(&mut machine)?;
            std::fs::remove_dir_all(&machine.root)?;
            if is_whole {
                return Ok(());
            }
        }
        Err(Breach::MoreAwaits { tried: self.most_cuts })
    }
}

struct Trial<'t> {
    module: &'t dyn ConfigurationModule,
    given: &'t Given,
}

impl Trial<'_> {
    async fn verified(&self, machine: &Machine) -> Result<Verified, Breach> {
        let cx = Context::new(machine.cx());
        let verified = self.module.verify(&cx).await;
        let verified = verified.map_err(|error| self.failed("looking", error))?;
        self.has_no_secret("the reason of a look", verified.reason())?;
        Ok(verified)
    }

    async fn configured(&self, machine: &Machine) -> Result<Change, Breach> {
        let cx = Context::new(machine.cx());
        let change = self.module.configure(&cx).await;
        let change = change.map_err(|error| self.failed("doing it", error))?;
        if let Change::Changed(what) = &change {
            self.has_no_secret("what was changed", what)?;
        }
        Ok(change)
    }

    fn failed(&self, doing: &'static str, error: ModuleError) -> Breach {
        match self.has_no_secret("an error", &format!("{error:?}")) {
            Ok(()) => Breach::Failed { doing, error },
            Err(breach) => breach,
        }
    }

    async fn look(&self, machine: &Machine) -> Result<(), Breach> {
        let before = machine.digest()?;
        if let Verified::Satisfied(why) = self.verified(machine).await? {
            return Err(Breach::NothingToDo(why.to_string()));
        }
        if machine.digest()? != before {
            return Err(Breach::VerifyChanges);
        }
        match machine.events().pop() {
            Some(event) => Err(Breach::VerifyAsks(event)),
            None => Ok(()),
        }
    }

    async fn does_it_once(&self, machine: &Machine) -> Result<(), Breach> {
        self.configured(machine).await?;
        let done = machine.digest()?;
        if let Verified::Missing(why) = self.verified(machine).await? {
            return Err(Breach::NotSo(why.to_string()));
        }
        if machine.digest()? != done {
            return Err(Breach::VerifyChanges);
        }
        match self.configured(machine).await? {
            Change::Changed(what) => return Err(Breach::ChangesTwice(what.to_string())),
            Change::Unchanged if machine.digest()? != done => {
                return Err(Breach::ChangesTwice("files, of which it says nothing".to_owned()));
            }
            Change::Unchanged => {}
        }
        Ok(())
    }

    /// Drops it at one of its awaits, and does it again. Whether there is no such await any more.
    async fn is_cut(&self, machine: &Machine, at: usize, wanted: &str) -> Result<bool, Breach> {
        let cx = Context::new(machine.cx());
        if let Some(done) = Cut::at(at, self.module.configure(&cx)).await {
            done.map_err(|error| self.failed("doing it", error))?;
            return Ok(true);
        }
        let stuck = |why: String| Breach::Stuck { at, why };
        if !matches!(self.verified(machine).await?, Verified::Satisfied(_)) {
            let again = self.configured(machine).await;
            again.map_err(|breach| match breach {
                Breach::Failed { error, .. } => stuck(error.to_string()),
                other => other,
            })?;
        }
        if let Verified::Missing(why) = self.verified(machine).await? {
            return Err(stuck(why.to_string()));
        }
        if machine.digest()? != wanted {
            return Err(Breach::OtherFiles { at });
        }
        Ok(false)
    }

    fn tells_no_secret(&self, machine: &mut Machine) -> Result<(), Breach> {
        machine
            .events()
            .iter()
            .try_for_each(|event| self.has_no_secret("an event of an operation", event))?;
        machine.said().iter().try_for_each(|said| self.has_no_secret("what it said it was at", said))
    }

    fn has_no_secret(&self, place: &'static str, text: &str) -> Result<(), Breach> {
        let is_in = |secret: &SecretString| {
            !secret.expose_secret().is_empty() && text.contains(secret.expose_secret())
        };
        match self.given.secrets.values().any(is_in) {
            true => Err(Breach::Secret(place)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "module_contract_tests.rs"]
mod tests;
