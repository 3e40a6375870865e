//! What is known of a plan's steps from earlier runs, and what this one adds: the intent before the effect, the result
//! after it.
//!
//! Losing it costs time, never correctness: each step is looked at before it is done. What only it knows are the marks
//! of `once` and `on_change`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;

use super::super::ids::StepId;
use super::super::kinds;
use super::super::step::Step;
use super::memo::{Head, LAYOUT, Memo, Stage};
use crate::env::Env;
use crate::foreign::Foreign;
use crate::store::{LONG_ANSWER_LIMIT, SET_ASIDE, Store, StoreError, StoreHandle};

/// Where rows begin in the store. The plan's name and the step's follow, kept apart by what neither has.
const ROWS: &str = "plan/";
const APART: char = '\u{1f}';
/// How long a disk may take to have on it what is about to be done, or to say what was.
const SYNC_LIMIT: Duration = Duration::from_secs(30);
/// Steps whose memos are read at once.
const PAGE: usize = 256;

/// What the journal cannot do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another run of this plan began since.
    #[error("another run of this plan has begun since this one did")]
    Overtaken,
    /// The store did not take it.
    #[error("what is about to be done cannot be written down")]
    Store(#[from] StoreError),
}

/// The journal of one plan, as one run has it.
#[derive(Debug)]
pub(crate) struct Journal {
    env: Env,
    store: StoreHandle,
    prefix: String,
    head: Head,
    rows: BTreeMap<String, Arc<Memo>>,
    outlives: bool,
    /// The damaged store that this one took the place of.
    set_aside: Option<u64>,
    dirty: BTreeSet<String>,
    removed: BTreeSet<String>,
    is_begun: bool,
    /// How often something was noted.
    notes: u64,
    /// Where the plan was read from the last time.
    was_at: Option<Foreign>,
    /// How often something had changed when it was opened.
    before: u64,
    is_overtaken: Arc<AtomicBool>,
    /// What the store did not take, which goes to it with the next batch.
    refused: Refused,
}

type Refused = Arc<Mutex<Option<Batch>>>;

/// What goes to the store in one transaction.
#[derive(Debug)]
struct Batch {
    head_key: String,
    head: Vec<u8>,
    run: u64,
    writer: u64,
    rows: BTreeMap<String, Option<Vec<u8>>>,
}

impl Journal {
    /// What the store has of the plan of this name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn open(
        env: &Env,
        store: &StoreHandle,
        plan: &str,
        path: Option<Foreign>,
    ) -> Result<Self, StoreError> {
        let mut journal = Self::read(env, store, plan).await?;
        journal.was_at = std::mem::replace(&mut journal.head.path, path);
        Ok(journal)
    }

    /// The same for who only looks: the plan was read from where its last run did.
    pub(super) async fn read(env: &Env, store: &StoreHandle, plan: &str) -> Result<Self, StoreError> {
        // There is nothing to do without it: a slow disk is waited for.
        let said = store.ask_within(env, LONG_ANSWER_LIMIT, |store| {
            Ok::<_, StoreError>((store.outlives(), set_aside(store)?))
        });
        let (outlives, set_aside) = said.await??;
        let mut journal = Self { set_aside, ..Self::empty(env, store, plan, outlives) };
        let mut after = Some(String::new());
        // In parts: what thousands of steps left is never there twice.
        while let Some(from) = after {
            let wanted = journal.prefix.clone();
            let page =
                store.ask_within(env, LONG_ANSWER_LIMIT, move |store| store.page(&wanted, &from, PAGE));
            let page = page.await??;
            page.rows.into_iter().for_each(|(key, bytes)| journal.take_in(&key, &bytes));
            after = page.more;
        }
        journal.before = journal.head.change;
        Ok(journal)
    }

    /// Where another plan of this name is that was run last. One that was moved here is none.
    pub(super) fn elsewhere(&self) -> Option<PathBuf> {
        let was_at = self.was_at.as_ref().filter(|was_at| Some(*was_at) != self.head.path.as_ref())?;
        let was_at = PathBuf::from(was_at.as_str());
        self.env.fs().look_through(&was_at).ok().map(|_| was_at)
    }

    fn take_in(&mut self, key: &str, bytes: &[u8]) {
        match key.strip_prefix(&self.prefix) {
            Some("") => {
                let head = serde_json::from_slice(bytes).ok();
                self.head = head.filter(|head: &Head| head.layout == LAYOUT).unwrap_or_default();
            }
            Some(id) => {
                let memo = serde_json::from_slice(bytes).ok();
                let memo = memo.filter(|memo: &Memo| memo.layout == LAYOUT);
                self.rows.extend(memo.map(|memo| (id.to_owned(), Arc::new(memo))));
            }
            None => {}
        }
    }

    /// One of a plan of which nothing is known.
    pub(crate) fn empty(env: &Env, store: &StoreHandle, plan: &str, outlives: bool) -> Self {
        Self {
            env: env.clone(),
            store: store.clone(),
            head: Head::default(),
            rows: BTreeMap::new(),
            outlives,
            set_aside: None,
            dirty: BTreeSet::new(),
            removed: BTreeSet::new(),
            is_begun: false,
            notes: 0,
            was_at: None,
            before: 0,
            is_overtaken: Arc::default(),
            refused: Refused::default(),
            prefix: prefix_of(plan),
        }
    }

    /// What is known of a step, by the name it has, else by the one it had.
    pub(crate) fn memo(&self, id: &StepId, was: Option<&StepId>) -> Option<&Arc<Memo>> {
        self.rows.get(id.as_str()).or_else(|| self.rows.get(was?.as_str()))
    }

    /// What is known of the plan as a whole, and of each step, in the order of their names.
    pub(super) fn all(&self) -> (&Head, impl Iterator<Item = (&str, &Memo)>) {
        (&self.head, self.rows.iter().map(|(id, memo)| (id.as_str(), &**memo)))
    }

    /// Marks those of `steps` that only the journal knows of, where it was lost since they were last run and nothing is
    /// known of them. Noted, it is found by later runs, too.
    pub(crate) fn mark_lost<'s>(&mut self, steps: impl Iterator<Item = &'s Step>, is_noted: bool) {
        if self.set_aside.is_none() || self.head.lost_with == self.set_aside {
            return;
        }
        self.head.lost_with = self.set_aside;
        for step in steps.filter(|step| kinds::needs_journal(&step.action)) {
            if self.memo(&step.id, step.was.as_ref()).is_some() {
                continue;
            }
            let mark = |memo: &mut Memo| {
                (memo.hash, memo.stage, memo.owes) = (step.hash(), Stage::Lost, !step.watches().is_empty());
            };
            if is_noted {
                self.note(&step.id, None, mark);
            } else {
                let mut memo = Memo::new();
                mark(&mut memo);
                self.rows.insert(step.id.to_string(), Arc::new(memo));
            }
        }
    }

    /// Whether the next run will know what this one notes.
    pub(crate) fn outlives(&self) -> bool {
        self.outlives
    }

    /// How often something changed so far.
    pub(crate) fn changes(&self) -> u64 {
        self.head.change
    }

    /// How often something had changed when this run began.
    pub(crate) fn changes_before(&self) -> u64 {
        self.before
    }

    /// How often this run noted something.
    pub(crate) fn notes(&self) -> u64 {
        self.notes
    }

    /// Counts one more change; its number.
    pub(crate) fn next_change(&mut self) -> u64 {
        self.head.change += 1;
        self.head.change
    }

    /// Steps that are known and not of `ids`.
    pub(crate) fn others<'j>(&'j self, ids: &'j BTreeSet<&str>) -> impl Iterator<Item = &'j str> {
        self.rows.keys().map(String::as_str).filter(|id| !ids.contains(id))
    }

    /// Notes what is known of a step now. It is written with the next batch.
    pub(crate) fn note(&mut self, id: &StepId, was: Option<&StepId>, change: impl FnOnce(&mut Memo)) {
        if !self.is_begun {
            (self.is_begun, self.head.run, self.head.layout) = (true, self.head.run + 1, LAYOUT);
            self.head.writer = self.env.next_u64();
        }
        let former = was.filter(|_| !self.rows.contains_key(id.as_str())).map(StepId::as_str);
        if let Some(former) = former
            && let Some(memo) = self.rows.remove(former)
        {
            self.rows.insert(id.as_str().to_owned(), memo);
            self.removed.insert(former.to_owned());
        }
        let memo =
            Arc::make_mut(self.rows.entry(id.as_str().to_owned()).or_insert_with(|| Arc::new(Memo::new())));
        change(memo);
        (memo.run, memo.at) = (self.head.run, self.env.wall().as_secs_f64());
        self.dirty.insert(id.as_str().to_owned());
        self.notes += 1;
    }

    /// Has what was noted written, some time: it survives a kill of this process, not a loss of power.
    pub(crate) fn write(&mut self) {
        if let Some(batch) = self.batch() {
            let (overtaken, refused) = (Arc::clone(&self.is_overtaken), Arc::clone(&self.refused));
            self.store.tell(move |store| {
                if matches!(write(store, Some(batch), &refused, false), Err(JournalError::Overtaken)) {
                    overtaken.store(true, Ordering::Relaxed);
                }
            });
        }
    }

    /// Has what was noted written, so that it survives a loss of power, too, once that was awaited.
    pub(crate) fn sync(&mut self) -> impl Future<Output = Result<(), JournalError>> + use<> {
        let (batch, env, store) = (self.batch(), self.env.clone(), self.store.clone());
        let (overtaken, refused, has_noted) =
            (Arc::clone(&self.is_overtaken), Arc::clone(&self.refused), self.is_begun);
        async move {
            if !has_noted {
                return Ok(());
            }
            let write = move |store: &dyn Store| write(store, batch, &refused, true);
            let written = store.ask_within(&env, SYNC_LIMIT, write).await?;
            if matches!(written, Err(JournalError::Overtaken)) {
                overtaken.store(true, Ordering::Relaxed);
            }
            written
        }
    }

    /// The last of a run: as [`sync`](Self::sync), and the next run finds it without delay. One that noted nothing has
    /// nothing written.
    pub(crate) fn close(&mut self) -> impl Future<Output = ()> + use<> {
        let (sync, env, store, has_noted) =
            (self.sync(), self.env.clone(), self.store.clone(), self.is_begun);
        async move {
            // What cannot be written now is found by looking at the machine.
            let _ = sync.await;
            if has_noted {
                let _ = store.ask_within(&env, SYNC_LIMIT, |store| store.checkpoint()).await;
            }
        }
    }

    /// Whether another run began since.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.is_overtaken.load(Ordering::Relaxed)
    }

    fn batch(&mut self) -> Option<Batch> {
        if self.dirty.is_empty() && self.removed.is_empty() {
            return None;
        }
        self.head.at = self.env.wall().as_secs_f64();
        let key = |id: &str| format!("{}{id}", self.prefix);
        let written = std::mem::take(&mut self.dirty);
        let row = |id: &String| Some((key(id), Some(serde_json::to_vec(&**self.rows.get(id)?).ok()?)));
        let mut rows: BTreeMap<_, _> = written.iter().filter_map(row).collect();
        rows.extend(std::mem::take(&mut self.removed).iter().map(|id| (key(id), None)));
        let head = serde_json::to_vec(&self.head).ok()?;
        Some(Batch { head_key: key(""), head, run: self.head.run, writer: self.head.writer, rows })
    }
}

/// The damaged store that this one took the place of, by when that was.
pub(super) fn set_aside(store: &dyn Store) -> Result<Option<u64>, StoreError> {
    let said = store.load(SET_ASIDE)?;
    // What cannot be read says that there was one all the same.
    Ok(said.map(|said| serde_json::from_slice(&said).unwrap_or_default()))
}

/// Where the rows of a plan begin.
pub(super) fn prefix_of(plan: &str) -> String {
    format!("{ROWS}{plan}{APART}")
}

/// Writes a batch, and with it what was refused before. What is refused now is kept for the next one.
fn write(
    store: &dyn Store,
    batch: Option<Batch>,
    refused: &Mutex<Option<Batch>>,
    synced: bool,
) -> Result<(), JournalError> {
    let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
    let all = match (refused.take(), batch) {
        (Some(mut before), Some(batch)) => {
            before.rows.extend(batch.rows);
            Batch { rows: before.rows, ..batch }
        }
        (Some(batch), None) | (None, Some(batch)) => batch,
        (None, None) => return Ok(()),
    };
    let written = all.write(store, synced);
    if matches!(written, Err(JournalError::Store(_))) {
        *refused = Some(all);
    }
    written
}

impl Batch {
    fn write(&self, store: &dyn Store, synced: bool) -> Result<(), JournalError> {
        let mut keys = vec![self.head_key.as_str()];
        keys.extend(self.rows.keys().map(String::as_str));
        let mut is_overtaken = false;
        let mut change = |values: &mut [Option<Vec<u8>>]| {
            let Some((head, rows)) = values.split_first_mut() else { return false };
            let known = head.as_deref().and_then(|bytes| serde_json::from_slice::<Head>(bytes).ok());
            is_overtaken = known.is_some_and(|known| {
                known.run > self.run || (known.run == self.run && known.writer != self.writer)
            });
            if is_overtaken {
                return false;
            }
            *head = Some(self.head.clone());
            for (value, bytes) in rows.iter_mut().zip(self.rows.values()) {
                value.clone_from(bytes);
            }
            true
        };
        match synced {
            true => store.update_all_durably(&keys, &mut change)?,
            false => store.update_all(&keys, &mut change)?,
        }
        if is_overtaken { Err(JournalError::Overtaken) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::super::memo::Stage;
    use super::*;
    use crate::store::MemoryStore;
    use crate::testing::{Access, GuardedStore};

    fn id(text: &str) -> StepId {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn what_was_noted_is_there_in_the_next_run_and_other_plans_have_their_own() {
        let (env, store) = (Env::real(), StoreHandle::in_memory());
        let mut first = Journal::open(&env, &store, "web", None).await.unwrap();
        assert!(first.memo(&id("a"), None).is_none());
        assert_eq!(first.next_change(), 1);
        first.note(&id("a"), None, |memo| (memo.stage, memo.change) = (Stage::Done, 1));
        first.sync().await.unwrap();
        let again = Journal::open(&env, &store, "web", None).await.unwrap();
        let memo = again.memo(&id("a"), None).unwrap();
        assert_eq!((memo.stage, memo.change, memo.run, again.changes()), (Stage::Done, 1, 1, 1));
        assert!(!memo.is_interrupted());
        for other in ["web2", "we", "web\u{1f}a"] {
            assert!(Journal::open(&env, &store, other, None).await.unwrap().memo(&id("a"), None).is_none());
        }
    }

    #[tokio::test]
    async fn more_steps_than_are_read_at_once_are_all_known() {
        for count in [PAGE - 1, PAGE, 2 * PAGE + 1] {
            let (env, store) = (Env::real(), StoreHandle::in_memory());
            let mut first = Journal::open(&env, &store, "web", None).await.unwrap();
            let ids: Vec<StepId> = (0..count).map(|number| id(&format!("s{number}"))).collect();
            ids.iter().for_each(|id| first.note(id, None, |memo| memo.stage = Stage::Done));
            first.sync().await.unwrap();
            let again = Journal::open(&env, &store, "web", None).await.unwrap();
            assert_eq!((again.head.run, again.rows.len()), (1, count));
            assert!(ids.iter().all(|id| again.memo(id, None).is_some()));
        }
    }

    #[tokio::test]
    async fn a_run_that_was_overtaken_writes_nothing_more() {
        let (env, store) = (Env::real(), StoreHandle::in_memory());
        let mut first = Journal::open(&env, &store, "web", None).await.unwrap();
        let mut second = Journal::open(&env, &store, "web", None).await.unwrap();
        first.note(&id("a"), None, |memo| memo.attempts = 1);
        first.write();
        second.note(&id("a"), None, |memo| memo.attempts = 2);
        let same_number = second.sync().await;
        assert!(matches!(same_number, Err(JournalError::Overtaken)));
        let mut third = Journal::open(&env, &store, "web", None).await.unwrap();
        third.note(&id("a"), None, |memo| memo.attempts = 3);
        third.sync().await.unwrap();
        first.note(&id("a"), None, |memo| memo.attempts = 9);
        assert!(matches!(first.sync().await, Err(JournalError::Overtaken)));
        assert!(first.is_overtaken() && !third.is_overtaken());
        let last = Journal::open(&env, &store, "web", None).await.unwrap();
        assert_eq!(last.memo(&id("a"), None).unwrap().attempts, 3);
    }

    #[tokio::test]
    async fn a_step_that_was_renamed_keeps_what_is_known_of_it() {
        let (env, store) = (Env::real(), StoreHandle::in_memory());
        let mut first = Journal::open(&env, &store, "web", None).await.unwrap();
        first.note(&id("old"), None, |memo| (memo.stage, memo.change) = (Stage::Done, 7));
        first.sync().await.unwrap();
        let mut second = Journal::open(&env, &store, "web", None).await.unwrap();
        let (new, old) = (id("new"), id("old"));
        assert_eq!(second.memo(&new, Some(&old)).unwrap().change, 7);
        second.note(&new, Some(&old), |memo| memo.attempts = 1);
        second.sync().await.unwrap();
        let third = Journal::open(&env, &store, "web", None).await.unwrap();
        assert_eq!(third.memo(&new, None).unwrap().change, 7);
        assert!(third.memo(&old, None).is_none());
        assert_eq!(third.others(&BTreeSet::new()).collect::<Vec<_>>(), ["new"]);
    }

    /// A store that is busy for the next so many writes.
    fn busy(writes: u32) -> StoreHandle {
        let left = AtomicU32::new(writes);
        let guard = move |access: Access<'_>| match access {
            Access::Read(_) => Ok(()),
            Access::Write(_) => {
                let taken =
                    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                taken.map_or(Ok(()), |_| Err(StoreError::Unavailable))
            }
        };
        StoreHandle::inline(GuardedStore { store: MemoryStore::outliving(), guard })
    }

    #[tokio::test]
    async fn what_a_busy_store_refuses_is_written_with_the_next_batch_and_at_the_end() {
        let env = Env::real();
        let known = async |store: &StoreHandle| {
            let journal = Journal::open(&env, store, "web", None).await.unwrap();
            let attempts = |name: &str| journal.memo(&id(name), None).map(|memo| memo.attempts);
            (attempts("a"), attempts("b"), attempts("old"), attempts("new"))
        };
        for is_synced in [false, true] {
            let store = busy(2);
            let mut journal = Journal::open(&env, &store, "web", None).await.unwrap();
            journal.note(&id("a"), None, |memo| memo.attempts = 1);
            journal.note(&id("old"), None, |memo| memo.attempts = 7);
            journal.write();
            journal.note(&id("a"), None, |memo| memo.attempts = 2);
            journal.note(&id("new"), Some(&id("old")), |_| {});
            match is_synced {
                true => assert!(matches!(journal.sync().await, Err(JournalError::Store(_)))),
                false => journal.write(),
            }
            assert_eq!(known(&store).await, (None, None, None, None));
            if is_synced {
                journal.close().await;
                assert_eq!(known(&store).await, (Some(2), None, None, Some(7)), "the end has the last word");
            } else {
                journal.note(&id("b"), None, |memo| memo.attempts = 3);
                journal.write();
                assert_eq!(known(&store).await, (Some(2), Some(3), None, Some(7)));
            }
        }
    }
}
