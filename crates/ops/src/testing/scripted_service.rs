//! A service in virtual time that is well until a fault of its plan holds: it refuses, resets, throttles,
//! stalls, answers slowly, and recovers when the fault ends.
//!
//! ```
//! use std::time::Duration;
//! use vps_ops::Class;
//! use vps_ops::testing::scripted_service::{Fault, FaultKind};
//!
//! let fault: Fault = "0ms-3500ms:refuse100%".parse().unwrap();
//! assert_eq!(fault.kind, FaultKind::Refuse);
//! assert!(fault.holds_at(3_499) && !fault.holds_at(3_500));
//! assert_eq!(fault.to_string(), "0ms-3500ms:refuse100%");
//! ```

mod fault;
mod work;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use vps_retry::{Blame, Class, Classify, Judgement, Rng, SplitMix64};

use super::sim::{Process, Simulation};
use crate::attempt::Attempt;
use crate::http::SafeUrl;
pub use fault::{Fault, FaultKind, InvalidFault};

/// An answer that is none. Its `Display` shows the URL as people may see it.
#[derive(Debug, Error)]
#[error("{url}: {word}")]
pub struct ServiceFault {
    url: SafeUrl,
    /// Whole, with its password: what must never reach an event.
    address: String,
    word: &'static str,
    judgement: Judgement,
}

impl Classify for ServiceFault {
    fn judge(&self) -> Judgement {
        self.judgement
    }
}

/// A service; clones are the same.
#[derive(Clone)]
pub struct ScriptedService {
    inner: Arc<Inner>,
}

struct Inner {
    simulation: Simulation,
    number: u64,
    url: url::Url,
    quick: Duration,
    slow: Duration,
    faults: Mutex<Vec<Fault>>,
    random: Mutex<SplitMix64>,
}

impl fmt::Debug for ScriptedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedService").field("number", &self.inner.number).finish_non_exhaustive()
    }
}

/// A request on its way; says `cut` when it is dropped before its answer.
struct Call<'c> {
    process: &'c Process,
    operation: u64,
    number: u64,
    answered: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.process.note(self.operation, "cut", [("service", self.number.into())]);
        }
    }
}

impl ScriptedService {
    /// A service that answers within `quick` to `slow` while it is well. `seed` decides about chances.
    #[must_use]
    pub fn new(
        simulation: &Simulation,
        number: u64,
        url: url::Url,
        seed: u64,
        quick: Duration,
        slow: Duration,
    ) -> Self {
        let inner = Inner {
            simulation: simulation.clone(),
            number,
            url,
            quick,
            slow,
            faults: Mutex::default(),
            random: Mutex::new(SplitMix64::new(seed)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Adds a fault to its plan.
    pub fn plan(&self, fault: Fault) {
        self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    fn draw(&self) -> u64 {
        self.inner.random.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// The first fault that holds now and strikes.
    fn strikes(&self) -> Option<FaultKind> {
        let now = self.inner.simulation.tick();
        let faults = self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut holding = faults.iter().filter(|fault| fault.holds_at(now));
        holding
            .find(|fault| fault.percent >= 100 || self.draw() % 100 < fault.percent)
            .map(|fault| fault.kind)
    }

    fn latency(&self) -> Duration {
        let Inner { quick, slow, .. } = &*self.inner;
        let spread = u64::try_from(slow.saturating_sub(*quick).as_millis()).unwrap_or(u64::MAX);
        *quick + Duration::from_millis(self.draw() % spread.saturating_add(1))
    }

    /// One request.
    ///
    /// # Errors
    /// As planned.
    ///
    /// # Cancel safety
    /// Dropping it is a request that was cut; the trace says so.
    pub async fn call(&self, process: &Process, attempt: &Attempt) -> Result<(), ServiceFault> {
        let (env, operation) = (process.env(), attempt.operation_id().0);
        let number = self.inner.number;
        process.note(operation, "call", [("service", number.into()), ("number", attempt.number.into())]);
        let mut call = Call { process, operation, number, answered: false };
        let strike = self.strikes();
        let wait = match strike {
            Some(FaultKind::Stall) => std::future::pending().await,
            Some(FaultKind::Slow(latency)) => latency,
            Some(FaultKind::Refuse) => Duration::from_millis(1),
            _ => self.latency(),
        };
        env.sleep(wait).await;
        call.answered = true;
        let (word, outcome) = match strike {
            None | Some(FaultKind::Slow(_)) => ("well", Ok(())),
            Some(kind) => (kind.word(), Err(self.fault(kind))),
        };
        process.note(operation, "answered", [("service", number.into()), ("with", word.into())]);
        outcome
    }

    fn fault(&self, kind: FaultKind) -> ServiceFault {
        let class = match kind {
            FaultKind::Refuse => Class::NotSent,
            FaultKind::Throttle(at_least) => Class::Throttled { at_least: Some(at_least) },
            FaultKind::Unavailable => Class::Throttled { at_least: None },
            FaultKind::Missing => Class::Permanent,
            FaultKind::Local => Class::Local,
            _ => Class::Transient,
        };
        let mut judgement = Judgement::of(class);
        if kind == FaultKind::Missing {
            judgement.blame = Blame::Request;
        }
        let (url, address) = (SafeUrl::from(&self.inner.url), self.inner.url.to_string());
        ServiceFault { url, address, word: kind.word(), judgement }
    }
}
