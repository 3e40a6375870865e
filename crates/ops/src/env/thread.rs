//! Work that would hold up everything else, on a thread of its own where the world has one to spare.

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
        let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(DEEP);
        builder.spawn(move || drop(done.send(work())))?;
        Ok(result)
    }
}

/// Starts a thread that nobody waits for, outside of any world: for what must live on one, as the store's
/// connections do.
///
/// # Errors
/// What the system says where it has no thread left.
pub(crate) fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Stack for work that we did not write.
const DEEP: usize = 8 << 20;

/// Starts a thread, unless there is only one core for all of us.
pub(super) fn start(name: &str, work: Work) -> Result<(), Work> {
    use std::sync::{Arc, Mutex, OnceLock, PoisonError};

    // Asking the system reads several files.
    static CORES: OnceLock<usize> = OnceLock::new();
    if *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) < 2 {
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
