//! The word that answers the common cases without the lock. It is written under it.

use crate::machine::{Machine, Outlook};
use crate::policy::Policy;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Tick;

/// Ask the machine.
const ASK: u64 = 0;
/// Closed, and admission has nothing to look up; the generation stands above the flags. Without it, what
/// stands there is the end of the open time, while that alone decides.
const PASSES: u64 = 1;
/// One more success would change nothing.
const CLEAN: u64 = 2;
/// A rule looks at the time of admission.
const TIMED: u64 = 4;
/// Bits of the flags.
const FLAGS: u32 = 3;
/// The highest number that fits above the flags.
const HIGHEST: u64 = u64::MAX >> FLAGS;

#[derive(Debug)]
pub(crate) struct Word(pub(crate) AtomicU64);

/// The word as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Word {
    pub(super) fn of(machine: &Machine, policy: &Policy) -> Self {
        Self(AtomicU64::new(word(machine, policy)))
    }

    #[inline]
    pub(super) fn see(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn publish(&self, machine: &Machine, policy: &Policy) {
        self.0.store(word(machine, policy), Ordering::Release);
    }
}

impl Seen {
    /// The generation a call may be made in without asking the machine or the clock.
    #[inline]
    pub(super) const fn passes(self) -> Option<u64> {
        if self.0 & (PASSES | TIMED) == PASSES { Some(self.0 >> FLAGS) } else { None }
    }

    /// The generation a call may be made in that needs the time, but not the machine.
    #[inline]
    pub(super) const fn passes_timed(self) -> Option<u64> {
        if self.0 & PASSES == 0 { None } else { Some(self.0 >> FLAGS) }
    }

    #[inline]
    pub(super) const fn is_clean(self) -> bool {
        self.0 & CLEAN != 0
    }

    /// Whether a success of that generation changes nothing.
    #[inline]
    pub(super) const fn is_clean_in(self, generation: u64) -> bool {
        self.0 & !TIMED == generation << FLAGS | CLEAN | PASSES
    }

    #[inline]
    pub(super) const fn open_until(self) -> Option<Tick> {
        if self.0 == ASK || self.0 & PASSES != 0 { None } else { Some(Tick::from_nanos(self.0 >> FLAGS)) }
    }
}

/// What the word is for a new machine, where it has to be known at compile time.
pub(crate) const fn first_word(policy: &Policy) -> u64 {
    let clean = policy.window.is_none() && policy.slow_calls.is_none();
    closed_word(0, clean, policy)
}

const fn closed_word(generation: u64, clean: bool, policy: &Policy) -> u64 {
    let timed = if policy.times_calls() { TIMED } else { 0 };
    generation << FLAGS | PASSES | timed | if clean { CLEAN } else { 0 }
}

#[inline]
fn word(machine: &Machine, policy: &Policy) -> u64 {
    match machine.outlook(policy) {
        // What does not fit above the flags is a generation of a damaged record, or 73 years on.
        Outlook::Passes { clean } if machine.generation() <= HIGHEST => {
            closed_word(machine.generation(), clean, policy)
        }
        Outlook::RefusedUntil(until) if until.as_nanos() <= HIGHEST => until.as_nanos() << FLAGS,
        Outlook::Passes { .. } | Outlook::RefusedUntil(_) | Outlook::Unknown => ASK,
    }
}
