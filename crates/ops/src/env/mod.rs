//! The seam between decisions and the world: time, sleeping, randomness, tasks and files.
//!
//! Everything in this crate that would read a clock, sleep, draw a random number or start a task
//! asks an [`Env`] instead. [`Env::real`] is the machine; the `testing` feature has a virtual one,
//! which is what makes fault simulation deterministic.
//!
//! ```
//! use std::time::Duration;
//! use vps_ops::env::Env;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let env = Env::real();
//! let before = env.now();
//! env.sleep(Duration::from_millis(2)).await;
//! assert!(env.now().since(before) >= Duration::from_millis(2));
//! # });
//! ```

mod folder_real;
pub mod fs;
mod fs_folder;
mod fs_real;
mod fs_way;
mod hidden_name;
mod mistake;
mod momentary;
mod process_identity;
mod real;
mod task;
mod thread;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use vps_breaker::{Clock, Tick};
use vps_retry::{Rng, Timer};

#[doc(hidden)]
pub(crate) use hidden_name::hidden_name;
pub use mistake::Mistake;
pub(crate) use momentary::{is_left, is_momentary};
pub use process_identity::ProcessIdentity;
pub use task::Task;
pub use thread::Work;
pub(crate) use thread::{StopOnDrop, start_thread};

/// A boxed future that owns what it needs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// What an [`Env`] is made of; implemented once for the machine and once for the simulation.
pub trait World: Send + Sync + 'static {
    /// Time for decisions: CLOCK_BOOTTIME, so that suspend counts and processes of one boot agree.
    fn now(&self) -> Tick;

    /// How much of [`now`](Self::now) the machine slept through.
    fn slept(&self) -> Duration {
        Duration::ZERO
    }

    /// Time for people: since the Unix epoch. Never used for a decision within one boot.
    fn wall(&self) -> Duration;

    /// Completes at `at` or shortly after, never before.
    fn sleep_until(&self, at: Tick) -> BoxFuture<()>;

    /// The next random number.
    fn next_u64(&self) -> u64;

    /// Bytes that nobody can guess, for a key. A simulation's are as random as its other numbers.
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(self.next_u64().to_le_bytes().get(..part.len()).unwrap_or_default());
        }
        bytes
    }

    /// Starts `future` as a task named `name`; it is aborted when the [`Task`] is dropped.
    fn spawn(&self, name: &'static str, future: BoxFuture<()>) -> Task;

    /// Who we are, to other processes of this machine.
    fn identity(&self) -> &ProcessIdentity;

    /// Whether the process of `identity` may still be alive. Unknown means yes.
    fn is_alive(&self, identity: &ProcessIdentity) -> bool;

    /// Its files.
    fn fs(&self) -> &Arc<dyn fs::Fs>;

    /// Runs `work` on a thread of its own, or hands it back where there is none to spare, as in a
    /// simulation, whose order of events a thread would make unforeseeable.
    ///
    /// # Errors
    /// The work itself, for the caller to do.
    fn try_thread(&self, _name: &'static str, work: Work) -> Result<(), Work> {
        Err(work)
    }

    /// Runs `work` on a thread of its own in any case.
    ///
    /// # Errors
    /// What the system says where it has no thread left.
    fn thread(&self, name: &'static str, work: Work) -> std::io::Result<()> {
        thread::start_deep(name, work)
    }

    /// How many processors there are for work that can be shared out; one, unless a world knows of more.
    fn cores(&self) -> usize {
        1
    }

    /// Whether a simulated fault fires at the named place; never on a real machine.
    fn buggify(&self, _site: &'static str) -> bool {
        false
    }

    /// Whether a mistake was planted, to see that a law catches it.
    #[cfg(feature = "__mistakes")]
    fn planted(&self, _mistake: Mistake) -> bool {
        false
    }

    /// Takes what a planted mistake lets nobody else have, for as long as there is this world.
    #[cfg(feature = "__mistakes")]
    fn keep(&self, _what: Box<dyn std::any::Any + Send>) {}
}

/// A handle to the world; cheap to clone.
#[derive(Clone)]
pub struct Env {
    world: Arc<dyn World>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("identity", self.world.identity()).finish_non_exhaustive()
    }
}

impl Env {
    /// The machine this process runs on.
    ///
    /// Sleeping and spawning need a tokio runtime with time enabled around them; the rest does not.
    #[must_use]
    pub fn real() -> Self {
        Self::new(real::Real::new())
    }

    /// An environment over another world, such as the simulation's.
    #[must_use]
    pub fn new(world: impl World) -> Self {
        Self { world: Arc::new(world) }
    }

    /// Time for decisions; see [`World::now`].
    #[must_use]
    pub fn now(&self) -> Tick {
        self.world.now()
    }

    /// How much of the time the machine slept through; see [`World::slept`].
    #[must_use]
    pub fn slept(&self) -> Duration {
        self.world.slept()
    }

    /// Time for people, since the Unix epoch; see [`World::wall`].
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.world.wall()
    }

    /// Sleeps until `at`. Cancel safe: dropping it forgets the sleep.
    #[must_use = "futures do nothing unless awaited"]
    pub fn sleep_until(&self, at: Tick) -> BoxFuture<()> {
        self.world.sleep_until(at)
    }

    /// Sleeps for `duration` from now. Cancel safe.
    #[must_use = "futures do nothing unless awaited"]
    pub fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.world.sleep_until(self.now().after(duration))
    }

    /// Rings at `at`, for what happens beside an attempt's work: a look at its speed, a word on how far it is.
    /// Who has to wait for something says so to the pipeline instead, which alone sleeps.
    #[must_use = "futures do nothing unless awaited"]
    pub fn bell(&self, at: Tick) -> BoxFuture<()> {
        self.world.sleep_until(at)
    }

    /// The next random number.
    #[must_use]
    pub fn next_u64(&self) -> u64 {
        self.world.next_u64()
    }

    /// Bytes that nobody can guess; see [`World::secret`].
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.world.secret()
    }

    /// Starts a task that is aborted when the returned [`Task`] is dropped.
    #[must_use = "dropping the task aborts it"]
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> Task {
        self.world.spawn(name, Box::pin(future))
    }

    /// Who we are, to other processes of this machine.
    #[must_use]
    pub fn identity(&self) -> &ProcessIdentity {
        self.world.identity()
    }

    /// Whether the process of `identity` may still be alive.
    #[must_use]
    pub fn is_alive(&self, identity: &ProcessIdentity) -> bool {
        self.world.is_alive(identity)
    }

    /// Who the process of this number is, which runs now.
    #[must_use]
    pub fn identity_of(&self, pid: u32) -> ProcessIdentity {
        ProcessIdentity::of_process(pid, &self.identity().boot_id)
    }

    /// The files of this world.
    #[must_use]
    pub fn fs(&self) -> &Arc<dyn fs::Fs> {
        self.world.fs()
    }

    /// Whether a simulated fault fires at `site`: always `false` without the feature `testing`.
    #[must_use]
    pub fn buggify(&self, site: &'static str) -> bool {
        cfg!(feature = "testing") && self.world.buggify(site)
    }

    /// A place where a simulation lets others go first, or kills us; nothing without the feature
    /// `testing`.
    pub async fn crossing(&self, site: &'static str) {
        if self.buggify(site) {
            self.sleep(Duration::from_millis(1)).await;
        }
    }

    /// Whether a mistake was planted; without the feature `__mistakes`, whose lines the compiler then takes
    /// out, never.
    pub(crate) fn planted(&self, mistake: Mistake) -> bool {
        #[cfg(feature = "__mistakes")]
        return self.world.planted(mistake);
        #[cfg(not(feature = "__mistakes"))]
        {
            let _ = mistake;
            false
        }
    }

    /// Lets go of `what`, unless `mistake` was planted.
    pub(crate) fn let_go<T: Send + 'static>(&self, what: T, mistake: Mistake) {
        #[cfg(feature = "__mistakes")]
        if self.world.planted(mistake) {
            return self.world.keep(Box::new(what));
        }
        let _ = mistake;
        drop(what);
    }

    /// Runs `future` until `at`; `None` when the time was over first.
    ///
    /// The future is polled before the clock is looked at. Cancel safe if `future` is.
    pub async fn until<T>(&self, at: Tick, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            value = future => Some(value),
            () = self.sleep_until(at) => None,
        }
    }
}

impl Clock for Env {
    fn now(&self) -> Tick {
        self.world.now()
    }
}

impl Rng for Env {
    fn next_u64(&mut self) -> u64 {
        self.world.next_u64()
    }
}

impl Timer for Env {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.world.now().as_nanos())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        Env::sleep(self, duration)
    }
}
