//! A machine on which plans are run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::plan::run::{Applied, ApplyOptions, Outcome, PlanEvent, PlanObserver, StepEvent, apply};
use crate::plan::{
    Action, Body, DownloadAction, FileAction, Gate, GateCheck, Needs, Plan, Step, StepId, SystemdAction,
};
use crate::settings::Settings;
use crate::store::{MemoryStore, StoreHandle};

/// What a run told, in order: `begin a`, `end a`.
#[derive(Debug, Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl PlanObserver for Told {
    fn on(&self, event: &PlanEvent<'_>) {
        let what = match event.what {
            StepEvent::Fetching => "fetch",
            StepEvent::Began => "begin",
            StepEvent::Ended { .. } => "end",
            _ => return,
        };
        self.0.lock().unwrap().push(format!("{what} {}", event.id));
    }
}

pub(super) struct Lab {
    pub(super) place: tempfile::TempDir,
    pub(super) store: StoreHandle,
    pub(super) network: NetworkOperationWrapper,
    pub(super) told: Told,
}

pub(super) fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

/// How each step ended, in a word.
pub(super) fn ends(applied: &Applied) -> Vec<String> {
    let end = |outcome: &Outcome| match outcome {
        Outcome::Satisfied => "ok".to_owned(),
        Outcome::Done { changed: true, .. } => "changed".to_owned(),
        Outcome::Done { .. } => "done".to_owned(),
        Outcome::Would(would) => format!("would {would:?}"),
        Outcome::Skipped => "skipped".to_owned(),
        Outcome::Failed(error) => format!("failed: {error}"),
        Outcome::Blocked { by } => format!("blocked by {by}"),
        Outcome::Deferred(why) => format!("left: {why:?}"),
    };
    applied.steps.iter().map(|step| format!("{} {}", step.id, end(&step.outcome))).collect()
}

impl Lab {
    pub(super) fn new() -> Self {
        let policies = Settings::default().check().unwrap();
        let store = StoreHandle::inline(MemoryStore::outliving());
        let network =
            NetworkOperationWrapper::builder(policies).env(Env::real()).store(store.clone()).build();
        Self { place: tempfile::tempdir().unwrap(), store, network, told: Told::default() }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(super) fn file(&self, name: &str, content: &str) -> Step {
        let action = FileAction::new(self.at(name), Body::Content(content.into()));
        Step::new(id(name), Action::File(action))
    }

    pub(super) fn plan(&self, steps: Vec<Step>) -> Arc<Plan> {
        Arc::new(Plan::new("test", self.place.path(), steps))
    }

    pub(super) async fn run(&self, steps: Vec<Step>) -> Applied {
        self.run_with(steps, &ApplyOptions::default()).await
    }

    pub(super) async fn run_with(&self, steps: Vec<Step>, options: &ApplyOptions) -> Applied {
        apply(&self.network, &self.store, self.plan(steps), options, &self.told).await.unwrap()
    }

    pub(super) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.at(name)).ok()
    }
}

pub(super) fn needing(mut step: Step, needs: &[&str]) -> Step {
    step.needs = Needs::Steps(needs.iter().map(|name| id(name)).collect());
    step
}

pub(super) fn gate(name: &str, path: &Path, wait: Duration) -> Step {
    Step::new(id(name), Action::Gate(Gate::new(GateCheck::Exists(path.to_owned()), wait)))
}

#[allow(dead_code, reason = "tests of kinds use it")]
pub(super) fn download(name: &str, url: &str, dest: &Path) -> Step {
    let mut action = DownloadAction::default();
    (action.url, action.dest) = (url.to_owned(), Some(dest.to_owned()));
    Step::new(id(name), Action::Download(action))
}

#[allow(dead_code, reason = "tests of kinds use it")]
pub(super) fn unit(name: &str, on_change: &[&str]) -> Step {
    let mut action = SystemdAction::default();
    (action.unit, action.on_change) =
        ("x.service".to_owned(), on_change.iter().map(|name| id(name)).collect());
    Step::new(id(name), Action::Systemd(action))
}
