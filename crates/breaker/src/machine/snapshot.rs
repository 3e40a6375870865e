//! What survives a process: the state with what is left of every wait, because ticks of another
//! process mean nothing. Windows stay behind.

use alloc::vec::Vec;
use core::time::Duration;

use super::control::Held;
use super::{Hold, Machine, Rule, Slot, State, Token};
use crate::policy::Policy;
use crate::time::{Tick, nanos};

/// A machine at one moment; durations in nanoseconds from that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Snapshot {
    generation: u64,
    state: State,
    rule: Rule,
    failures: u32,
    run: u32,
    level: u8,
    /// Since it opened, or since the last failure of the run.
    since: u64,
    /// Until it is due for a probe.
    left: u64,
    last_token: u32,
    successes: u32,
    probe_failures: u32,
    slots: Vec<(Token, u64)>,
    /// How it is forced, and for how long.
    held: Option<(Hold, Option<u64>)>,
}

impl Snapshot {
    /// Number of the state.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the circuit is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The same after `elapsed` went by elsewhere: every wait is shorter, none longer.
    #[must_use]
    pub fn aged(mut self, elapsed: Duration) -> Self {
        let elapsed = nanos(elapsed);
        self.since = self.since.saturating_add(elapsed);
        self.left = self.left.saturating_sub(elapsed);
        for (_, left) in &mut self.slots {
            *left = left.saturating_sub(elapsed);
        }
        if let Some((_, Some(left))) = &mut self.held {
            *left = left.saturating_sub(elapsed);
        }
        self
    }
}

impl Machine {
    /// What there is to keep at `now`.
    #[must_use]
    pub fn snapshot(&self, now: Tick) -> Snapshot {
        let left = |until: Tick| nanos(until.since(now));
        let aside = self.aside.as_deref().cloned().unwrap_or_default();
        let ages = self.state != State::Closed || self.failures > 0;
        Snapshot {
            generation: self.generation,
            state: self.state,
            rule: self.rule,
            failures: self.failures,
            run: self.run,
            level: self.level,
            since: if ages { nanos(now.since(self.at)) } else { 0 },
            left: if self.state == State::Open { nanos(self.until.since(now.max(self.at))) } else { 0 },
            last_token: self.last_token,
            successes: aside.successes,
            probe_failures: aside.failures,
            slots: aside.slots.iter().map(|slot| (slot.token, left(slot.until))).collect(),
            held: aside.held.map(|held| (held.mode, held.left(now).map(nanos))),
        }
    }

    /// The machine of a snapshot at `now`. No wait gets longer than it was or than the policy allows.
    #[must_use]
    pub fn restore(policy: &Policy, snapshot: &Snapshot, now: Tick) -> Self {
        let until = |left: u64, most: Duration| now.after(Duration::from_nanos(left).min(most));
        let mut machine = Self::new();
        machine.generation = snapshot.generation;
        machine.state = snapshot.state;
        machine.rule = snapshot.rule;
        machine.failures = snapshot.failures;
        machine.run = snapshot.run;
        machine.level = snapshot.level;
        machine.at = Tick::from_nanos(now.as_nanos().saturating_sub(snapshot.since));
        let forced = matches!(snapshot.held, Some((Hold::Open, _)));
        let most = if forced { Duration::MAX } else { policy.longest_open() };
        machine.until = if snapshot.state == State::Open { until(snapshot.left, most) } else { Tick::ZERO };
        machine.last_token = snapshot.last_token;
        let aside = machine.aside();
        aside.successes = snapshot.successes;
        aside.failures = snapshot.probe_failures;
        aside.slots = snapshot
            .slots
            .iter()
            .map(|(token, left)| Slot { token: *token, until: until(*left, policy.probe_lease) })
            .collect();
        aside.held = snapshot.held.map(|(mode, left)| Held::of(mode, left.map(Duration::from_nanos), now));
        machine.drop_empty_aside();
        // A tick cannot be older than the clock, so an age is judged here while it is known.
        let age = Duration::from_nanos(snapshot.since);
        if machine.state == State::Closed && policy.forget_after.is_some_and(|limit| age >= limit) {
            machine.end_run();
        }
        machine
    }

    /// Takes over what another holder of the same circuit did, as `other` has it now.
    ///
    /// An older generation is refused. Of the same one the window stays, because each process keeps
    /// its own, and so does a longer or newer run of failures, which the other could not be told.
    /// Returns whether `other` was taken.
    pub fn adopt(&mut self, _policy: &Policy, other: &Self, _now: Tick) -> bool {
        if other.generation < self.generation {
            return false;
        }
        let mine = core::mem::replace(self, other.clone());
        // No token is given out twice, whoever gave out the last one.
        self.last_token = self.last_token.max(mine.last_token);
        if self.generation == mine.generation && self.state == mine.state {
            if self.state == State::Closed && (mine.run, mine.failures) > (self.run, self.failures) {
                (self.run, self.failures, self.at) = (mine.run, mine.failures, mine.at);
            }
            self.window = mine.window;
        }
        true
    }
}
