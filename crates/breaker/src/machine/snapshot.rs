//! What survives a process: the state with what is left of every wait, because ticks of another
//! process mean nothing. Windows stay behind.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::control::Held;
use super::{Aside, Closed, Hold, Machine, Outage, OutageId, Phase, Rule, Slot, State, Token, Trust};
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
    /// Of a closed circuit; it numbers the runs of one generation.
    run: u32,
    level: u8,
    /// Since it opened, or since the last failure of the run.
    since: u64,
    /// Until it is due for a probe.
    left: u64,
    last_token: u32,
    successes: u32,
    probe_failures: u32,
    /// `None` while closed, and in a record of before there were passes.
    #[cfg_attr(feature = "serde", serde(default))]
    outage: Option<OutageId>,
    #[cfg_attr(feature = "serde", serde(default))]
    trust: Trust,
    #[cfg_attr(feature = "serde", serde(default))]
    health_only: bool,
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
        let slots = self.aside.as_deref().map_or(&[][..], |aside| &aside.slots);
        let held = self.aside.as_deref().and_then(|aside| aside.held);
        let mut snapshot = Snapshot {
            generation: self.generation,
            state: self.phase.state(),
            rule: self.rule,
            failures: self.phase.failures(),
            run: 0,
            level: self.level,
            since: self.phase.outage().map_or(0, |outage| nanos(now.since(outage.since))),
            left: 0,
            last_token: self.last_token,
            successes: self.phase.successes(),
            probe_failures: 0,
            outage: self.phase.outage().map(|outage| outage.id),
            trust: self.trust,
            health_only: false,
            slots: slots.iter().map(|slot| (slot.token, nanos(slot.until.since(now)))).collect(),
            held: held.map(|held| (held.mode, held.left(now).map(nanos))),
        };
        match &self.phase {
            Phase::Closed(closed) => {
                snapshot.run = closed.run;
                if closed.failures > 0 {
                    snapshot.since = nanos(now.since(closed.last_failure));
                }
            }
            Phase::Open { outage, until, .. } => {
                snapshot.left = nanos(until.since(now.max(outage.since)));
            }
            Phase::HalfOpen { failures, health_only, .. } => {
                snapshot.probe_failures = *failures;
                snapshot.health_only = *health_only;
            }
        }
        snapshot
    }

    /// The machine of a snapshot at `now`. No wait gets longer than it was or than the policy allows.
    #[must_use]
    pub fn restore(policy: &Policy, snapshot: &Snapshot, now: Tick) -> Self {
        let until = |left: u64, most: Duration| now.after(Duration::from_nanos(left).min(most));
        let since = Tick::from_nanos(now.as_nanos().saturating_sub(snapshot.since));
        let outage = Outage {
            since,
            failures: snapshot.failures,
            id: snapshot.outage.unwrap_or(OutageId::beginning_with(snapshot.generation)),
        };
        let successes = snapshot.successes;
        let phase = match snapshot.state {
            State::Closed => {
                let (run, failures) = (snapshot.run, snapshot.failures);
                let mut closed = Closed { run, failures, last_failure: since, window: None };
                // A tick cannot be older than the clock, so an age is judged here while it is known.
                let age = Duration::from_nanos(snapshot.since);
                if policy.forget_after.is_some_and(|limit| age >= limit) {
                    closed.end_run();
                }
                Phase::Closed(closed)
            }
            State::Open => {
                let forced = matches!(snapshot.held, Some((Hold::Open, _)));
                let most = if forced { Duration::MAX } else { policy.longest_open() };
                Phase::Open { outage, until: until(snapshot.left, most), successes }
            }
            State::HalfOpen => {
                let (failures, health_only) = (snapshot.probe_failures, snapshot.health_only);
                Phase::HalfOpen { outage, successes, failures, health_only }
            }
        };
        let slot =
            |(token, left): &(Token, u64)| Slot { token: *token, until: until(*left, policy.probe_lease) };
        let aside = Aside {
            slots: snapshot.slots.iter().map(slot).collect(),
            held: snapshot.held.map(|(mode, left)| Held::of(mode, left.map(Duration::from_nanos), now)),
        };
        // What only a closed circuit can be, or an outage has, is nowhere else, whatever a record says.
        let mut trust = snapshot.trust;
        trust.on_probation &= snapshot.is_closed();
        let may_be_back = trust.on_probation || !snapshot.is_closed();
        let (level, trust) = if may_be_back { (snapshot.level, trust) } else { (0, Trust::new()) };
        Self {
            generation: snapshot.generation,
            phase,
            rule: snapshot.rule,
            level,
            trust,
            last_token: snapshot.last_token,
            aside: (!aside.is_empty()).then(|| Box::new(aside)),
        }
    }

    /// Takes over what another holder of the same circuit did, as `other` has it now.
    ///
    /// An older generation is refused. Of the same one the window stays, because each process keeps
    /// its own, and so does a longer or newer run of failures, or the end of a probation, which the other
    /// could not be told.
    /// Returns whether `other` was taken.
    pub fn adopt(&mut self, _policy: &Policy, other: &Self, _now: Tick) -> bool {
        if other.generation < self.generation {
            return false;
        }
        let was_on_probation = self.trust.on_probation;
        let mine = core::mem::replace(self, other.clone());
        // No token is given out twice, whoever gave out the last one.
        self.last_token = self.last_token.max(mine.last_token);
        if self.generation == mine.generation
            && let (Phase::Closed(closed), Phase::Closed(mine)) = (&mut self.phase, mine.phase)
        {
            if (mine.run, mine.failures) > (closed.run, closed.failures) {
                *closed = mine;
            } else {
                closed.window = mine.window;
            }
            if !was_on_probation {
                self.forget_probes();
            }
        }
        true
    }
}
