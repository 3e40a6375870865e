//! The two words that answer the common cases without the lock. They are written under it.

use crate::machine::Machine;
use crate::policy::Policy;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Tick;

/// Ask the machine.
const ASK: u64 = 0;
/// Of `closed`: closed, and admission has nothing to look up.
const PASSES: u64 = 1;
/// Of `closed`: one more success would change nothing.
const CLEAN: u64 = 2;
/// Bits below the generation.
const FLAGS: u32 = 2;

#[derive(Debug)]
pub(crate) struct Words {
    /// The generation and its flags while the circuit is closed, else [`ASK`].
    pub(crate) closed: AtomicU64,
    /// The end of the open time while that alone decides, else [`ASK`].
    pub(crate) open_until: AtomicU64,
}

impl Words {
    pub(super) fn of(machine: &Machine, policy: &Policy) -> Self {
        Self {
            closed: AtomicU64::new(closed_word(machine, policy)),
            open_until: AtomicU64::new(open_word(machine, policy)),
        }
    }

    /// The generation a call may be made in without asking the machine.
    #[inline]
    pub(super) fn passes(&self) -> Option<u64> {
        let closed = self.closed.load(Ordering::Acquire);
        if closed & PASSES == 0 { None } else { Some(closed >> FLAGS) }
    }

    /// Whether a success of that generation changes nothing.
    #[inline]
    pub(super) fn is_clean_in(&self, generation: u64) -> bool {
        self.closed.load(Ordering::Acquire) == generation << FLAGS | CLEAN | PASSES
    }

    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        self.closed.load(Ordering::Acquire) & CLEAN != 0
    }

    #[inline]
    pub(super) fn open_until(&self) -> Option<Tick> {
        let until = self.open_until.load(Ordering::Acquire);
        if until == ASK { None } else { Some(Tick::from_nanos(until)) }
    }

    pub(super) fn publish(&self, machine: &Machine, policy: &Policy) {
        self.closed.store(closed_word(machine, policy), Ordering::Release);
        self.open_until.store(open_word(machine, policy), Ordering::Release);
    }
}

/// What `closed` is for a new machine, where it has to be known at compile time.
pub(crate) const fn first_closed_word(policy: &Policy) -> u64 {
    if policy.window.is_none() && policy.slow_calls.is_none() { CLEAN | PASSES } else { PASSES }
}

fn closed_word(machine: &Machine, policy: &Policy) -> u64 {
    // A generation that does not fit beside the flags can only have been read from a damaged record.
    if !machine.passes(policy) || machine.generation() > u64::MAX >> FLAGS {
        return ASK;
    }
    let clean = if machine.is_clean(policy) { CLEAN } else { 0 };
    machine.generation() << FLAGS | PASSES | clean
}

fn open_word(machine: &Machine, policy: &Policy) -> u64 {
    machine.plainly_open_until(policy).map_or(ASK, Tick::as_nanos)
}
