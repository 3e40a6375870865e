//! apt as it is on this machine: apt-get and dpkg, run and understood.

mod archive_folder;
mod command;
mod copy;
mod digests;
mod dpkg_run;
mod dpkg_watch;
mod fetch_watch;
mod freshness;
mod frontend_lock;
mod left_out;
mod ready;
mod run;
mod setup;
mod update;
mod verify;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;

use super::adapter::Apt;
use super::error::AptError;
use super::facts::{AptSetup, Archive, Corrupt, Fault, Installed, PackageSpec, Plan, Updated};
use super::request::Wanted;
use super::words::{DPKG_FORMAT, StatusSummary, Step, is_called, is_had};
use crate::attempt::Attempt;
use crate::env::Env;
use crate::foreign::Foreign;
use crate::process::{ProcessSpec, Runner, Shield};
use crate::service::{ServiceName, ServiceTable};
use dpkg_run::DpkgRun;
use fetch_watch::FetchWatch;
use left_out::Generated;
use ready::Ready;
use run::understood;

/// Where archives are kept until they are installed, unless told otherwise.
pub const ARCHIVES: &str = "/var/cache/vps-configurator/archives";

/// Who apt-get fetches as, unless it is told otherwise.
const SANDBOX: &str = "_apt";

/// apt by its own programs.
pub struct AptGet {
    env: Env,
    runner: Arc<dyn Runner>,
    table: ServiceTable,
    archives: PathBuf,
    /// Silence of a server that ends a request.
    silence: Duration,
    cache_valid: Duration,
    /// Who apt-get fetches as.
    sandbox: RwLock<String>,
}

impl fmt::Debug for AptGet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AptGet").field("archives", &self.archives).finish_non_exhaustive()
    }
}

impl AptGet {
    /// In the world of `env`, by `runner`; `table` says whose service a repository is.
    #[must_use]
    pub fn new(env: Env, runner: Arc<dyn Runner>, table: ServiceTable) -> Self {
        Self {
            env,
            runner,
            table,
            archives: PathBuf::from(ARCHIVES),
            silence: Duration::from_secs(30),
            cache_valid: Duration::from_secs(600),
            sandbox: RwLock::new(SANDBOX.to_owned()),
        }
    }

    /// Keeps archives in `folder`, which must be ours alone: one in which others have a hand is refused, as is one
    /// on whose way they have.
    #[must_use]
    pub fn with_archives(mut self, folder: impl Into<PathBuf>) -> Self {
        self.archives = folder.into();
        self
    }

    /// Gives a server up after this long a silence.
    #[must_use]
    pub fn with_silence(mut self, limit: Duration) -> Self {
        self.silence = limit;
        self
    }

    /// Trusts indexes for this long after an update that brought all of them.
    #[must_use]
    pub fn with_cache_valid(mut self, valid: Duration) -> Self {
        self.cache_valid = valid;
        self
    }

    /// Our own folder: archives below it, what we remember beside them.
    fn folder(&self) -> &Path {
        self.archives.parent().unwrap_or(&self.archives)
    }

    /// Runs a program that may be killed at any moment.
    async fn ask(&self, step: Step, spec: &ProcessSpec) -> Result<String, AptError> {
        let said = self.runner.capture(&self.env, spec, &Shield::new(), &mut ()).await?;
        let (said, fault) = understood(step, said, &StatusSummary::default());
        fault.map_or(Ok(said.stdout), |fault| Err(AptError::Fault(fault)))
    }
}

#[async_trait]
impl Apt for AptGet {
    async fn installed(&self) -> Result<Installed, AptError> {
        // All of them: a name may be provided by a package of another name.
        let said = self.ask(Step::Plan, &command::query(DPKG_FORMAT)).await?;
        Ok(Installed::parse(&said))
    }

    async fn setup(&self) -> Result<AptSetup, AptError> {
        let (config, uris) = (command::config(), command::update_uris());
        let (config, uris) = tokio::try_join!(self.ask(Step::Plan, &config), self.ask(Step::Update, &uris))?;
        let setup = setup::read(&self.env, &config, &uris);
        for folder in [setup.config.lists(), setup.config.cache()] {
            archive_folder::refuse_if_others(&self.env, &folder)?;
        }
        let sandbox = setup.config.get("APT::Sandbox::User").unwrap_or(SANDBOX);
        sandbox.clone_into(&mut self.sandbox.write().unwrap_or_else(PoisonError::into_inner));
        Ok(setup)
    }

    fn is_fresh(&self, setup: &AptSetup) -> bool {
        freshness::is_fresh(&self.env, self.folder(), &setup.config, self.cache_valid)
    }

    async fn update(
        &self,
        attempt: &Attempt,
        setup: &AptSetup,
        left_out: &[ServiceName],
    ) -> Result<Updated, AptError> {
        let is_left =
            |service: Option<&ServiceName>| service.is_some_and(|service| left_out.contains(service));
        let of = |repository| setup.service_of(repository, &self.table);
        let left: Vec<_> = setup.repositories.iter().filter(|one| is_left(of(one).as_ref())).collect();
        // Held until apt-get has ended.
        let generated = match left.as_slice() {
            _ if setup.only.is_some() => None,
            [] => None,
            left => Some(Generated::write(&self.env, self.folder(), &setup.sources, left)?),
        };
        let only = setup.only.as_ref().map(|file| command::Sources::one(file));
        let sources = generated.as_ref().map(Generated::sources).or(only);
        let spec = command::update(self.silence, sources.as_ref());
        let mut progress = FetchWatch::new(attempt);
        let said = self.runner.capture(&self.env, &spec, &Shield::new(), &mut progress).await?;
        let updated = update::read(said, setup, &left, &self.table)?;
        update::report(&updated, &attempt.members);
        if updated.is_complete() {
            if setup.only.is_some() {
                return Ok(updated);
            }
            // Without the stamp the next run reads the indexes once more, no worse.
            let _ = freshness::remember(&self.env, self.folder(), &setup.config);
            return Ok(updated);
        }
        if updated.failed().next().is_none() {
            return Ok(updated);
        }
        Err(AptError::Repositories(Box::new(update::after(updated, attempt.number))))
    }

    async fn plan(&self, wanted: &Wanted) -> Result<Plan, AptError> {
        let said = self.ask(Step::Plan, &command::plan(wanted)).await?;
        let plan = Plan::parse(&said)?;
        let fault = match wanted {
            Wanted::Packages(packages) => misread(packages, &plan, &said),
            Wanted::Fix => None,
        };
        fault.map_or(Ok(plan), |fault| Err(AptError::Fault(fault)))
    }

    async fn strongest(&self, setup: &AptSetup, wanted: &Wanted) -> Result<Plan, AptError> {
        if !digests::may_have_sha512(&self.env, &setup.config.lists()) {
            return Ok(Plan::default());
        }
        Ok(Plan::parse(&self.ask(Step::Plan, &command::plan_by_sha512(wanted)).await?)?)
    }

    fn place(&self, archive: &Archive) -> PathBuf {
        self.archives.join(&archive.filename)
    }

    async fn copy(&self, archive: &Archive, from: &Path) -> Result<(), AptError> {
        let failed = |source| AptError::Files { path: from.to_owned(), source };
        let folder = archive_folder::open(&self.env, &self.archives)?;
        if copy::copy(&self.env, from, &*folder, archive).await.map_err(failed)? {
            return Ok(());
        }
        let (url, corrupt) = (archive.url.clone(), Corrupt::Digest);
        Err(AptError::Fault(Fault::Corrupt { url: url.into(), corrupt }))
    }

    fn make_room(&self, bytes: u64) -> Result<(), AptError> {
        let failed = |source| AptError::Files { path: self.archives.clone(), source };
        let folder = archive_folder::open(&self.env, &self.archives)?;
        let sandbox = self.sandbox.read().unwrap_or_else(PoisonError::into_inner);
        archive_folder::make_partial(&self.env, &*folder, &sandbox).map_err(failed)?;
        let free = folder.free().map_err(failed)?;
        if free < bytes {
            return Err(AptError::NoRoom { path: self.archives.clone(), needed: bytes, free });
        }
        Ok(())
    }

    async fn fetch(&self, attempt: &Attempt, wanted: &Wanted) -> Result<(), AptError> {
        let spec = command::fetch(wanted, &self.archives, self.silence);
        let mut progress = FetchWatch::new(attempt);
        let said = self.runner.capture(&self.env, &spec, &Shield::new(), &mut progress).await?;
        let (_, fault) = understood(Step::Fetch, said, &StatusSummary::default());
        fault.map_or(Ok(()), |fault| Err(AptError::Fault(fault)))
    }

    async fn install(
        &self,
        attempt: &Attempt,
        wanted: &Wanted,
        archives: &[Archive],
    ) -> Result<(), AptError> {
        // Else every look at the lock would read all the archives once more.
        if let Some(lock) = frontend_lock::held(&self.env) {
            return Err(AptError::Fault(Fault::Locked(lock)));
        }
        let folder = archive_folder::open(&self.env, &self.archives)?;
        let mut ready = Ready::make(&self.env, folder, &self.archives)?;
        for archive in archives {
            ready.add(archive).await?;
            dpkg_run::go_on(&self.env, attempt)?;
        }
        let spec = command::install(wanted, ready.hand_over(), self.silence);
        let done = self.dpkg(attempt).install(&spec).await;
        ready.remove();
        done
    }

    async fn repair(&self, attempt: &Attempt) -> Result<(), AptError> {
        self.dpkg(attempt).repair(&command::configure_all()).await
    }

    fn clean(&self, archives: &[Archive]) {
        let names = archives.iter().map(|archive| archive.filename.as_str());
        archive_folder::clean(&self.env, &self.archives, names);
    }
}

impl AptGet {
    fn dpkg<'a>(&'a self, attempt: &'a Attempt) -> DpkgRun<'a> {
        DpkgRun { env: &self.env, runner: &*self.runner, attempt }
    }
}

/// What apt-get took a request that ends in `+` for, where that is not what was asked for: it drops the `+`
/// from what it does not find.
fn misread(packages: &[PackageSpec], plan: &Plan, said: &str) -> Option<Fault> {
    let ends_so = |spec: &&PackageSpec| spec.to_string().ends_with('+');
    let (versions, names): (Vec<_>, Vec<_>) =
        packages.iter().filter(ends_so).partition(|spec| spec.version().is_some());
    let other = versions.into_iter().find(|spec| !is_had(spec, plan, said));
    if let Some((package, version)) = other.and_then(|spec| Some((spec.name(), spec.version()?))) {
        return Some(Fault::VersionNotFound { package: package.into(), version: version.into() });
    }
    let told = names.iter().map(ToString::to_string);
    let packages: Vec<_> = told.filter(|name| !is_called(name, plan, said)).map(Foreign::from).collect();
    (!packages.is_empty()).then_some(Fault::NotFound { packages })
}
