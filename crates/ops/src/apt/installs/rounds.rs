//! An install, round after round until it is done: what can be cured on the way is, at most twice each.

use super::fetch::Fetched;
use super::{AptFailed, Installs};
use crate::Kind;
use crate::apt::{AptError, AptInstalled, AptSetup, Fault, InstallRequest, Plan, Updated, Wanted};
use crate::pipeline::Cause;
use crate::workflow::Workflow;

/// How often each cure is tried.
const AT_MOST: u8 = 2;

/// What was done so far.
pub(super) struct Rounds<'n> {
    installs: &'n Installs,
    workflow: &'n Workflow,
    request: &'n InstallRequest,
    setup: Option<AptSetup>,
    /// Whether this run has read the indexes, or found them fresh.
    updated: bool,
    updates: u8,
    stale: u8,
    corrupt: u8,
    repairs: u8,
    fetches: u8,
    result: AptInstalled,
}

/// What comes after a step.
enum After {
    Again,
    Done(Plan),
}

impl<'n> Rounds<'n> {
    pub(super) fn new(installs: &'n Installs, workflow: &'n Workflow, request: &'n InstallRequest) -> Self {
        Self {
            installs,
            workflow,
            request,
            setup: None,
            updated: false,
            updates: 0,
            stale: 0,
            corrupt: 0,
            repairs: 0,
            fetches: 0,
            result: AptInstalled::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<AptInstalled, AptFailed> {
        loop {
            let installed = self.installs.installed(self.workflow).await?;
            let missing = self.request.missing(&installed);
            if missing.is_empty() {
                self.result.settle(self.request, &installed);
                return Ok(self.result);
            }
            if let After::Done(plan) = self.round(missing).await? {
                // apt-get has succeeded: dpkg has the last word.
                let installed = self.installs.installed_at_last(self.workflow).await?;
                let missing = self.request.missing_after(&installed, &plan);
                if !missing.is_empty() {
                    return Err(self.workflow.error(AptError::NotInstalled { packages: missing }));
                }
                self.result.add(plan);
                self.result.settle(self.request, &installed);
                return Ok(self.result);
            }
        }
    }

    /// One way through: update, resolve, fetch, install.
    async fn round(&mut self, missing: Vec<String>) -> Result<After, AptFailed> {
        let wanted = Wanted::Packages(missing);
        let (installs, workflow) = (self.installs, self.workflow);
        let plan = if self.setup.is_none() && !self.request.updates() {
            // Whatever the setup says, the lists stay as they are: neither has to wait for the other.
            let (setup, plan) =
                tokio::join!(installs.setup_of(workflow), installs.resolve(workflow, &wanted));
            self.setup = Some(setup?);
            plan
        } else {
            if self.setup.is_none() {
                self.setup = Some(installs.setup_of(workflow).await?);
            }
            if self.request.updates() && !self.updated && !self.is_fresh() {
                self.update().await?;
            }
            installs.resolve(workflow, &wanted).await
        };
        self.updated = true;
        match plan {
            Ok(plan) => self.carry_out(&wanted, plan).await,
            Err(error) => self.cure(error).await,
        }
    }

    async fn carry_out(&mut self, wanted: &Wanted, plan: Plan) -> Result<After, AptFailed> {
        let fetched = match &self.setup {
            Some(setup) => self.installs.fetch(self.workflow, setup, wanted, &plan).await,
            None => Ok((Fetched::default(), plan.archives.clone())),
        };
        let archives = match fetched {
            Ok((fetched, archives)) => {
                self.result.fetched = self.result.fetched.saturating_add(fetched.bytes);
                archives
            }
            Err(error) => return self.cure(error).await,
        };
        match self.installs.unpack(self.workflow, wanted, &archives).await {
            Ok(()) => {
                self.installs.apt.clean(&plan.archives);
                Ok(After::Done(plan))
            }
            Err(error) => self.after_dpkg(error, plan).await,
        }
    }

    /// dpkg failed. With what was asked for in place, that is somebody else's trouble: a package that fails
    /// again and again makes every later run of apt-get fail.
    async fn after_dpkg(&mut self, error: AptFailed, plan: Plan) -> Result<After, AptFailed> {
        let is_somebody_elses = matches!(
            &error.cause,
            Cause::Operation(AptError::Fault(Fault::DpkgFailed { .. } | Fault::Hook { .. }))
        );
        if is_somebody_elses
            && let Ok(installed) = self.installs.installed_at_last(self.workflow).await
            && self.request.missing_after(&installed, &plan).is_empty()
        {
            self.warn(format!("what was asked for is installed, but {}", error.cause));
            return Ok(After::Done(plan));
        }
        self.cure(error).await
    }

    fn is_fresh(&self) -> bool {
        self.setup.as_ref().is_some_and(|setup| self.installs.apt.is_fresh(setup))
    }

    /// Reads the indexes. Where some came, the failed ones are warned of and work goes on: what it takes
    /// may well come from the others.
    async fn update(&mut self) -> Result<(), AptFailed> {
        self.updates += 1;
        let Some(setup) = &self.setup else { return Ok(()) };
        match self.installs.read_indexes(self.workflow, setup).await {
            Ok(updated) => self.said(&updated),
            Err(error) => match &error.cause {
                Cause::Operation(AptError::Repositories(updated))
                    if error.kind() != Kind::Cancelled && updated.is_usable() =>
                {
                    let updated = (**updated).clone();
                    self.said(&updated);
                }
                // Nothing new came, or not all of it, but what an earlier update brought is there.
                Cause::CircuitOpen(_)
                | Cause::TimedOut { .. }
                | Cause::Operation(AptError::Fault(Fault::Hook { .. }))
                    if setup.has_index() && error.kind() != Kind::Cancelled =>
                {
                    let text = format!("the package lists may not be those of now: {}", error.cause);
                    self.warn(text);
                }
                _ => return Err(error),
            },
        }
        // What came tells whose each repository is.
        self.setup = Some(self.installs.setup_of(self.workflow).await?);
        Ok(())
    }

    fn said(&mut self, updated: &Updated) {
        for warning in updated.warnings() {
            self.warn(warning);
        }
    }

    fn warn(&mut self, text: String) {
        if !self.result.warnings.contains(&text) {
            self.workflow.warn(text.clone());
            self.result.warnings.push(text);
        }
    }

    /// Does what may help against an error, or gives it back.
    async fn cure(&mut self, error: AptFailed) -> Result<After, AptFailed> {
        let Cause::Operation(cause) = &error.cause else { return Err(error) };
        if error.kind() == Kind::Cancelled {
            return Err(error);
        }
        if cause.is_repairable() && self.repairs < AT_MOST {
            self.repairs += 1;
            self.workflow.note(format!("{cause}: repairing that, as by `dpkg --configure -a`"));
            self.repair().await?;
            self.result.repaired = true;
            return Ok(After::Again);
        }
        if cause.is_cured_by_update() && self.request.updates() && self.may_update(cause) {
            self.workflow.note("the package lists look out of date: reading them again");
            self.update().await?;
            return Ok(After::Again);
        }
        if cause.is_cured_by_fetching() && self.fetches < AT_MOST {
            self.fetches += 1;
            self.workflow.note(format!("fetching again: {cause}"));
            return Ok(After::Again);
        }
        Err(error)
    }

    /// A file that is gone: twice. One that is wrong, which was fetched twice already, or a name that nobody
    /// knows: only if the lists were not read in this run, or it would be the same again.
    fn may_update(&mut self, cause: &AptError) -> bool {
        let counter = if cause.is_corrupt() { &mut self.corrupt } else { &mut self.stale };
        match (cause.is_corrupt(), cause.is_stale_index()) {
            (true, _) if *counter < 1 => *counter += 1,
            (false, true) if *counter < AT_MOST => *counter += 1,
            (false, false) if self.updates == 0 => {}
            _ => return false,
        }
        true
    }

    /// Configures what was left, then fetches and installs what that takes.
    async fn repair(&mut self) -> Result<(), AptFailed> {
        match self.installs.configure(self.workflow).await {
            // A package that cannot be configured may need others first.
            Err(error) if !is_dpkgs(&error) => return Err(error),
            _ => {}
        }
        let wanted = Wanted::Fix;
        let plan = self.installs.resolve(self.workflow, &wanted).await?;
        if plan.is_empty() {
            return Ok(());
        }
        let archives = match &self.setup {
            Some(setup) => self.installs.fetch(self.workflow, setup, &wanted, &plan).await?.1,
            None => plan.archives.clone(),
        };
        match self.installs.unpack(self.workflow, &wanted, &archives).await {
            Ok(()) => {
                self.installs.apt.clean(&plan.archives);
                for removed in &plan.removed {
                    self.warn(format!("the repair removed {}", removed.name));
                }
                self.result.add(plan);
            }
            // One that fails again and again need not stop what was asked for.
            Err(error) if is_dpkgs(&error) => self.warn(error.cause.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Whether dpkg failed with a package.
fn is_dpkgs(error: &AptFailed) -> bool {
    matches!(error.cause, Cause::Operation(AptError::Fault(Fault::DpkgFailed { .. })))
}
