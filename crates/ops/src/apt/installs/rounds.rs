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
use crate::apt::facts::{AptSetup, Fault, Installed, Plan, Updated};
use crate::apt::outcome::AptInstalled;
use crate::apt::request::{InstallRequest, Wanted};
use crate::apt::warning::AptWarning;
use crate::download::Downloads;
use crate::pipeline::Cause;
use crate::workflow::Workflow;

/// What was done until now.
pub(super) struct Rounds<'n> {
    steps: &'n Steps,
    downloads: &'n Downloads,
    workflow: &'n Workflow,
    request: &'n InstallRequest,
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
        Self { steps, downloads, workflow, request, cures: Cures::default(), result: AptInstalled::default() }
    }

    pub(super) async fn run(mut self) -> Result<AptInstalled, AptFailed> {
        let mut known = None;
        loop {
            // In each round anew: a repair may have brought some of it.
            let installed = self.steps.installed(self.workflow).await?;
            let missing = self.request.missing(&installed);
            if missing.is_empty() {
                self.result.settle(self.request, &installed);
                return Ok(self.result);
            }
            let wanted = Wanted::Packages(missing);
            let (mut setup, plan) = self.resolve(known.take(), &wanted).await?;
            let after = match plan {
                Ok(plan) => {
                    check(self.request, &installed, &plan).map_err(|error| self.workflow.error(error))?;
                    self.carry_out(&mut setup, &wanted, plan).await?
                }
                Err(error) => self.cure(&mut setup, error).await?,
            };
            known = Some(setup);
            if let After::Done(plan) = after {
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

    /// How apt is set up, as an earlier round knows it or by a look, and what it would do; after an update where
    /// the lists are old.
    async fn resolve(
        &mut self,
        known: Option<AptSetup>,
        wanted: &Wanted,
    ) -> Result<(AptSetup, Result<Plan, AptFailed>), AptFailed> {
        let (steps, workflow) = (self.steps, self.workflow);
        let setup = match known {
            // Whether the lists are read again is the cure's to say.
            Some(setup) => setup,
            None if self.request.updates() => {
                // The setup says whether the lists are fresh, and whose circuits an update enters.
                let mut setup = steps.setup(workflow).await?;
                if !steps.is_fresh(&setup) {
                    self.update(&mut setup).await?;
                }
                setup
            }
            None => {
                // Whatever the setup says, the lists stay as they are: neither has to wait for the other.
                let (setup, plan) = tokio::join!(steps.setup(workflow), steps.plan(workflow, wanted));
                return Ok((setup?, plan));
            }
        };
        let plan = steps.plan(workflow, wanted).await;
        Ok((setup, plan))
    }

    /// Fetches and installs what was resolved.
    async fn carry_out(
        &mut self,
        setup: &mut AptSetup,
        wanted: &Wanted,
        plan: Plan,
    ) -> Result<After, AptFailed> {
        let fetched = match self.fetch(setup, wanted, &plan).await {
            Ok(fetched) => fetched,
            Err(error) => return self.cure(setup, error).await,
        };
        self.result.fetched = self.result.fetched.saturating_add(fetched.bytes);
        match self.steps.install(self.workflow, wanted, &fetched.archives).await {
            Ok(()) => {
                self.steps.clean(&plan.archives);
                Ok(After::Done(plan))
            }
            Err(error) => self.after_dpkg(setup, error, plan).await,
        }
    }

    async fn fetch(&self, setup: &AptSetup, wanted: &Wanted, plan: &Plan) -> Result<Fetched, AptFailed> {
        let (steps, downloads, workflow) = (self.steps, self.downloads, self.workflow);
        Fetch { steps, downloads, workflow, setup, wanted }.bring(plan).await
    }

    /// dpkg failed. With what was asked for in place, that is somebody else's trouble: a package that fails
    /// again and again makes every later run of apt-get fail.
    async fn after_dpkg(
        &mut self,
        setup: &mut AptSetup,
        error: AptFailed,
        plan: Plan,
    ) -> Result<After, AptFailed> {
        let is_somebody_elses = matches!(
            &error.cause,
            Cause::Operation(AptError::Fault(Fault::DpkgFailed { .. } | Fault::Hook { .. }))
        );
        if is_somebody_elses
            && let Ok(installed) = self.steps.installed_at_last(self.workflow).await
            && self.request.missing_after(&installed, &plan).is_empty()
        {
            self.warn(AptWarning::SomethingElseFailed { why: error.cause.to_string().into() });
            return Ok(After::Done(plan));
        }
        self.cure(setup, error).await
    }

    /// Reads the indexes. Where some came, the failed ones are warned of and work goes on: what it takes
    /// may well come from the others.
    async fn update(&mut self, setup: &mut AptSetup) -> Result<(), AptFailed> {
        self.cures.lists_were_read();
        let mut hook = None;
        let updated = self.steps.update(self.workflow, setup).await;
        if updated.is_ok() {
            self.steps.neighbours().lists_were_read();
        }
        match updated {
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
        *setup = self.steps.setup(self.workflow).await?;
        if let Some(error) = hook {
            if !setup.has_index() {
                return Err(error);
            }
            self.warn_of_old(&error);
        }
        Ok(())
    }

    fn warn_of_old(&mut self, error: &AptFailed) {
        self.warn(AptWarning::OldLists { why: error.cause.to_string().into() });
    }

    /// Warns of every index that is not that of now.
    fn told(&mut self, updated: &Updated) {
        for warning in updated.warnings().into_iter().chain(updated.notes.iter().cloned()) {
            self.warn(warning);
        }
    }

    fn warn(&mut self, warning: AptWarning) {
        if !self.result.warnings.contains(&warning) {
            self.workflow.warn(warning.clone());
            self.result.warnings.push(warning);
        }
    }

    /// Does what may help against an error, or gives it back.
    async fn cure(&mut self, setup: &mut AptSetup, error: AptFailed) -> Result<After, AptFailed> {
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
                self.repair(setup).await?;
                self.result.repaired = true;
            }
            Cure::Update(_) => {
                self.workflow.note("the package lists look out of date: reading them again");
                self.update(setup).await?;
            }
            Cure::Fetch => self.workflow.note(format!("fetching again: {cause}")),
        }
        Ok(After::Again)
    }

    /// Configures what was left, then fetches and installs what that takes. In this order: apt-get refuses to
    /// work at all while dpkg has something left to configure.
    async fn repair(&mut self, setup: &AptSetup) -> Result<(), AptFailed> {
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
        let archives = self.fetch(setup, &wanted, &plan).await?.archives;
        match self.steps.install(self.workflow, &wanted, &archives).await {
            Ok(()) => {
                self.steps.clean(&plan.archives);
                for removed in &plan.removed {
                    self.warn(AptWarning::Removed { package: removed.name.as_str().into() });
                }
                self.result.add(plan);
            }
            // One that fails again and again need not stop what was asked for.
            Err(error) if is_dpkgs(&error) => {
                self.warn(AptWarning::NotRepaired { why: error.cause.to_string().into() });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Refuses to change what is to stay as it is.
pub(super) fn check(request: &InstallRequest, installed: &Installed, plan: &Plan) -> Result<(), AptError> {
    match request.changed(installed, plan) {
        None => Ok(()),
        Some(found) => {
            let (package, version) = (found.name.as_str().into(), found.version.as_str().into());
            Err(AptError::Fault(Fault::WouldChange { package, version }))
        }
    }
}

/// Whether dpkg failed with a package.
fn is_dpkgs(error: &AptFailed) -> bool {
    matches!(error.cause, Cause::Operation(AptError::Fault(Fault::DpkgFailed { .. })))
}
