//! The decision: another attempt, a wait, or an end.

use core::fmt;
use core::time::Duration;

use crate::class::Class;
use crate::judgement::Judgement;
use crate::rng::Rng;
use crate::strategy::RetryStrategy;

const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Pause, then make another attempt.
    Retry {
        /// The pause.
        after: Duration,
        /// Attempts left, the coming one included.
        left: u32,
    },
    /// Pause, then look again; no attempt was spent.
    Wait {
        /// The pause.
        after: Duration,
    },
    /// No further attempt.
    Stop(Stop),
}

/// Why a schedule has no further attempt. Where several reasons hold, the first of these in the order
/// cancelled, permanent, attempts used up, deadline. What else may end an operation (a circuit, a budget, a
/// queue) is not a schedule's to decide, and whoever decides it has a word of their own for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// The caller stopped it.
    Cancelled,
    /// It would fail again.
    Permanent,
    /// This machine is at fault.
    Local,
    /// It may have happened already, and must not happen twice.
    NotIdempotent,
    /// All attempts were made.
    AttemptsUsedUp {
        /// How many.
        attempts: u32,
    },
    /// The pause would not end before the deadline.
    Deadline {
        /// The pause there would have been.
        pause: Duration,
    },
    /// The server asked for a longer wait than is allowed, or than is left before the deadline.
    RetryAfterTooLong {
        /// How long.
        at_least: Duration,
    },
    /// A limit of the caller's own refused it, and the caller did not say that it waits.
    Rejected {
        /// When it is worth another try.
        retry_after: Duration,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("it was stopped"),
            Self::Permanent => f.write_str("trying again would not help"),
            Self::Local => f.write_str("this machine has to be put right first"),
            Self::NotIdempotent => f.write_str("it may have happened already and must not happen twice"),
            Self::AttemptsUsedUp { attempts: 1 } => f.write_str("its one attempt was made"),
            Self::AttemptsUsedUp { attempts } => write!(f, "all {attempts} attempts were made"),
            Self::Deadline { .. } => f.write_str("no time is left for another attempt"),
            Self::RetryAfterTooLong { at_least } => {
                let seconds = at_least.as_secs().saturating_add(u64::from(at_least.subsec_nanos() > 0));
                write!(f, "the server asked to wait {seconds}s")
            }
            Self::Rejected { retry_after } => {
                write!(f, "it was refused, and may be let in after {:.1}s", retry_after.as_secs_f64())
            }
        }
    }
}

/// One operation's way through its attempts. Sans-IO: the caller runs, measures and sleeps.
///
/// ```
/// use std::time::Duration;
/// use vps_retry::{Class, Decision, RetryStrategy, Schedule, SplitMix64, Stop};
///
/// let mut rng = SplitMix64::new(7);
/// let mut schedule = Schedule::start(&RetryStrategy::new(), Some(Duration::from_secs(60)));
/// // Somebody holds a lock: look again, no attempt is spent.
/// let busy = Class::Busy { poll: Duration::from_secs(1) };
/// let decision = schedule.failed(busy, Duration::ZERO, &mut rng);
/// assert_eq!(decision, Decision::Wait { after: Duration::from_secs(1) });
/// assert_eq!(schedule.attempt(), 1);
/// // The server wants two minutes, but there is one.
/// let at_least = Duration::from_secs(120);
/// let throttled = Class::Throttled { at_least: Some(at_least) };
/// let decision = schedule.failed(throttled, Duration::from_secs(2), &mut rng);
/// assert_eq!(decision, Decision::Stop(Stop::RetryAfterTooLong { at_least }));
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    strategy: RetryStrategy,
    total: Option<Duration>,
    /// Attempts that failed, those that gained something included.
    made: u32,
    /// Attempts that count.
    counted: u32,
    /// Failures in a row that gained nothing: what the backoff grows with.
    barren: u32,
    last: Duration,
    progressed: bool,
}

impl Schedule {
    /// Before the first attempt; `total` is the limit of the whole operation.
    #[must_use]
    pub fn start(strategy: &RetryStrategy, total: Option<Duration>) -> Self {
        Self {
            strategy: *strategy,
            total,
            made: 0,
            counted: 0,
            barren: 0,
            last: Duration::ZERO,
            progressed: false,
        }
    }

    /// Number of the current attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.made.saturating_add(1)
    }

    /// Whether there is none after the current attempt, unless it gains something.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.counted.saturating_add(1) >= self.strategy.max_attempts.get()
            || self.made.saturating_add(1) >= self.strategy.hard_limit()
    }

    /// The pause that the backoff would make if the current attempt failed, before jitter.
    #[must_use]
    pub fn next_pause(&self) -> Duration {
        self.strategy.backoff.delay(self.barren.saturating_add(1))
    }

    /// The current attempt gained much of something resumable: its failure will not count against the
    /// attempts, and the backoff starts anew. The deadline, and 20 attempts in all, still hold.
    pub fn progressed(&mut self) {
        self.progressed = true;
    }

    /// What comes after the current attempt failed, `elapsed` after the start of it all. Of a failure of which no
    /// more is known its class will do. Draws one random number for each delay.
    pub fn failed(
        &mut self,
        failure: impl Into<Judgement>,
        elapsed: Duration,
        rng: &mut impl Rng,
    ) -> Decision {
        let Judgement { class, not_done, .. } = failure.into();
        match class {
            Class::Cancelled => return Decision::Stop(Stop::Cancelled),
            Class::Permanent => return Decision::Stop(Stop::Permanent),
            Class::Local => return Decision::Stop(Stop::Local),
            Class::Busy { poll } => return self.wait(poll, elapsed),
            Class::Rejected { retry_after } => return Decision::Stop(Stop::Rejected { retry_after }),
            Class::Transient | Class::NotSent | Class::Throttled { .. } => {}
        }
        if !self.strategy.idempotent && !not_done {
            return Decision::Stop(Stop::NotIdempotent);
        }
        self.count();
        let (most, limit) = (self.strategy.max_attempts.get(), self.strategy.hard_limit());
        if self.counted >= most || self.made >= limit {
            return Decision::Stop(Stop::AttemptsUsedUp { attempts: self.made });
        }
        let draw = rng.next_u64();
        let jitter = self.strategy.jitter;
        let mut after = jitter.spread(&self.strategy.backoff, self.barren, self.last, draw);
        self.last = after;
        if let Class::Throttled { at_least: Some(at_least) } = class {
            if at_least > self.strategy.max_retry_after || self.is_too_late(elapsed, at_least) {
                return Decision::Stop(Stop::RetryAfterTooLong { at_least });
            }
            after = after.max(jitter.above(at_least, draw));
        }
        if self.is_too_late(elapsed, after) {
            return Decision::Stop(Stop::Deadline { pause: after });
        }
        Decision::Retry { after, left: (most - self.counted).min(limit - self.made) }
    }

    fn count(&mut self) {
        self.made = self.made.saturating_add(1);
        if core::mem::take(&mut self.progressed) {
            self.barren = 1;
        } else {
            self.counted = self.counted.saturating_add(1);
            self.barren = self.barren.saturating_add(1);
        }
    }

    /// A wait for something that costs no attempt, and what comes after it: another look, or
    /// [`Stop::Deadline`] where it would not end in time. At least a millisecond, so that no loop spins.
    #[must_use]
    pub fn wait(&self, after: Duration, elapsed: Duration) -> Decision {
        // Waits cost no attempt, so one of nothing would spin for ever.
        let after = after.max(SHORTEST_WAIT);
        if self.is_too_late(elapsed, after) {
            Decision::Stop(Stop::Deadline { pause: after })
        } else {
            Decision::Wait { after }
        }
    }

    /// A pause is never shortened to squeeze an attempt in.
    fn is_too_late(&self, elapsed: Duration, after: Duration) -> bool {
        self.total.is_some_and(|total| elapsed.saturating_add(after) >= total)
    }
}
