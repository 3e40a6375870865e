//! apt as it is on this machine: apt-get and dpkg, run and understood.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::adapter::{Apt, Wanted};
use super::classify::{Step, fault};
use super::dpkg_watch::DpkgWatch;
use super::error::AptError;
use super::fault::Fault;
use super::installed::{DPKG_FORMAT, Installed};
use super::left_out::Generated;
use super::machine::AptSetup;
use super::plan::Plan;
use super::said::Said;
use super::status::{StatusLine, StatusSummary};
use super::update::Updated;
use super::uris::Archive;
use super::{command, digests, freshness, local, lock, verify};
use crate::attempt::Attempt;
use crate::env::Env;
use crate::process::{Captured, Listener, ProcessSpec, Runner, Shield};
use crate::service::{ServiceName, ServiceTable};

/// Where archives are kept until they are installed, unless told otherwise.
pub const ARCHIVES: &str = "/var/cache/vps-configurator/archives";

/// Archives of failed runs are kept so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// apt by its own programs.
pub struct AptGet {
    pub(super) env: Env,
    pub(super) runner: Arc<dyn Runner>,
    pub(super) table: ServiceTable,
    pub(super) archives: PathBuf,
    /// Silence of a server that ends a request.
    pub(super) silence: Duration,
    pub(super) cache_valid: Duration,
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
        }
    }

    /// Keeps archives in `folder`, which must be ours alone.
    #[must_use]
    pub fn with_archives(mut self, folder: impl Into<PathBuf>) -> Self {
        self.archives = folder.into();
        self
    }

    /// Gives a server up after so long a silence.
    #[must_use]
    pub fn with_silence(mut self, limit: Duration) -> Self {
        self.silence = limit;
        self
    }

    /// Trusts indexes for so long after an update that brought all of them.
    #[must_use]
    pub fn with_cache_valid(mut self, valid: Duration) -> Self {
        self.cache_valid = valid;
        self
    }

    /// Our own folder: archives below it, what we remember beside them.
    pub(super) fn folder(&self) -> &Path {
        self.archives.parent().unwrap_or(&self.archives)
    }

    /// Runs a program that may be killed at any moment.
    pub(super) async fn ask(&self, step: Step, spec: &ProcessSpec) -> Result<String, AptError> {
        let said = self.runner.capture(&self.env, spec, &Shield::new(), &mut ()).await?;
        let (stdout, fault) = understood(step, said, &StatusSummary::default());
        fault.map_or(Ok(stdout), |fault| Err(AptError::Fault(fault)))
    }
}

/// What a run printed, and what it means.
pub(super) fn understood(step: Step, said: Captured, status: &StatusSummary) -> (String, Option<Fault>) {
    let ended = said.ended;
    let said = Said { stdout: said.stdout, stderr: said.stderr };
    let fault = fault(step, ended, &said, status);
    (said.stdout, fault)
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
        Ok(AptSetup::read(&self.env, &config, &uris))
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
            [] => None,
            left => Some(Generated::write(&self.env, self.folder(), &setup.sources, left)?),
        };
        let sources = generated.as_ref().map(Generated::sources);
        let spec = command::update(self.silence, sources.as_ref());
        let mut progress = FetchWatch { attempt, last: None };
        let said = self.runner.capture(&self.env, &spec, &Shield::new(), &mut progress).await?;
        let updated = Updated::read(said, setup, &left, &self.table)?;
        updated.report(&attempt.members);
        if updated.is_complete() {
            // Without the stamp the next run reads the indexes once more, no worse.
            let _ = freshness::remember(&self.env, self.folder());
            return Ok(updated);
        }
        if updated.failed().next().is_none() {
            return Ok(updated);
        }
        Err(AptError::Repositories(Box::new(updated.after(attempt.number))))
    }

    async fn plan(&self, wanted: &Wanted) -> Result<Plan, AptError> {
        let said = self.ask(Step::Plan, &command::plan(wanted, "SHA256")).await?;
        let plan = Plan::parse(&said)?;
        // What apt-get takes for `name`, and more of it, where nothing is called `name+`.
        let misread: Vec<String> = match wanted {
            Wanted::Packages(packages) => packages
                .iter()
                .filter(|name| name.ends_with('+') && !plan.has(name, &said))
                .cloned()
                .collect(),
            Wanted::Fix => Vec::new(),
        };
        if misread.is_empty() {
            Ok(plan)
        } else {
            Err(AptError::Fault(Fault::NotFound { packages: misread }))
        }
    }

    async fn strongest(&self, setup: &AptSetup, wanted: &Wanted) -> Result<Plan, AptError> {
        if !digests::may_have_sha512(&self.env, &setup.config.lists()) {
            return Ok(Plan::default());
        }
        Ok(Plan::parse(&self.ask(Step::Plan, &command::plan(wanted, "SHA512")).await?)?)
    }

    fn place(&self, archive: &Archive) -> PathBuf {
        self.archives.join(&archive.filename)
    }

    fn copy(&self, archive: &Archive, from: &Path) -> Result<(), AptError> {
        local::copy(&self.env, from, &self.place(archive))
            .map_err(|source| AptError::Files { path: from.to_owned(), source })
    }

    fn make_room(&self, bytes: u64) -> Result<(), AptError> {
        let fs = self.env.fs();
        let failed = |source| AptError::Files { path: self.archives.clone(), source };
        fs.make_folder(&self.archives.join("partial")).map_err(failed)?;
        let free = fs.free(&self.archives).map_err(failed)?;
        if free < bytes {
            return Err(AptError::NoRoom { path: self.archives.clone(), needed: bytes, free });
        }
        Ok(())
    }

    async fn fetch(&self, attempt: &Attempt, wanted: &Wanted) -> Result<(), AptError> {
        let spec = command::fetch(wanted, &self.archives, self.silence);
        let mut progress = FetchWatch { attempt, last: None };
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
        if let Some(lock) = lock::frontend(&self.env) {
            return Err(AptError::Fault(Fault::Locked(lock)));
        }
        for archive in archives {
            verify::archive(&self.env, &self.place(archive), archive).await?;
            if self.is_over(attempt) {
                return Err(self.stopped(attempt));
            }
        }
        let spec = command::install(wanted, &self.archives, self.silence);
        self.dpkg(attempt, Step::Install, &spec, DpkgWatch::new(attempt)).await
    }

    async fn repair(&self, attempt: &Attempt) -> Result<(), AptError> {
        self.dpkg(attempt, Step::Repair, &command::configure_all(), DpkgWatch::of_dpkg(attempt)).await
    }

    fn clean(&self, archives: &[Archive]) {
        for archive in archives {
            // One that is gone already is as it should be.
            let _ = self.env.fs().remove(&self.place(archive));
        }
        self.sweep();
    }
}

impl AptGet {
    /// Removes archives that earlier runs left and nobody came back for.
    fn sweep(&self) {
        let (fs, now) = (self.env.fs(), self.env.wall());
        for name in fs.list(&self.archives).unwrap_or_default() {
            let path = self.archives.join(name);
            let is_old = fs.look(&path).is_ok_and(|meta| now.saturating_sub(meta.modified) > KEPT);
            if is_old && path.extension().is_some_and(|extension| extension == "deb") {
                let _ = fs.remove(&path);
            }
        }
    }

    /// Runs a program in which dpkg works: it is never ended, and asked to stop only before dpkg has begun;
    /// apt-get itself puts that off from then on.
    async fn dpkg(
        &self,
        attempt: &Attempt,
        step: Step,
        spec: &ProcessSpec,
        mut watch: DpkgWatch<'_>,
    ) -> Result<(), AptError> {
        let shield = Shield::new();
        shield.raise();
        let seen = watch.seen();
        let said = {
            let run = self.runner.capture(&self.env, spec, &shield, &mut watch);
            let mut run = std::pin::pin!(run);
            tokio::select! {
                biased;
                said = &mut run => said,
                () = self.told_to_stop(attempt) => {
                    if seen.has_begun() {
                        attempt.warn(waiting_for_dpkg(shield.pid()));
                    } else {
                        shield.interrupt();
                    }
                    run.await
                }
            }
        }?;
        let (_, fault) = understood(step, said, &watch.summary());
        match fault {
            None => Ok(()),
            Some(Fault::Stopped { in_dpkg: false, .. }) if self.is_over(attempt) => {
                Err(self.stopped(attempt))
            }
            Some(fault) => Err(AptError::Fault(fault)),
        }
    }

    fn is_over(&self, attempt: &Attempt) -> bool {
        attempt.cancel.is_cancelled() || attempt.deadline.is_over(self.env.now())
    }

    fn stopped(&self, attempt: &Attempt) -> AptError {
        if attempt.cancel.is_cancelled() { AptError::Stopped } else { AptError::OutOfTime }
    }

    async fn told_to_stop(&self, attempt: &Attempt) {
        let deadline = async {
            match attempt.deadline.tick() {
                Some(at) => self.env.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = attempt.cancel.cancelled() => {}
            () = deadline => {}
        }
    }
}

fn waiting_for_dpkg(pid: Option<u32>) -> String {
    let who = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    format!("dpkg is at work{who} and must not be interrupted: waiting for it to finish")
}

/// Takes what apt-get fetches for a sign of life; it repeats its last line while nothing comes.
struct FetchWatch<'a> {
    attempt: &'a Attempt,
    last: Option<StatusLine>,
}

impl Listener for FetchWatch<'_> {
    fn hear(&mut self, line: &str) {
        let line = StatusLine::parse(line);
        if line.is_some() && line != self.last {
            self.attempt.answered();
            self.last = line;
        }
    }
}
