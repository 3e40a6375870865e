//! One world: its seed, its clock outside of everything, its machines, what happened.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vps_retry::{Rng, SplitMix64};

use super::host::Host;
use super::trace::Trace;
use crate::service::ServiceName;

/// A world of machines; cheap to clone.
#[derive(Clone)]
pub struct Simulation {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) seed: u64,
    began: Instant,
    pub(super) trace: Trace,
    /// Polls put off, in thousandths.
    put_off: u64,
    schedule: Mutex<SplitMix64>,
    buggified: bool,
    #[cfg(feature = "__mistakes")]
    planted: Mutex<BTreeSet<crate::env::Mistake>>,
    /// What a planted mistake lets nobody else have.
    #[cfg(feature = "__mistakes")]
    kept: Mutex<Vec<Box<dyn std::any::Any + Send>>>,
    hosts: AtomicU32,
    processes: AtomicU32,
    /// Process numbers that may still run.
    pub(super) alive: Mutex<BTreeSet<u32>>,
    services: Mutex<Vec<ServiceName>>,
    secret: Mutex<Option<String>>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("seed", &self.inner.seed).finish_non_exhaustive()
    }
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): spreads numbers that lie close together.
#[must_use]
pub fn splitmix64(number: u64) -> u64 {
    SplitMix64::new(number).next_u64()
}

impl Simulation {
    /// A world. The seed decides how often a poll is put off (never, 5 % or 25 %) and which
    /// [`buggify`](crate::env::Env::buggify) sites may fire.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::drawn(seed, true)
    }

    /// A world where no poll is put off and no site fires.
    #[must_use]
    pub fn without_chance(seed: u64) -> Self {
        Self::drawn(seed, false)
    }

    fn drawn(seed: u64, chance: bool) -> Self {
        let mut draws = SplitMix64::new(splitmix64(seed ^ 0x73_6368_6564));
        let put_off = match draws.next_u64() % 3 {
            0 => 0,
            _ if !chance => 0,
            1 => 50,
            _ => 250,
        };
        let buggified = draws.next_u64().is_multiple_of(4) && chance;
        let inner = Inner {
            seed,
            began: Instant::now(),
            trace: Trace::default(),
            put_off,
            schedule: Mutex::new(draws),
            buggified,
            #[cfg(feature = "__mistakes")]
            planted: Mutex::default(),
            #[cfg(feature = "__mistakes")]
            kept: Mutex::default(),
            hosts: AtomicU32::new(0),
            processes: AtomicU32::new(0),
            alive: Mutex::default(),
            services: Mutex::default(),
            secret: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A machine that has just booted.
    #[must_use]
    pub fn host(&self) -> Host {
        Host::boot(self, self.inner.hosts.fetch_add(1, Ordering::Relaxed))
    }

    /// What happened.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    /// Puts a mistake into the code under test, to see that a law catches it.
    #[cfg(feature = "__mistakes")]
    #[doc(hidden)]
    pub fn plant(&self, mistake: crate::env::Mistake) {
        lock(&self.inner.planted).insert(mistake);
    }

    /// Watches for a text that no event may hold; one that does becomes a line `leaked`.
    pub fn watch_for(&self, secret: &str) {
        *lock(&self.inner.secret) = Some(secret.to_owned());
    }

    /// Awake time since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.inner.began.elapsed()
    }

    /// The same in whole milliseconds.
    #[must_use]
    pub fn tick(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn next_process(&self) -> u32 {
        self.inner.processes.fetch_add(1, Ordering::Relaxed)
    }

    #[cfg(feature = "__mistakes")]
    pub(super) fn is_planted(&self, mistake: crate::env::Mistake) -> bool {
        lock(&self.inner.planted).contains(&mistake)
    }

    #[cfg(feature = "__mistakes")]
    pub(super) fn keep(&self, what: Box<dyn std::any::Any + Send>) {
        lock(&self.inner.kept).push(what);
    }

    pub(super) fn leaks(&self, text: &str) -> bool {
        lock(&self.inner.secret).as_deref().is_some_and(|secret| text.contains(secret))
    }

    /// Whether this poll is put off.
    pub(super) fn puts_off(&self) -> bool {
        self.inner.put_off > 0 && lock(&self.inner.schedule).next_u64() % 1_000 < self.inner.put_off
    }

    /// Whether a site may fire in this world: in a quarter of the worlds, half of the sites.
    pub(super) fn is_buggified(&self, site: &str) -> bool {
        let of_site = site.bytes().fold(self.inner.seed, |mixed, byte| splitmix64(mixed ^ u64::from(byte)));
        self.inner.buggified && of_site.is_multiple_of(2)
    }

    /// A service's number, in the order they were first seen.
    #[must_use]
    pub fn service_number(&self, service: &ServiceName) -> u64 {
        let mut services = lock(&self.inner.services);
        let index = services.iter().position(|known| known == service).unwrap_or_else(|| {
            services.push(service.clone());
            services.len() - 1
        });
        u64::try_from(index).unwrap_or(u64::MAX)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
