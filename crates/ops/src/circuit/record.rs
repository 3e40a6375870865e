//! How a circuit is written: the machine's snapshot, when and by whom it was taken.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_breaker::{Machine, Policy, Snapshot, Tick, Token};

use super::ByHand;
use crate::env::{Env, Mistake, ProcessIdentity};
use crate::foreign::Foreign;
use crate::service::ServiceName;
use crate::store::Store;

/// Where the circuits' records begin in the store.
pub(crate) const PREFIX: &str = "circuit/";

/// The store's key of a circuit.
pub(super) fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// A host that is first seen while its group is held by hand is held with it.
pub(super) fn inherit_hold(store: &dyn Store, host: &ServiceName, policy: &Policy, env: &Env) {
    // A store that fails is told of where it is asked for more than this.
    let Ok(Some(bytes)) = store.load(&key(host.group())) else { return };
    let now = env.now();
    let held = Record::decode(&bytes).is_some_and(|record| record.current(policy, env, now).is_held(now));
    if held {
        let _ = store.update(&key(host.as_str()), &mut |before| before.is_none().then(|| bytes.clone()));
    }
}

/// Which circuit is held by hand, and how, if that is what the entry of a store's snapshot says: for
/// [`SqliteStore::open`](crate::store::SqliteStore::open), whose new store must not forget what an operator said. A
/// hold that has ended is none.
#[must_use]
pub fn kept_hold(env: &Env, key: &str, bytes: &[u8]) -> Option<String> {
    let name = key.strip_prefix(PREFIX)?;
    let record = Record::decode(bytes)?;
    let now = env.now();
    let is_held = record.current(&Policy::default(), env, now).is_held(now);
    let hand = record.by_hand.filter(|_| is_held)?;
    let name = Foreign::new(name);
    ["open", "closed"].contains(&hand.state.as_str()).then(|| format!("{name} is held {}", hand.state))
}

/// One circuit as the store holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Of this layout; a record of another one is not read.
    layout: u32,
    /// The machine with what was left of every wait when it was written.
    pub(super) machine: Snapshot,
    boot_id: String,
    /// CLOCK_BOOTTIME in nanoseconds; only comparable within `boot_id`.
    at: u64,
    /// Seconds since the Unix epoch.
    wall: f64,
    /// Who holds which probe slot.
    #[serde(default)]
    holders: BTreeMap<u64, ProcessIdentity>,
    /// When it opened, in seconds since the Unix epoch; for people.
    #[serde(default)]
    pub(super) opened_at: Option<f64>,
    /// Who forced it, and why.
    #[serde(default)]
    pub(super) by_hand: Option<ByHand>,
}

const LAYOUT: u32 = 1;

impl Record {
    /// `None` for bytes of another layout or of nobody: the circuit then starts closed.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|record| record.layout == LAYOUT)
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    /// What the store is given after `machine` changed.
    pub(super) fn of(
        machine: &Machine,
        before: Option<&Self>,
        by_hand: Option<&ByHand>,
        env: &Env,
        now: Tick,
    ) -> Self {
        let snapshot = machine.snapshot(now);
        let live: Vec<u64> = machine.leases().map(Token::as_u64).collect();
        let mut holders = before.map(|record| record.holders.clone()).unwrap_or_default();
        holders.retain(|token, _| live.contains(token));
        for token in live.into_iter().filter(|_| !env.planted(Mistake::LeaseWithoutHolder)) {
            holders.entry(token).or_insert_with(|| env.identity().clone());
        }
        let same = before.filter(|record| record.machine.generation() == snapshot.generation());
        let opened_at = match (same.and_then(|record| record.opened_at), snapshot.is_closed()) {
            (_, true) => None,
            (Some(at), false) => Some(at),
            (None, false) => {
                before.and_then(|record| record.opened_at).or_else(|| Some(env.wall().as_secs_f64()))
            }
        };
        Self {
            layout: LAYOUT,
            machine: snapshot,
            boot_id: env.identity().boot_id.clone(),
            at: now.as_nanos(),
            wall: env.wall().as_secs_f64(),
            holders,
            opened_at,
            by_hand: by_hand
                .or_else(|| before.and_then(|record| record.by_hand.as_ref()))
                .filter(|_| machine.is_held(now))
                .cloned(),
        }
    }

    /// The stored machine as it stands now: older by what went by, without the slots of the dead.
    pub(super) fn current(&self, policy: &Policy, env: &Env, now: Tick) -> Machine {
        let mut machine = Machine::restore(policy, &self.machine.clone().aged(self.age(env, now)), now);
        let tokens: Vec<_> = machine.leases().collect();
        for token in tokens {
            let dead = self.holders.get(&token.as_u64()).is_none_or(|holder| !env.is_alive(holder));
            if dead {
                machine.forfeit(token);
            }
        }
        machine
    }

    /// How long ago it was written. Within a boot by the clock that cannot jump; else by the wall's. One
    /// written in the wall's future says nothing of how long, and every process to come would begin its wait
    /// anew: then it is older than any wait, for a jump may shorten one and never lengthen it.
    fn age(&self, env: &Env, now: Tick) -> Duration {
        if self.boot_id == env.identity().boot_id {
            return now.since(Tick::from_nanos(self.at));
        }
        let age = env.wall().as_secs_f64() - self.wall;
        Duration::try_from_secs_f64(age).unwrap_or(Duration::MAX)
    }
}
