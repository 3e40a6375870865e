//! A program in which dpkg works: never ended, whatever else ends.

use super::dpkg_watch::DpkgWatch;
use super::run::understood;
use crate::apt::error::AptError;
use crate::apt::facts::Fault;
use crate::apt::warning::AptWarning;
use crate::apt::words::{Step, warnings};
use crate::attempt::Attempt;
use crate::env::Env;
use crate::process::{ProcessSpec, Runner, Shield};

/// What it takes to run one.
pub(super) struct DpkgRun<'a> {
    pub(super) env: &'a Env,
    pub(super) runner: &'a dyn Runner,
    pub(super) attempt: &'a Attempt,
}

impl DpkgRun<'_> {
    /// Runs apt-get, which starts dpkg when it comes to that.
    pub(super) async fn install(&self, spec: &ProcessSpec) -> Result<(), AptError> {
        self.run(Step::Install, spec, DpkgWatch::new(self.attempt)).await
    }

    /// Runs dpkg itself.
    pub(super) async fn repair(&self, spec: &ProcessSpec) -> Result<(), AptError> {
        self.run(Step::Repair, spec, DpkgWatch::of_dpkg(self.attempt)).await
    }

    /// Asked to stop only before dpkg has begun; apt-get itself puts that off from then on.
    async fn run(&self, step: Step, spec: &ProcessSpec, mut watch: DpkgWatch<'_>) -> Result<(), AptError> {
        let shield = Shield::new();
        shield.raise();
        let seen = watch.seen();
        let said = {
            let run = self.runner.capture(self.env, spec, &shield, &mut watch);
            let mut run = std::pin::pin!(run);
            tokio::select! {
                biased;
                said = &mut run => said,
                () = self.told_to_stop() => {
                    if seen.has_begun() {
                        self.attempt.warn(AptWarning::WaitingForDpkg { pid: shield.pid() });
                    } else {
                        shield.interrupt();
                    }
                    run.await
                }
            }
        }?;
        let (said, fault) = understood(step, said, &watch.summary());
        match fault {
            None => {
                warnings(&said).into_iter().for_each(|warning| self.attempt.warn(warning));
                Ok(())
            }
            Some(fault @ Fault::Stopped { in_dpkg: false, .. }) => {
                // By us, most likely: then that is what happened.
                go_on(self.env, self.attempt)?;
                Err(AptError::Fault(fault))
            }
            Some(fault) => Err(AptError::Fault(fault)),
        }
    }

    /// Resolves when the caller gives up, or at the attempt's end: the pipeline does not drop this attempt.
    async fn told_to_stop(&self) {
        let deadline = async {
            match self.attempt.deadline.tick() {
                Some(at) => self.env.bell(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.attempt.cancel.cancelled() => {}
            () = deadline => {}
        }
    }
}

/// Whether an attempt that nobody drops may go on, else why it ended before dpkg had begun.
pub(super) fn go_on(env: &Env, attempt: &Attempt) -> Result<(), AptError> {
    if attempt.cancel.is_cancelled() {
        Err(AptError::Stopped)
    } else if attempt.deadline.is_over(env.now()) {
        Err(AptError::OutOfTime)
    } else {
        Ok(())
    }
}
