//! An install, round after round until it is done: what can be cured on the way is.
//!
//! dpkg is asked before anything else, for what is there costs no request. The indexes are read before
//! apt-get resolves, or it would resolve to files that are gone. All files are fetched before dpkg begins:
//! fetching may be cut at any moment, dpkg never. And dpkg is asked once more at the end, since apt-get's
//! success does not say that all of it is there.

use super::cures::Cures;
use super::fetch::{Fetch, Fetched};
use super::steps::{AptFailed, Steps};
use crate::Kind;
use crate::apt::cure::Cure;
use crate::apt::error::AptError;
use crate::apt::facts::{AptSetup, Fault, PackageSpec, Plan, Updated};
use crate::apt::outcome::AptInstalled;
use crate::apt::request::{InstallRequest, Wanted};
use crate::download::Downloads;
use crate::foreign::Foreign;
use crate::pipeline::Cause;
use crate::workflow::Workflow;

/// What was done until now.
pub(super) struct Rounds<'n> {
    steps: &'n Steps,
    downloads: &'n Downloads,
    workflow: &'n Workflow,
    request: &'n InstallRequest,
    setup: Option<AptSetup>,
    cures: Cures,
    result: AptInstalled,
}

/// What comes after a step.
enum After {
    Again,
    Done(Plan),
}

impl<'n> Rounds<'n> {
    pub(super) fn new(
        steps: &'n Steps,
        downloads: &'n Downloads,
        workflow: &'n Workflow,
        request: &'n InstallRequest,
    ) -> Self {
        Self {
            steps,
            downloads,
            workflow,
            request,
            setup: None,
            cures: Cures::default(),
            result: AptInstalled::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<AptInstalled, AptFailed> {
        loop {
            // In each round anew: a repair may have brought some of it.
            let installed = self.steps.installed(self.workflow).await?;
            let missing = self.request.missing(&installed);
            if missing.is_empty() {
                self.result.settle(self.request, &installed);
                return Ok(self.result);
            }
            if let After::Done(plan) = self.round(missing).await? {
                // apt-get has succeeded: dpkg has the last word.
                let installed = self.steps.installed_at_last(self.workflow).await?;
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
    async fn round(&mut self, missing: Vec<PackageSpec>) -> Result<After, AptFailed> {
        let wanted = Wanted::Packages(missing);
        let (steps, workflow) = (self.steps, self.workflow);
        let plan = if self.setup.is_some() {
            // Whether the lists are read again is the cure's to say.
            steps.plan(workflow, &wanted).await
        } else if self.request.updates() {
            // The setup says whether the lists are fresh, and whose circuits an update enters.
            let setup = steps.setup(workflow).await?;
            let is_fresh = steps.is_fresh(&setup);
            self.setup = Some(setup);
            if !is_fresh {
                self.update().await?;
            }
            steps.plan(workflow, &wanted).await
        } else {
            // Whatever the setup says, the lists stay as they are: neither has to wait for the other.
            let (setup, plan) = tokio::join!(steps.setup(workflow), steps.plan(workflow, &wanted));
            self.setup = Some(setup?);
            plan
        };
        match plan {
            Ok(plan) => self.carry_out(&wanted, plan).await,
            Err(error) => self.cure(error).await,
        }
    }

    async fn carry_out(&mut self, wanted: &Wanted, plan: Plan) -> Result<After, AptFailed> {
        let fetched = match self.fetch(wanted, &plan).await {
            Ok(fetched) => fetched,
            Err(error) => return self.cure(error).await,
        };
        self.result.fetched = self.result.fetched.saturating_add(fetched.bytes);
        match self.steps.install(self.workflow, wanted, &fetched.archives).await {
            Ok(()) => {
                self.steps.clean(&plan.archives);
                Ok(After::Done(plan))
            }
            Err(error) => self.after_dpkg(error, plan).await,
        }
    }

    async fn fetch(&self, wanted: &Wanted, plan: &Plan) -> Result<Fetched, AptFailed> {
        let Some(setup) = &self.setup else {
            return Ok(Fetched { bytes: 0, archives: plan.archives.clone() });
        };
        let (steps, downloads, workflow) = (self.steps, self.downloads, self.workflow);
        Fetch { steps, downloads, workflow, setup, wanted }.bring(plan).await
    }

    /// dpkg failed. With what was asked for in place, that is somebody else's trouble: a package that fails
    /// again and again makes every later run of apt-get fail.
    async fn after_dpkg(&mut self, error: AptFailed, plan: Plan) -> Result<After, AptFailed> {
        let is_somebody_elses = matches!(
            &error.cause,
            Cause::Operation(AptError::Fault(Fault::DpkgFailed { .. } | Fault::Hook { .. }))
        );
        if is_somebody_elses
            && let Ok(installed) = self.steps.installed_at_last(self.workflow).await
            && self.request.missing_after(&installed, &plan).is_empty()
        {
            self.warn(format!("what was asked for is installed, but {}", error.cause));
            return Ok(After::Done(plan));
        }
        self.cure(error).await
    }

    /// Reads the indexes. Where some came, the failed ones are warned of and work goes on: what it takes
    /// may well come from the others.
    async fn update(&mut self) -> Result<(), AptFailed> {
        self.cures.lists_were_read();
        let Some(setup) = &self.setup else { return Ok(()) };
        let mut hook = None;
        match self.steps.update(self.workflow, setup).await {
            Ok(updated) => self.told(&updated),
            Err(error) => match &error.cause {
                Cause::Operation(AptError::Repositories(updated))
                    if error.kind() != Kind::Cancelled && updated.is_usable() =>
                {
                    self.told(updated);
                }
                // Nothing new came, or not all of it, but what an earlier update brought is there.
                Cause::CircuitOpen(_) | Cause::TimedOut { .. }
                    if setup.has_index() && error.kind() != Kind::Cancelled =>
                {
                    self.warn_of_old(&error);
                }
                // It ran after the update, which may have brought everything: looked at below.
                Cause::Operation(AptError::Fault(Fault::Hook { .. })) if error.kind() != Kind::Cancelled => {
                    hook = Some(error);
                }
                _ => return Err(error),
            },
        }
        // What came tells whose each repository is.
        let setup = self.steps.setup(self.workflow).await?;
        if let Some(error) = hook {
            if !setup.has_index() {
                return Err(error);
            }
            self.warn_of_old(&error);
        }
        self.setup = Some(setup);
        Ok(())
    }

    fn warn_of_old(&mut self, error: &AptFailed) {
        self.warn(format!("the package lists may not be those of now: {}", error.cause));
    }

    /// Warns of every index that is not that of now.
    fn told(&mut self, updated: &Updated) {
        for warning in updated.warnings().into_iter().chain(updated.notes.iter().cloned()) {
            self.warn(warning);
        }
    }

    fn warn(&mut self, text: impl Into<Foreign>) {
        let text = text.into();
        if !self.result.warnings.contains(&text) {
            self.workflow.warn(text.clone());
            self.result.warnings.push(text);
        }
    }

    /// Does what may help against an error, or gives it back.
    async fn cure(&mut self, error: AptFailed) -> Result<After, AptFailed> {
        let Cause::Operation(cause) = &error.cause else { return Err(error) };
        // Who gave up wants no cure, whatever failed because of that.
        let cure = Cure::of(cause).filter(|_| error.kind() != Kind::Cancelled);
        // Asked before a try is taken: an update that nobody wants is none.
        let is_wanted = |cure: &Cure| self.request.updates() || !matches!(cure, Cure::Update(_));
        let Some(cure) = cure.filter(is_wanted).filter(|cure| self.cures.take(*cure)) else {
            return Err(error);
        };
        match cure {
            Cure::Repair => {
                self.workflow.note(format!("{cause}: repairing that, as by `dpkg --configure -a`"));
                self.repair().await?;
                self.result.repaired = true;
            }
            Cure::Update(_) => {
                self.workflow.note("the package lists look out of date: reading them again");
                self.update().await?;
            }
            Cure::Fetch => self.workflow.note(format!("fetching again: {cause}")),
        }
        Ok(After::Again)
    }

    /// Configures what was left, then fetches and installs what that takes. In this order: apt-get refuses to
    /// work at all while dpkg has something left to configure.
    async fn repair(&mut self) -> Result<(), AptFailed> {
        match self.steps.repair(self.workflow).await {
            // A package that cannot be configured may need others first.
            Err(error) if !is_dpkgs(&error) => return Err(error),
            _ => {}
        }
        let wanted = Wanted::Fix;
        let plan = self.steps.plan(self.workflow, &wanted).await?;
        if plan.is_empty() {
            return Ok(());
        }
        let archives = self.fetch(&wanted, &plan).await?.archives;
        match self.steps.install(self.workflow, &wanted, &archives).await {
            Ok(()) => {
                self.steps.clean(&plan.archives);
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
