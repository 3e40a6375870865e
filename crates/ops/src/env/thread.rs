//! Work that would hold up everything else, on a thread of its own where the world has one to spare.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

use super::Env;

/// What a thread runs.
pub type Work = Box<dyn FnOnce() + Send + 'static>;

impl Env {
    /// Runs `work` on a thread, or hands it back where the world has none to spare: a machine with
    /// one core, a simulation.
    ///
    /// # Errors
    /// The work itself, for the caller to do.
    pub fn try_thread(&self, name: &'static str, work: Work) -> Result<(), Work> {
        self.world.try_thread(name, work)
    }

    /// Begins `work`, which may take long, without holding up the runtime where that can be had.
    /// What has begun goes on to its end, also when nobody waits for it any more.
    pub fn begin<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        let work: Work = Box::new(move || drop(done.send(work())));
        if let Err(work) = self.try_thread(name, work) {
            work();
        }
        result
    }
}

impl Env {
    /// Runs `work` on a thread of its own in any case: for what waits for answers that the runtime brings,
    /// and would wait for ever on the runtime's own thread. Gone with a panic, it never answers.
    ///
    /// # Errors
    /// What the system says where it has no thread left.
    pub fn thread<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<oneshot::Receiver<T>> {
        let (done, result) = oneshot::channel();
        self.world.thread(name, Box::new(move || drop(done.send(work()))))?;
        Ok(result)
    }
}

/// Starts a thread with room for gix's work.
pub(super) fn start_deep(name: &str, work: Work) -> std::io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(DEEP);
    builder.spawn(work).map(drop)
}

/// Starts a thread that nobody waits for, outside of any world: for what must live on one, as the store's
/// connections do.
///
/// # Errors
/// What the system says where it has no thread left.
pub(crate) fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

impl Env {
    /// How many processors there are for us.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.world.cores()
    }

    /// Does `work` with each of `hands` at the same time: with the first on this thread, with each other one on
    /// a thread of its own, and waits for all. What each came to; an error of one that panicked, and nothing
    /// of those that the system had no thread for.
    pub fn by_all_hands<H: Send, T: Send>(
        &self,
        name: &'static str,
        hands: impl IntoIterator<Item = H>,
        work: impl Fn(H) -> T + Sync,
    ) -> Vec<std::thread::Result<T>> {
        let mut hands = hands.into_iter();
        let Some(own) = hands.next() else { return Vec::new() };
        let work = &work;
        std::thread::scope(|scope| {
            let start = |hand| {
                let named = std::thread::Builder::new().name(name.to_owned());
                named.spawn_scoped(scope, move || work(hand)).ok()
            };
            let others: Vec<_> = hands.filter_map(start).collect();
            let mut done = vec![Ok(work(own))];
            done.extend(others.into_iter().map(std::thread::ScopedJoinHandle::join));
            done
        })
    }
}

/// Stack for work that we did not write.
const DEEP: usize = 8 << 20;

/// How many cores this machine has for us.
pub(super) fn cores() -> usize {
    // Asking the system reads several files.
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Starts a thread, unless there is only one core for all of us.
pub(super) fn start(name: &str, work: Work) -> Result<(), Work> {
    use std::sync::{Arc, Mutex, PoisonError};

    if cores() < 2 {
        return Err(work);
    }
    let slot = Arc::new(Mutex::new(Some(work)));
    let taken = Arc::clone(&slot);
    let run = move || {
        let work = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work();
        }
    };
    let started = std::thread::Builder::new().name(name.to_owned()).stack_size(256 * 1024).spawn(run);
    match started {
        Ok(_detached) => Ok(()),
        Err(_) => match slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(work) => Err(work),
            None => Ok(()),
        },
    }
}
/// Tells a thread to stop when whoever waits for it does not any more.
pub(crate) struct StopOnDrop(pub(crate) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
