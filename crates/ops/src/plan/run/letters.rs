//! The dead letters of a plan: one for each step that failed, until a run finds that it is done.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::super::kinds;
use super::super::step::Step;
use super::journal::prefix_of;
use super::memo::{LAYOUT, Memo};
use super::outcome::{Outcome, StepError};
use super::runner::Run;
use crate::dead_letter::{self, Letter, LetterId, PlanStepLetter, StepEnd, kept_of};
use crate::store::Store;

impl Run<'_> {
    /// Keeps the letter of a step that failed, or takes it out where there is nothing to do for it any more.
    pub(super) fn has_letter(&self, at: usize, outcome: &Outcome, took: Duration) {
        match (outcome, self.steps().get(at)) {
            (Outcome::Failed(error), Some(step)) if !self.options.dry_run => {
                let letter = self.letter(step, error, took);
                self.ground.network.letters().keep(letter);
            }
            _ => self.clear_letters(std::iter::once((at, Some(outcome))), false),
        }
    }

    /// Takes out the letters of those steps that there is nothing to do for any more, by the names they have and had:
    /// behind what says so in the journal, so that no kill leaves neither of them. What is not to be had then is tried
    /// once more at the end of the run, and said there.
    pub(super) fn clear_letters<'o>(
        &self,
        ends: impl Iterator<Item = (usize, Option<&'o Outcome>)>,
        is_last: bool,
    ) {
        let letters = self.ground.network.letters();
        if self.options.dry_run || !letters.are_kept() {
            return;
        }
        let due: Vec<Due> = ends.filter_map(|(at, outcome)| self.due(at, outcome?)).collect();
        if due.is_empty() {
            return;
        }
        self.journal().write();
        let (there, rows) = (Arc::clone(&self.letters.0), prefix_of(&self.ground.plan.name));
        letters.clear(is_last, move |store| {
            // Where they cannot be read now, the next look may find them.
            let Some(there) = there.get().cloned().or_else(|| {
                let found = dead_letter::names(store).ok()?;
                Some(there.get_or_init(|| found).clone())
            }) else {
                return BTreeSet::new();
            };
            let due = due.into_iter().filter(|due| due.is_of(&there) && due.is_written(store, &rows));
            due.flat_map(|due| due.letters).filter(|id| there.contains(id)).collect()
        });
    }

    /// What of a step is to go; nothing where it is not well, or known to have no letter.
    fn due(&self, at: usize, outcome: &Outcome) -> Option<Due> {
        let is_done = match outcome {
            Outcome::Satisfied | Outcome::Done { .. } => true,
            Outcome::Skipped => false,
            _ => return None,
        };
        let step = self.steps().get(at)?;
        let names: Vec<String> =
            std::iter::once(&step.id).chain(&step.was).map(ToString::to_string).collect();
        let letters = names.iter().map(|name| LetterId::of_step(&self.ground.plan.name, name)).collect();
        let is_noted = is_done && kinds::is_noted(step.action.kind());
        let due = Due { letters, noted: is_noted.then(|| (names, step.hash())) };
        self.letters.0.get().is_none_or(|there| due.is_of(there)).then_some(due)
    }

    fn letter(&self, step: &Step, error: &StepError, took: Duration) -> Letter {
        let plan = &self.ground.plan;
        let service = error.circuit.as_ref().map(|circuit| &circuit.service).or(step.circuit.as_ref());
        let of = PlanStepLetter {
            plan: plan.name.clone(),
            step: step.id.to_string(),
            path: plan.path.as_ref().map(|path| path.as_os_str().into()),
            hash: step.hash(),
            action: kept_of(serde_json::to_value(&step.action).unwrap_or_default()),
            causes: error.causes.clone(),
            log: error.log.as_ref().map(|log| log.as_os_str().into()),
        };
        let end = StepEnd {
            kind: error.kind,
            class: error.class,
            service: service.map(ToString::to_string),
            error: error.what.clone(),
            attempts: error.attempts.max(1),
            took,
            at: self.env.wall().as_secs_f64(),
        };
        Letter::of_step(of, end)
    }
}

/// The letters that there were when the run first looked: one of them is asked for only where it was there.
#[derive(Debug, Default)]
pub(super) struct StepLetters(Arc<OnceLock<BTreeSet<LetterId>>>);

/// The letters of a step that there is nothing to do for any more.
struct Due {
    letters: Vec<LetterId>,
    /// The names that its row may have, and its hash, where the journal has to say that it is done.
    noted: Option<(Vec<String>, String)>,
}

impl Due {
    fn is_of(&self, there: &BTreeSet<LetterId>) -> bool {
        self.letters.iter().any(|id| there.contains(id))
    }

    /// Whether the journal says so, as the next run finds it. One that is kept elsewhere is not asked.
    fn is_written(&self, store: &dyn Store, rows: &str) -> bool {
        let Some((names, hash)) = &self.noted else { return true };
        match store.load(rows) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
        let found = names.iter().find_map(|name| store.load(&format!("{rows}{name}")).ok()?);
        let memo = found.and_then(|bytes| serde_json::from_slice::<Memo>(&bytes).ok());
        memo.is_some_and(|memo| memo.layout == LAYOUT && memo.is_done() && memo.hash == *hash)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::known::known;
    use super::super::memo::Stage;
    use super::super::options::ApplyOptions;
    use super::super::runner::apply;
    use super::*;
    use crate::NetworkOperationWrapper;
    use crate::dead_letter::{News, Surroundings};
    use crate::plan::{Action, Body, FileAction, Plan};
    use crate::settings::Settings;
    use crate::store::{MemoryStore, StoreError, StoreHandle};
    use crate::testing::{Access, GuardedStore};

    /// How many writes of the journal and of letters are refused from now on, and what the journal said of the step
    /// whenever its letter was written.
    #[derive(Default)]
    struct Refusing {
        rows: AtomicU32,
        letters: AtomicU32,
        said: Mutex<Vec<String>>,
    }

    struct Lab {
        place: tempfile::TempDir,
        refusing: Arc<Refusing>,
        store: StoreHandle,
        network: NetworkOperationWrapper,
    }

    impl Lab {
        fn new() -> Self {
            let (refusing, memory) = (Arc::<Refusing>::default(), MemoryStore::outliving());
            let (asked, seen) = (Arc::clone(&refusing), memory.clone());
            let guard = move |access: Access<'_>| {
                let Access::Write(keys) = access else { return Ok(()) };
                let is_letter = keys.iter().any(|key| key.starts_with("letter/"));
                let left = if is_letter { &asked.letters } else { &asked.rows };
                let take = |left: u32| left.checked_sub(1);
                if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    return Err(StoreError::Unavailable);
                }
                if is_letter {
                    let row = seen.load(&format!("{}a", prefix_of("web"))).unwrap();
                    let memo = row.and_then(|bytes| serde_json::from_slice::<Memo>(&bytes).ok());
                    asked.said.lock().unwrap().push(format!("{:?}", memo.map(|memo| memo.stage)));
                }
                Ok(())
            };
            let store = StoreHandle::inline(GuardedStore { store: memory, guard });
            let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
                .store(store.clone())
                .dead_letters(Surroundings::new("/"))
                .build();
            Self { place: tempfile::tempdir().unwrap(), refusing, store, network }
        }

        /// Runs a plan of one file, for which a folder is in the way or not; how many letters there are then.
        async fn run(&self, fails: bool) -> usize {
            let dest = self.place.path().join("a");
            // It is there or not already.
            let _ = if fails { std::fs::create_dir(&dest) } else { std::fs::remove_dir(&dest) };
            let action = Action::File(FileAction::new(&dest, Body::Content("x".into())));
            let steps = vec![Step::new("a".parse().unwrap(), action)];
            let plan = Arc::new(Plan::new("web", self.place.path(), steps));
            let options = ApplyOptions::default();
            let applied = apply(&self.network, &self.store, plan, &options, &()).await.unwrap();
            assert_eq!(applied.failed().count(), usize::from(fails));
            self.network.letters().list().await.unwrap().len()
        }
    }

    #[tokio::test]
    async fn a_letter_goes_behind_what_says_that_the_step_is_done_however_often_that_is_refused() {
        let mut refused = 0;
        loop {
            let lab = Lab::new();
            assert_eq!((lab.run(true).await, lab.run(true).await), (1, 1));
            lab.refusing.said.lock().unwrap().clear();
            lab.refusing.rows.store(refused, Ordering::Relaxed);
            let left = lab.run(false).await;
            let said = lab.refusing.said.lock().unwrap().clone();
            assert!(said.iter().all(|stage| stage == "Some(Done)"), "{refused} refused: {said:?}");
            // Else nobody would know that it was done.
            let known = known(lab.network.env(), &lab.store, "web").await.unwrap().unwrap();
            let is_known = known.steps.iter().all(|step| step.stage == Stage::Done);
            assert_eq!((left, said.len()), if is_known { (0, 1) } else { (1, 0) }, "{refused} refused");
            if !is_known {
                lab.refusing.rows.store(0, Ordering::Relaxed);
                assert_eq!(lab.run(false).await, 0, "the next run takes it out");
                break;
            }
            refused += 1;
        }
        assert!(refused > 1, "what was refused once is written at the end");
    }

    #[tokio::test]
    async fn what_cannot_be_taken_out_is_tried_once_more_and_then_said() {
        for (refused, left) in [(1, 0), (2, 1)] {
            let lab = Lab::new();
            lab.run(true).await;
            drop(lab.network.letters().news());
            lab.refusing.letters.store(refused, Ordering::Relaxed);
            assert_eq!(lab.run(false).await, left);
            let news = lab.network.letters().news();
            let stays = news.iter().filter(|news| matches!(news, News::Stays { .. })).count();
            assert_eq!((news.len(), stays), (left, left), "{news:?}");
        }
    }
}
