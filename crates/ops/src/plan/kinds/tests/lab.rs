//! What the tests of kinds run on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vps_breaker::Tick;

use crate::NetworkOperationWrapper;
use crate::env::fs::Fs;
use crate::env::{BoxFuture, Env, ProcessIdentity, Task, World};
use crate::plan::run::{Ground, StepContext};
use crate::plan::{Action, Plan, Step, StepId};
use crate::process::Runner;
use crate::settings::Settings;
use crate::testing::disk::Disk;

/// Time is tokio's, files are on a disk in memory, and no process of an earlier run lives.
pub(in crate::plan::kinds) struct DiskWorld {
    start: tokio::time::Instant,
    fs: Arc<dyn Fs>,
    identity: ProcessIdentity,
    random: AtomicU64,
}

impl DiskWorld {
    pub(in crate::plan::kinds) fn env(disk: &Disk, boot: u64, seed: u64) -> Env {
        Env::new(Self {
            start: tokio::time::Instant::now(),
            fs: Arc::new(disk.clone()),
            identity: ProcessIdentity { boot_id: format!("boot {boot}"), pid: 1, started: 1 },
            random: AtomicU64::new(seed),
        })
    }
}

impl World for DiskWorld {
    fn now(&self) -> Tick {
        Tick::from_millis(1_000).after(self.start.elapsed())
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(1_790_000_000) + self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the virtual clock of these tests is tokio's")]
    fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }

    fn next_u64(&self) -> u64 {
        self.random.fetch_add(1, Ordering::Relaxed)
    }

    #[expect(clippy::disallowed_methods, reason = "a world starts tasks")]
    fn spawn(&self, _name: &'static str, future: BoxFuture<()>) -> Task {
        Task::new(tokio::spawn(future))
    }

    fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    fn is_alive(&self, _identity: &ProcessIdentity) -> bool {
        false
    }

    fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }
}

pub(in crate::plan::kinds) fn id(name: &str) -> StepId {
    name.parse().unwrap()
}

pub(in crate::plan::kinds) fn network(env: Env, runner: Option<Arc<dyn Runner>>) -> NetworkOperationWrapper {
    let builder = NetworkOperationWrapper::builder(Settings::default().check().unwrap()).env(env);
    match runner {
        Some(runner) => builder.runner(runner).build(),
        None => builder.build(),
    }
}

/// The only step of a plan whose folder is `folder`.
pub(in crate::plan::kinds) async fn alone(
    network: &NetworkOperationWrapper,
    folder: &std::path::Path,
    action: Action,
) -> StepContext {
    let step = Step::new(id("it"), action);
    let plan = Plan::new("test", folder, vec![step]);
    StepContext::first(Ground::of(network, plan, std::path::Path::new("/")).0)
}
