//! The world as one process sees it.

use std::sync::Arc;
use std::time::Duration;

use vps_breaker::Tick;

use super::poll::Polled;
use super::process::Process;
use super::simulation::lock;
use crate::env::fs::Fs;
use crate::env::{BoxFuture, ProcessIdentity, Task, World};

pub(super) struct SimWorld {
    process: Process,
    fs: Arc<dyn Fs>,
}

impl SimWorld {
    pub(super) fn new(process: Process) -> Self {
        let fs = Arc::new(process.host().inner.disk.clone());
        Self { process, fs }
    }
}

impl World for SimWorld {
    fn now(&self) -> Tick {
        self.process.host().now()
    }

    fn slept(&self) -> Duration {
        self.process.host().slept()
    }

    fn wall(&self) -> Duration {
        self.process.host().wall()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps, in virtual time")]
    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        let process = self.process.clone();
        Box::pin(async move {
            loop {
                let left = at.since(process.host().now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            }
        })
    }

    fn next_u64(&self) -> u64 {
        self.process.draw()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    fn spawn(&self, _name: &'static str, future: BoxFuture<()>) -> Task {
        let task = tokio::spawn(Polled::new(self.process.clone(), future));
        self.process.owns(task.abort_handle());
        Task::new(task)
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.process.inner.identity
    }

    fn is_alive(&self, identity: &ProcessIdentity) -> bool {
        if identity.boot_id != self.process.inner.identity.boot_id {
            return false;
        }
        let number = identity.pid.saturating_sub(1);
        lock(&self.process.host().inner.simulation.inner.alive).contains(&number)
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    fn buggify(&self, site: &'static str) -> bool {
        self.process.fires(site)
    }

    #[cfg(feature = "__mistakes")]
    fn planted(&self, mistake: crate::env::Mistake) -> bool {
        self.process.host().inner.simulation.is_planted(mistake)
    }

    #[cfg(feature = "__mistakes")]
    fn keep(&self, what: Box<dyn std::any::Any + Send>) {
        self.process.host().inner.simulation.keep(what);
    }
}
