//! A machine with files of its own, fakes for apt and programs, and a plan that is run on it again and again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::network::Builder;
use crate::plan::module::Modules;
use crate::plan::run::{Applied, ApplyOptions, Outcome, PlanEvent, PlanObserver, StepEvent, apply};
use crate::plan::{Action, Plan, SecretSource, Step, StepId, Variables};
use crate::settings::Settings;
use crate::store::{MemoryStore, StoreHandle};

/// What was said in a run: `a: ...`.
#[derive(Debug, Default)]
pub(super) struct Heard(pub(super) Mutex<Vec<String>>);

impl PlanObserver for Heard {
    fn on(&self, event: &PlanEvent<'_>) {
        let said = match &event.what {
            StepEvent::At(what) => format!("{}: {what}", event.id),
            other => format!("{} {other:?}", event.id),
        };
        self.0.lock().unwrap().push(said);
    }
}

impl Heard {
    /// What was said of a step, in order: each by its first word.
    pub(super) fn of(&self, name: &str) -> Vec<String> {
        let heard = self.0.lock().unwrap();
        let of = |said: &String| Some(said.strip_prefix(&format!("{name} "))?.split(' ').next()?.to_owned());
        heard.iter().filter_map(of).collect()
    }
}

pub(super) struct Lab {
    place: tempfile::TempDir,
    store: StoreHandle,
    pub(super) network: NetworkOperationWrapper,
    pub(super) heard: Heard,
    pub(super) secrets: Vec<(String, String)>,
    pub(super) modules: Modules,
}

pub(super) fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

pub(super) fn step(name: &str, action: Action) -> Step {
    Step::new(id(name), action)
}

/// How each step ended, in a word, and what it did.
pub(super) fn ends(applied: &Applied) -> Vec<String> {
    let end = |outcome: &Outcome| match outcome {
        Outcome::Satisfied => "ok".to_owned(),
        Outcome::Done { changed, what } => {
            let what = what.as_ref().map(|what| format!(" ({what})")).unwrap_or_default();
            format!("{}{what}", if *changed { "changed" } else { "unchanged" })
        }
        Outcome::Would(would) => format!("would {would:?}"),
        Outcome::Skipped => "skipped".to_owned(),
        Outcome::Failed(error) => {
            let all: Vec<_> =
                [&error.what].into_iter().chain(&error.causes).map(ToString::to_string).collect();
            format!("failed: {}", all.join(": "))
        }
        Outcome::Blocked { by } => format!("blocked by {by}"),
        Outcome::Deferred(why) => format!("left: {why:?}"),
    };
    applied.steps.iter().map(|step| format!("{} {}", step.id, end(&step.outcome))).collect()
}

impl Lab {
    pub(super) fn new(parts: impl FnOnce(Builder) -> Builder) -> Self {
        Self::by(|_, builder| parts(builder))
    }

    /// The same, by who has to know the machine's root.
    pub(super) fn by(parts: impl FnOnce(&Path, Builder) -> Builder) -> Self {
        let place = tempfile::tempdir().unwrap();
        let store = StoreHandle::inline(MemoryStore::outliving());
        let builder = NetworkOperationWrapper::builder(Settings::default().check().unwrap());
        let network = parts(place.path(), builder.env(Env::real()).store(store.clone())).build();
        Self {
            place,
            store,
            network,
            heard: Heard::default(),
            secrets: Vec::new(),
            modules: Modules::builtin(),
        }
    }

    /// The machine's root, and the plan's folder.
    pub(super) fn root(&self) -> &Path {
        self.place.path()
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.at(path)).ok()
    }

    pub(super) fn options(&self) -> ApplyOptions {
        let variables = self
            .secrets
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect::<Vec<_>>();
        ApplyOptions {
            root: self.root().to_owned(),
            modules: Arc::new(self.modules.clone()),
            variables: Variables::new(variables),
            ..ApplyOptions::default()
        }
    }

    pub(super) fn plan(&self, steps: Vec<Step>) -> Plan {
        let mut plan = Plan::new("test", self.root(), steps);
        for (name, _) in &self.secrets {
            plan.secrets.insert(name.parse().unwrap(), SecretSource::Env(name.clone()));
        }
        plan
    }

    pub(super) async fn applied(&self, steps: Vec<Step>, options: &ApplyOptions) -> Applied {
        apply(&self.network, &self.store, Arc::new(self.plan(steps)), options, &self.heard).await.unwrap()
    }

    /// All that is kept in the store, as text.
    pub(super) async fn kept(&self) -> String {
        let rows = self.store.ask(self.network.env(), |store| store.list("")).await.unwrap().unwrap();
        rows.iter().map(|(key, value)| format!("{key} {}\n", String::from_utf8_lossy(value))).collect()
    }

    pub(super) async fn run(&self, steps: Vec<Step>) -> Vec<String> {
        ends(&self.applied(steps, &self.options()).await)
    }

    pub(super) async fn dry_run(&self, steps: Vec<Step>) -> Vec<String> {
        let options = ApplyOptions { dry_run: true, ..self.options() };
        ends(&self.applied(steps, &options).await)
    }
}
