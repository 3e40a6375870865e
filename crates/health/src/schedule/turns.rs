//! Whose turn it is, and what comes after it.

use core::cmp::Reverse;
use core::time::Duration;

use super::phase::{mix, part};
use super::{After, Due, Entry, Finished, Plan, Run, Schedule, State, TargetId, Turn};
use crate::answer::LONGEST_PAUSE;
use crate::time::Moment;

impl Schedule {
    /// What is to be done at `now`. Ask again at once after [`Due::Probe`], and whenever something was reported.
    pub fn next(&mut self, now: Moment) -> Due {
        while self.in_flight < self.most_in_flight {
            let Some(Reverse((at, id, stamp))) = self.heap.peek().copied() else { return Due::Idle };
            let Some(entry) = self.targets.get_mut(id.0 as usize).and_then(Option::as_mut) else {
                self.heap.pop();
                continue;
            };
            if entry.stamp != stamp || entry.state != State::Waits {
                self.heap.pop();
                continue;
            }
            if at > now {
                return Due::At(at);
            }
            self.heap.pop();
            if let Some(behind) = self.busy.get_mut(&entry.plan.host) {
                entry.state = State::Behind(at);
                behind.push_back(id);
                continue;
            }
            self.busy.insert(entry.plan.host, super::Behind::new());
            self.in_flight += 1;
            self.runs = self.runs.wrapping_add(1);
            entry.state = State::Flies(self.runs);
            let turn = entry.take_turn(self.seed, now);
            return Due::Probe(Run { target: id, turn, number: self.runs });
        }
        Due::Idle
    }

    /// A run is over, or was given up.
    pub fn finished(&mut self, run: Run, after: After, now: Moment) -> Finished {
        let seed = self.seed;
        let flies = State::Flies(run.number);
        let Some(entry) = self.entry(run.target).filter(|entry| entry.state == flies) else {
            return Finished::Dropped;
        };
        entry.state = State::Waits;
        entry.recheck = after.recheck.map(|wait| now.after(wait));
        if let Some(pause) = after.not_before {
            entry.not_before = Some(now.after(pause.min(LONGEST_PAUSE)));
        }
        if entry.round <= now {
            entry.round = entry.plan.round_after(seed, now);
        }
        let host = entry.plan.host;
        self.in_flight -= 1;
        self.queue(run.target);
        self.free(host);
        Finished::Counts
    }

    /// Its circuit is due then (`None`: it is closed, or a probe would change nothing).
    pub fn circuit_due(&mut self, id: TargetId, at: Option<Moment>) {
        self.wish(id, |entry| core::mem::replace(&mut entry.circuit, at) != at);
    }

    /// Somebody wants to know now.
    pub fn ask(&mut self, id: TargetId, now: Moment) {
        self.wish(id, |entry| {
            let is_later = entry.asked.is_none_or(|at| at > now);
            if is_later {
                entry.asked = Some(now);
            }
            is_later
        });
    }

    /// It is asked no more; a run in flight is over for all that is counted here.
    pub fn remove(&mut self, id: TargetId) {
        let Some(entry) = self.targets.get_mut(id.0 as usize).and_then(Option::take) else { return };
        if let State::Flies(_) = entry.state {
            self.in_flight -= 1;
            self.free(entry.plan.host);
        }
    }

    /// Probes in flight.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How long the one waits that has waited longest for a place.
    #[must_use]
    pub fn queue_age(&self, now: Moment) -> Duration {
        let waits = self.targets.iter().flatten().filter_map(|entry| match entry.state {
            State::Waits => Some(entry.due()),
            State::Behind(since) => Some(since),
            State::Flies(_) => None,
        });
        waits.min().map(|at| now.since(at)).unwrap_or_default()
    }

    /// When a target's turn is, if it is not in flight.
    #[must_use]
    pub fn due(&self, id: TargetId) -> Option<Moment> {
        let entry = self.targets.get(id.0 as usize)?.as_ref()?;
        (!matches!(entry.state, State::Flies(_))).then(|| entry.due())
    }

    pub(super) fn entry(&mut self, id: TargetId) -> Option<&mut Entry> {
        self.targets.get_mut(id.0 as usize)?.as_mut()
    }

    fn wish(&mut self, id: TargetId, change: impl FnOnce(&mut Entry) -> bool) {
        let Some(entry) = self.entry(id) else { return };
        // In flight it is queued when it is finished; behind another one it is due already.
        if change(entry) && entry.state == State::Waits {
            self.queue(id);
        }
    }

    /// Into the heap, by when it is due now; where it was before is void.
    pub(super) fn queue(&mut self, id: TargetId) {
        let Some(entry) = self.entry(id) else { return };
        entry.stamp = entry.stamp.wrapping_add(1);
        let place = (entry.due(), id, entry.stamp);
        self.heap.push(Reverse(place));
        if self.heap.len() > self.targets.len().saturating_mul(4).max(64) {
            let mut heap = core::mem::take(&mut self.heap).into_vec();
            heap.retain(|Reverse((_, id, stamp))| {
                let entry = self.targets.get(id.0 as usize).and_then(Option::as_ref);
                entry.is_some_and(|entry| entry.stamp == *stamp && entry.state == State::Waits)
            });
            self.heap = heap.into();
        }
    }

    /// A host is free for the one that waits longest for it.
    fn free(&mut self, host: u32) {
        for id in self.busy.remove(&host).unwrap_or_default() {
            if let Some(entry) = self.entry(id).filter(|entry| matches!(entry.state, State::Behind(_))) {
                entry.state = State::Waits;
                self.queue(id);
            }
        }
    }
}

impl Entry {
    pub(super) fn due(&self) -> Moment {
        let wishes = [self.recheck, self.circuit, self.asked].into_iter().flatten();
        let soonest = wishes.fold(self.round, Moment::min);
        self.not_before.map_or(soonest, |at| soonest.max(at))
    }

    /// All that was due is answered by this one probe.
    fn take_turn(&mut self, seed: u64, now: Moment) -> Turn {
        let mut turn = Turn::Round;
        for (wish, name) in [
            (&mut self.asked, Turn::Asked),
            (&mut self.recheck, Turn::Recheck),
            (&mut self.circuit, Turn::Circuit),
        ] {
            if wish.take_if(|at| *at <= now).is_some() {
                turn = name;
            }
        }
        if self.round <= now {
            self.round = self.plan.round_after(seed, now);
        }
        self.not_before = None;
        turn
    }
}

impl Plan {
    /// The first round that begins half an interval from now or later: one that was missed is not caught up. Where it
    /// is further than an interval and its jitter (after the first look, or one that waited), one more comes between: in
    /// the time that is empty after a first round of all, and where these do not bunch.
    pub(super) fn round_after(&self, seed: u64, now: Moment) -> Moment {
        let interval = i128::try_from(self.interval.as_nanos()).unwrap_or(i128::MAX).max(1);
        let phase = part(self.interval, mix(seed, self.number, 0));
        let phase = i128::try_from(phase.as_nanos()).unwrap_or(0);
        let earliest = i128::from(now.as_nanos()) + interval / 2;
        let round = (earliest - phase).div_euclid(interval) + 1;
        let begin = round.saturating_mul(interval).saturating_add(phase);
        let number = u64::from_le_bytes(lower_half(round.to_le_bytes()));
        let jitter = part(self.interval / 10, mix(seed, self.number, number.wrapping_add(1)));
        let round = Moment::from_nanos(i64::try_from(begin).unwrap_or(i64::MAX)).after(jitter);
        match round.since(now).checked_sub(self.interval + self.interval / 10) {
            Some(late) => now.after(self.interval / 5 + late * 3 / 4),
            None => round,
        }
    }
}

const fn lower_half(bytes: [u8; 16]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    [a, b, c, d, e, f, g, h]
}
