//! The store's thread, and how others talk to it.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{MemoryStore, Store, StoreError};
use crate::env::Env;

/// How long a caller waits for the store before it goes on without.
pub const ANSWER_LIMIT: Duration = Duration::from_millis(200);

/// The same where what is asked for must not be lost.
pub const LONG_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What a store is asked to do.
pub type Job = Box<dyn FnOnce(&dyn Store) + Send>;
/// Looks after something on the store's thread: after each job, and within what it last gave. `None` is its end.
pub(crate) type Attendant = Box<dyn FnMut(&dyn Store) -> Option<Duration> + Send>;
type Opener = Box<dyn FnOnce() -> Opened + Send>;

/// What opening came to.
pub struct Opened {
    /// The store; a [`MemoryStore`] where the real one could not be had.
    pub store: Box<dyn Store>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

/// Sends jobs to a store; cheap to clone.
///
/// ```
/// use vps_ops::env::Env;
/// use vps_ops::store::StoreHandle;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let handle = StoreHandle::in_memory();
/// handle.tell(|store| drop(store.update("key", &mut |_| Some(b"value".to_vec()))));
/// let value = handle.ask(&Env::real(), |store| store.load("key")).await.unwrap();
/// assert_eq!(value.unwrap(), Some(b"value".to_vec()));
/// # });
/// ```
#[derive(Clone)]
pub struct StoreHandle {
    mode: Arc<Mode>,
}

enum Mode {
    /// Jobs run where they are given: memory, and the simulation.
    Inline(Mutex<Box<dyn Store>>),
    /// Jobs run on the store's thread, which begins with the first.
    Thread(Mutex<Worker>, Arc<Mutex<Vec<Attendant>>>),
    /// Jobs go to someone who runs them later, in order: the simulation's slow store.
    #[cfg(any(test, feature = "testing"))]
    Delivered(Box<dyn Fn(Job) + Send + Sync>),
}

enum Worker {
    Waiting(Option<Opener>),
    Running(Sender<Job>),
}

impl fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match &*self.mode {
            Mode::Inline(_) => "inline",
            Mode::Thread(..) => "thread",
            #[cfg(any(test, feature = "testing"))]
            Mode::Delivered(_) => "delivered",
        };
        f.debug_struct("StoreHandle").field("mode", &mode).finish_non_exhaustive()
    }
}

impl StoreHandle {
    /// A store that ends with this process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::inline(MemoryStore::new())
    }

    /// Runs jobs on the caller's thread.
    #[must_use]
    pub fn inline(store: impl Store + 'static) -> Self {
        Self { mode: Arc::new(Mode::Inline(Mutex::new(Box::new(store)))) }
    }

    /// Opens a store on a thread of its own, when the first job comes.
    #[must_use]
    pub fn on_thread(open: impl FnOnce() -> Opened + Send + 'static) -> Self {
        let worker = Mutex::new(Worker::Waiting(Some(Box::new(open))));
        Self { mode: Arc::new(Mode::Thread(worker, Arc::default())) }
    }

    /// Gives jobs to `deliver`, which has each run some time, in order.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn delivered_by(deliver: impl Fn(Job) + Send + Sync + 'static) -> Self {
        Self { mode: Arc::new(Mode::Delivered(Box::new(deliver))) }
    }

    /// Runs `job` on the store and waits for its answer, at most [`ANSWER_LIMIT`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it took longer; the job may still run to its end.
    pub async fn ask<R: Send + 'static>(
        &self,
        env: &Env,
        job: impl FnOnce(&dyn Store) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        self.ask_within(env, ANSWER_LIMIT, job).await
    }

    /// The same for who must know, and waits for so long: a disk may take its time to sync.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it took longer; the job may still run to its end.
    pub async fn ask_within<R: Send + 'static>(
        &self,
        env: &Env,
        limit: Duration,
        job: impl FnOnce(&dyn Store) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        if let Mode::Inline(store) = &*self.mode {
            return Ok(job(&**store.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        let (answer, answered) = oneshot::channel();
        // A receiver that is gone has gone on without the answer.
        self.tell(move |store| drop(answer.send(job(store))));
        match env.until(env.now().after(limit), answered).await {
            Some(Ok(result)) => Ok(result),
            Some(Err(_)) | None => Err(StoreError::Unavailable),
        }
    }

    /// Has `attendant` called on the store's thread from now on; where there is none, nobody calls it. It must hold
    /// nothing that holds this handle, or the thread never ends.
    pub(crate) fn attend(&self, attendant: Attendant) {
        if let Mode::Thread(worker, attendants) = &*self.mode {
            attendants.lock().unwrap_or_else(PoisonError::into_inner).push(attendant);
            // So that it is called at all.
            send(worker, attendants, Box::new(|_| ()));
        }
    }

    /// Runs `job` on the store some time, in order, without waiting.
    pub fn tell(&self, job: impl FnOnce(&dyn Store) + Send + 'static) {
        match &*self.mode {
            Mode::Inline(store) => job(&**store.lock().unwrap_or_else(PoisonError::into_inner)),
            Mode::Thread(worker, attendants) => send(worker, attendants, Box::new(job)),
            #[cfg(any(test, feature = "testing"))]
            Mode::Delivered(deliver) => deliver(Box::new(job)),
        }
    }
}

fn send(worker: &Mutex<Worker>, attendants: &Arc<Mutex<Vec<Attendant>>>, job: Job) {
    let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
    if let Worker::Waiting(open) = &mut *worker {
        let Some(sender) = open.take().and_then(|open| start(open, Arc::clone(attendants))) else { return };
        *worker = Worker::Running(sender);
    }
    if let Worker::Running(sender) = &*worker {
        // A thread that is gone leaves the caller to its limit, and then to memory.
        let _ = sender.send(job);
    }
}

/// A process that cannot start a thread has no store: callers go on in memory.
fn start(open: Opener, attendants: Arc<Mutex<Vec<Attendant>>>) -> Option<Sender<Job>> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let run = move || {
        let opened = open();
        let mut within = attend(&attendants, &*opened.store);
        loop {
            let job = match within {
                Some(within) => jobs.recv_timeout(within),
                None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match job {
                Ok(job) => job(&*opened.store),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            within = attend(&attendants, &*opened.store);
        }
    };
    crate::env::start_thread("state-store", run).ok().map(|()| sender)
}

/// Calls each attendant once, and says within what time they must be called again.
fn attend(attendants: &Mutex<Vec<Attendant>>, store: &dyn Store) -> Option<Duration> {
    let mut soonest: Option<Duration> = None;
    attendants.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|attendant| {
        let within = attendant(store);
        soonest = soonest.into_iter().chain(within).min();
        within.is_some()
    });
    soonest
}
