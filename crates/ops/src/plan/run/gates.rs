//! Who waits for a gate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::super::action::Action;
use super::super::ids::StepId;
use super::super::kinds;
use super::super::step::Needs;
use super::conditions::holds;
use super::runner::Run;
use super::step_context::Proof;

/// What was found before gates that nobody waits for: the next one asks it again only once something may be otherwise.
#[derive(Debug, Default)]
pub(super) struct Found(Mutex<Looks>);

#[derive(Debug, Default)]
struct Looks {
    /// Steps that were looked at, and whether they are due.
    due: BTreeMap<usize, bool>,
    /// How much the run had noted then.
    noted: Noted,
    /// Whether a gate was asked: the world goes on while it is waited for.
    has_waited: bool,
}

/// Notes of the journal; where it is only looked, what would be made and which steps would do something.
type Noted = (u64, usize, usize);

impl Found {
    /// What is still so, where the run has noted this much.
    fn still(&self, noted: Noted) -> BTreeMap<usize, bool> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.noted == noted && !looks.has_waited { looks.due.clone() } else { BTreeMap::new() }
    }

    fn keep(&self, noted: Noted, due: BTreeMap<usize, bool>, waits: bool) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (looks.noted, looks.has_waited) = (noted, looks.has_waited || waits);
        looks.due = due;
    }
}

impl Run<'_> {
    /// Whether nothing that comes after this gate is about to be done, so that it need not be asked: then a run that
    /// finds all done asks nobody anything. One that nothing comes after is asked for its own sake.
    pub(super) async fn is_waited_for_by_nobody(&self, gate: usize) -> bool {
        let behind = self.behind(gate);
        let noted = self.noted();
        let mut due = self.found.still(noted);
        let mut is_waited_for = behind.is_empty();
        for at in &behind {
            // One that is asked itself says nothing of who waits for it.
            let is_gate = self.steps().get(*at).is_some_and(|step| matches!(step.action, Action::Gate(_)));
            if self.is_selected(*at) && !is_gate && self.is_due(*at, &mut due).await {
                is_waited_for = true;
                break;
            }
        }
        self.found.keep(noted, due, is_waited_for);
        !is_waited_for
    }

    /// More once the run has noted more: what was looked at before may not be so any more.
    fn noted(&self) -> Noted {
        let notes = self.journal().notes();
        let would = self.would.lock().unwrap_or_else(PoisonError::into_inner).len();
        let would_do = self.would_do.lock().unwrap_or_else(PoisonError::into_inner).len();
        (notes, would, would_do)
    }

    /// The steps that come after it, because of the order of the file or of what they need.
    fn behind(&self, gate: usize) -> BTreeSet<usize> {
        let mut behind: BTreeSet<usize> = BTreeSet::new();
        loop {
            let before = behind.len();
            // What a step needs mostly stands above it, so that one pass finds all and another sees that.
            for (at, step) in self.steps().iter().enumerate().filter(|(at, _)| *at != gate) {
                let is_behind =
                    |id: &StepId| self.places.get(id).is_some_and(|at| *at == gate || behind.contains(at));
                let waits = match &step.needs {
                    Needs::Order => at > gate,
                    Needs::Steps(needs) => needs.iter().any(is_behind),
                };
                if waits {
                    behind.insert(at);
                }
            }
            if behind.len() == before {
                return behind;
            }
        }
    }

    /// Whether it is about to be done. Each step is looked at once, however many others watch it.
    async fn is_due(&self, at: usize, found: &mut BTreeMap<usize, bool>) -> bool {
        if let Some(is_due) = found.get(&at) {
            return *is_due;
        }
        let is_due = self.looks_due(at, found).await;
        found.insert(at, is_due);
        is_due
    }

    async fn looks_due(&self, at: usize, found: &mut BTreeMap<usize, bool>) -> bool {
        let Some(cx) = self.context(at) else { return false };
        let Some(step) = cx.step() else { return false };
        // A plan in which steps watch one another in a ring is none.
        for watched in step.watches().iter().filter_map(|id| self.places.get(id)) {
            if Box::pin(self.is_due(*watched, found)).await {
                return true;
            }
        }
        if self.hangs_on(&cx, step).is_some() || self.would_be_told_by(step).is_some() {
            return true;
        }
        let applies = step.when.iter().all(|when| holds(&cx, when));
        applies && !matches!(Box::pin(kinds::prove(&cx)).await, Ok(Proof::Satisfied(_) | Proof::DoesNotApply))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::options::ApplyOptions;
    use super::super::runner::apply;
    use crate::NetworkOperationWrapper;
    use crate::plan::{Action, CommandAction, CommandLine, Gate, GateCheck, Guards, Needs, Plan, Step};
    use crate::process::{Captured, Ended};
    use crate::settings::Settings;
    use crate::store::{MemoryStore, StoreHandle};
    use crate::testing::scripted_runner::ScriptedRunner;

    fn gate(id: &str) -> Step {
        let check = GateCheck::Exists(PathBuf::from("/never/there"));
        Step::new(id.parse().unwrap(), Action::Gate(Gate::new(check, Duration::from_millis(1))))
    }

    fn words(text: &str) -> CommandLine {
        CommandLine::Argv(text.split(' ').map(str::to_owned).collect())
    }

    fn command(id: &str, guards: Guards) -> Step {
        Step::new(id.parse().unwrap(), Action::Command(CommandAction::new(words(id), guards)))
    }

    fn needing(mut step: Step, needs: &[&str]) -> Step {
        step.needs = Needs::Steps(needs.iter().map(|id| id.parse().unwrap()).collect());
        step
    }

    /// A machine on which processes are only said to have run.
    struct Lab {
        place: tempfile::TempDir,
        store: StoreHandle,
        runner: Arc<ScriptedRunner>,
        network: NetworkOperationWrapper,
    }

    impl Lab {
        fn new(answer: impl Fn(&str) -> i32 + Send + Sync + 'static) -> Self {
            let runner = Arc::new(ScriptedRunner::new(move |line: &str| {
                Captured::new(Ended::Code(answer(line)), "", "")
            }));
            let store = StoreHandle::inline(MemoryStore::outliving());
            let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
                .store(store.clone())
                .runner(Arc::clone(&runner) as _)
                .build();
            Self { place: tempfile::tempdir().unwrap(), store, runner, network }
        }

        /// How many of the steps failed, and how many are left or held up.
        async fn run(&self, steps: &[Step]) -> (usize, usize) {
            let plan = Arc::new(Plan::new("test", self.place.path(), steps.to_vec()));
            let options = ApplyOptions::default();
            let applied = apply(&self.network, &self.store, plan, &options, &()).await.unwrap();
            (applied.failed().count(), applied.left().count())
        }
    }

    #[tokio::test]
    async fn what_many_watch_is_asked_once_for_all_gates_of_a_run_that_finds_all_done() {
        let lab = Lab::new(|_| 0);
        let mut steps = vec![gate("one"), gate("two"), gate("three")];
        let mut watched: Vec<String> = Vec::new();
        // Each watches both of the layer before it: there are as many ways to the first as a power of two.
        for layer in 0..10 {
            let ids = [format!("a{layer}"), format!("b{layer}")];
            for id in &ids {
                let mut guards = Guards { unless: Some(words(&format!("unless {id}"))), ..Guards::default() };
                guards.on_change = watched.iter().map(|id| id.parse().unwrap()).collect();
                steps.push(command(id, guards));
            }
            watched = ids.to_vec();
        }
        assert_eq!(lab.run(&steps).await, (0, 0));
        let before = lab.runner.ran().len();
        assert_eq!(lab.run(&steps).await, (0, 0));
        // Once for the gates, and once in its own turn.
        assert_eq!((before, lab.runner.ran().len()), (2 * 20, 4 * 20));
    }

    #[tokio::test]
    async fn what_another_step_did_between_two_gates_is_seen_by_the_second() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("made");
        std::fs::write(&file, "").unwrap();
        let made = file.clone();
        let lab = Lab::new(move |line| {
            if line == "clear" {
                std::fs::remove_file(&made).unwrap();
            }
            0
        });
        let always = Guards { always: true, ..Guards::default() };
        let makes = |path: PathBuf| Guards { creates: Some(path), ..Guards::default() };
        let is_there = || makes(place.path().to_owned());
        let steps = [
            // Its way is the longest, so that its turn comes first.
            needing(gate("one"), &[]),
            needing(command("a", is_there()), &["one"]),
            needing(command("b", is_there()), &["a"]),
            needing(command("clear", always), &[]),
            needing(gate("two"), &["clear"]),
            needing(command("make", makes(file)), &["b", "two"]),
        ];
        // The second gate was asked, and is shut, which holds up one.
        assert_eq!(lab.run(&steps).await, (2, 0));
        assert_eq!(lab.runner.ran(), ["clear"]);
    }
}
