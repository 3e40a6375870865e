//! The letters of a store, and what this process does with them.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::Notify;

use super::convert::Surroundings;
use super::id::LetterId;
use super::letter::{Letter, PARKED_AFTER};
use super::news::{News, NotKept};
use super::observer::Keeper;
use super::stored::{self, Kept, Lent};
use crate::env::Env;
use crate::event::Observer;
use crate::settings::DeadLetterSettings;
use crate::store::{LONG_ANSWER_LIMIT, Store, StoreError, StoreHandle};

/// News that nobody took are remembered up to so many.
const MOST_NEWS: usize = 1000;

/// The letters of all processes that share a store; cheap to clone.
#[derive(Clone)]
pub struct Letters {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    store: StoreHandle,
    settings: DeadLetterSettings,
    desk: Mutex<Desk>,
    /// Rung when something that was pending is done.
    done: Notify,
    /// Whether this process keeps letters of what fails.
    is_kept: AtomicBool,
}

/// What is under way and what came of it.
#[derive(Default)]
struct Desk {
    pending: usize,
    /// Those of them that keep a letter.
    keeping: usize,
    news: VecDeque<News>,
}

/// A letter that is this caller's to do again.
///
/// Whoever drops it without [`Letters::done`] or [`Letters::release`] has it until the process ends.
#[derive(Debug)]
#[must_use = "somebody has to give it back"]
pub struct Leased {
    letter: Box<Letter>,
    number: u64,
}

impl Leased {
    /// The letter.
    #[must_use]
    pub fn letter(&self) -> &Letter {
        &self.letter
    }
}

/// A letter that is not to be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// There is none of that name.
    #[error("there is no dead letter {id}")]
    NotThere {
        /// What was asked for.
        id: LetterId,
    },
    /// A newer version wrote it.
    #[error("the dead letter {id} was written by a newer version")]
    Unreadable {
        /// Which.
        id: LetterId,
    },
    /// A process is doing it again.
    #[error("process {pid} is doing the dead letter {id} again")]
    Held {
        /// Which.
        id: LetterId,
        /// Who.
        pid: u32,
    },
    /// It failed for good too often.
    #[error("the dead letter {} is parked: {}", .letter.id, why_parked(.letter))]
    Parked {
        /// The letter.
        letter: Box<Letter>,
    },
    /// The store did not answer or take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn why_parked(letter: &Letter) -> String {
    if letter.equal_failures >= PARKED_AFTER {
        format!("it failed for good {} times alike", letter.equal_failures)
    } else {
        format!("whoever did it again died of something {} times in a row", letter.interrupted)
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl Letters {
    /// The letters in `store`, bounded as `settings` say.
    #[must_use]
    pub fn new(env: Env, store: StoreHandle, settings: DeadLetterSettings) -> Self {
        let (desk, done, is_kept) = (Mutex::default(), Notify::new(), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { env, store, settings, desk, done, is_kept }) }
    }

    /// Keeps a letter of each operation that fails from now on, and takes it out when that is done: an observer of
    /// all events. Nobody does where the settings say that there are none.
    #[must_use]
    pub fn keeper(&self, surroundings: Surroundings) -> Arc<dyn Observer> {
        if self.inner.settings.enabled {
            self.inner.is_kept.store(true, Ordering::Relaxed);
            Arc::new(Keeper::new(self.clone(), surroundings))
        } else {
            Arc::new(())
        }
    }

    /// All letters, the one that failed last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let mut all = self.ask(stored::list).await?;
        let last = |kept: &Kept| kept.letter().map_or(0.0, |letter| letter.last_at);
        all.sort_by(|a, b| last(b).total_cmp(&last(a)).then_with(|| a.id().cmp(b.id())));
        Ok(all)
    }

    /// One letter.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(&self, id: &LetterId) -> Result<Option<Kept>, StoreError> {
        let id = id.clone();
        self.ask(move |store| stored::load(store, &id)).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.ask(stored::count).await
    }

    /// Takes a letter out for good; whether there was one.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove(&self, id: &LetterId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.ask(move |store| stored::remove(store, &id)).await
    }

    /// Takes a letter to do it again: nobody else does until it is given back, or this process is dead. A parked one is
    /// given only by `force`.
    ///
    /// # Errors
    /// [`LeaseError`] says why it is not to be had.
    ///
    /// # Cancel safety
    /// Dropped, it may be taken all the same, until this process ends.
    pub async fn lease(&self, id: &LetterId, force: bool) -> Result<Leased, LeaseError> {
        let (asker, wanted, number) = (self.inner.env.clone(), id.clone(), self.inner.env.next_u64());
        let lent = self.ask(move |store| stored::lease(store, &asker, &wanted, force, number)).await?;
        let id = id.clone();
        match lent {
            Lent::Yes(letter) => Ok(Leased { letter, number }),
            Lent::NotThere => Err(LeaseError::NotThere { id }),
            Lent::Unreadable => Err(LeaseError::Unreadable { id }),
            Lent::Held { pid } => Err(LeaseError::Held { id, pid }),
            Lent::Parked(letter) => Err(LeaseError::Parked { letter }),
        }
    }

    /// Its operation was done: the letter goes.
    ///
    /// # Errors
    /// When the store cannot be written: then it is done once more by whoever takes it next.
    pub async fn done(&self, leased: Leased) -> Result<(), StoreError> {
        self.remove(&leased.letter.id).await.map(drop)
    }

    /// Its operation was not done: it is anybody's again.
    ///
    /// # Errors
    /// When the store cannot be written: then it is anybody's once this process is dead.
    pub async fn release(&self, leased: Leased) -> Result<(), StoreError> {
        self.ask(move |store| stored::release(store, &leased.letter.id, leased.number)).await
    }

    /// Keeps a letter of what no operation is, where this process keeps letters.
    pub(crate) fn keep(&self, letter: Letter) {
        if !self.are_kept() {
            return;
        }
        let env = self.inner.env.clone();
        self.tell(Task::Keep, move |store, settings| stored::put(store, &env, settings, &letter));
    }

    /// Takes out those letters that `due` names of the ones there are, on the store's thread: behind all that the store
    /// was told before. What cannot be taken out is news where nobody tries it again (`is_last`).
    pub(crate) fn clear(
        &self,
        is_last: bool,
        due: impl FnOnce(&dyn Store) -> BTreeSet<LetterId> + Send + 'static,
    ) {
        self.tell(Task::Remove, move |store, _| {
            let due = due(store).into_iter();
            let stay: Vec<News> = due.filter_map(|id| stored::take_out(store, id)).collect();
            Ok(if is_last { stay } else { Vec::new() })
        });
    }

    /// Whether this process keeps letters.
    pub(crate) fn are_kept(&self) -> bool {
        self.inner.is_kept.load(Ordering::Relaxed)
    }

    /// Waits until all that failed so far is on the disk, at most 5 s. Call it before the process ends.
    pub async fn settled(&self) {
        let inner = &self.inner;
        let all_done = async {
            loop {
                let done = inner.done.notified();
                if inner.desk().pending == 0 {
                    return;
                }
                done.await;
            }
        };
        let limit = inner.env.now().after(LONG_ANSWER_LIMIT);
        if inner.env.until(limit, all_done).await.is_none() {
            let mut desk = inner.desk();
            desk.pending = 0;
            // What was to be taken out is done once more, and nothing is lost.
            if std::mem::take(&mut desk.keeping) > 0 {
                desk.tell(no_store(&StoreError::Unavailable));
            }
        }
    }

    /// What became of letters since this was asked last.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        self.inner.desk().news.drain(..).collect()
    }

    pub(super) fn env(&self) -> &Env {
        &self.inner.env
    }

    /// Has `job` run where the store is, some time; what it says is news.
    pub(super) fn tell(
        &self,
        task: Task,
        job: impl FnOnce(&dyn Store, &DeadLetterSettings) -> Result<Vec<News>, StoreError> + Send + 'static,
    ) {
        {
            let mut desk = self.inner.desk();
            desk.pending += 1;
            desk.keeping += usize::from(task == Task::Keep);
        }
        let pending = Pending { letters: self.clone(), task, news: None };
        self.inner.store.tell(move |store| pending.run(store, job));
    }

    async fn ask<R: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        self.inner.store.ask_within(&self.inner.env, LONG_ANSWER_LIMIT, job).await?
    }
}

/// What the store is to do with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Keep it: where that cannot be, it has to be said.
    Keep,
    /// Take it out.
    Remove,
}

/// Something that the store was given to do. One that is dropped undone was not done.
struct Pending {
    letters: Letters,
    task: Task,
    news: Option<Vec<News>>,
}

impl Pending {
    fn run(
        mut self,
        store: &dyn Store,
        job: impl FnOnce(&dyn Store, &DeadLetterSettings) -> Result<Vec<News>, StoreError>,
    ) {
        let news = job(store, &self.letters.inner.settings);
        self.news = Some(news.unwrap_or_else(|error| vec![no_store(&error)]));
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let inner = &self.letters.inner;
        let mut desk = inner.desk();
        desk.pending = desk.pending.saturating_sub(1);
        let is_keeping = self.task == Task::Keep;
        desk.keeping = desk.keeping.saturating_sub(usize::from(is_keeping));
        let undone = || match is_keeping {
            true => vec![no_store(&StoreError::Unavailable)],
            false => Vec::new(),
        };
        self.news.take().unwrap_or_else(undone).into_iter().for_each(|news| desk.tell(news));
        drop(desk);
        inner.done.notify_waiters();
    }
}

fn no_store(error: &StoreError) -> News {
    News::NotKept(NotKept::NoStore { reason: error.to_string().into() })
}

impl Inner {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn tell(&mut self, news: News) {
        if self.news.len() >= MOST_NEWS {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }
}
