//! The circuit breaker as one would write it down: lists, seconds, no cleverness. From the rules, not from
//! the code.

use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::time::Duration;

use proptest::prelude::*;
use vps_breaker::{
    Factor, Hold, OpenBackoff, Overlap, Policy, Rate, Rule, SlowCalls, State, Verdict, Why, Window,
};

/// Nanoseconds of a second, the unit of everything below.
pub(crate) const SECOND: u64 = 1_000_000_000;

pub(crate) fn duration(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    Count(u16),
    /// Seconds, in ten buckets.
    Time(u64),
}

/// Over which calls, no fewer than, share of failures and slow calls (seconds, share) in thousandths.
pub(crate) type Calls = (Over, u32, Option<u16>, Option<(u64, u16)>);

/// A policy in plain numbers; times in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) enabled: bool,
    pub(crate) threshold: u32,
    pub(crate) timeout: u64,
    pub(crate) successes: u32,
    pub(crate) probes: u8,
    pub(crate) allowed: u32,
    pub(crate) lease: u64,
    pub(crate) window: Option<Calls>,
    pub(crate) forget: Option<u64>,
    pub(crate) once: bool,
    pub(crate) abandoned: Option<u64>,
    pub(crate) jitter: bool,
    pub(crate) backoff: Option<(Factor, u64)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 3,
            timeout: 60,
            successes: 1,
            probes: 1,
            allowed: 0,
            lease: 60,
            window: None,
            forget: None,
            once: false,
            abandoned: None,
            jitter: false,
            backoff: None,
        }
    }
}

impl Rules {
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::new()
            .with_enabled(self.enabled)
            .with_failure_threshold(NonZeroU32::new(self.threshold).unwrap())
            .with_timeout(duration(self.timeout))
            .with_success_threshold(NonZeroU32::new(self.successes).unwrap())
            .with_probes(NonZeroU8::new(self.probes).unwrap())
            .with_failures_allowed(self.allowed)
            .with_probe_lease(duration(self.lease))
            .with_forget_after(self.forget.map(duration))
            .with_overlap(if self.once { Overlap::Once } else { Overlap::Each })
            .with_abandoned_after(self.abandoned.map(duration))
            .with_jitter(self.jitter)
            .with_jitter_seed(11)
            .with_open_backoff(self.backoff.map(|(base, cap)| OpenBackoff { base, cap: duration(cap) }));
        if let Some((over, least, failed, slow)) = self.window {
            let min_calls = NonZeroU32::new(least).unwrap();
            policy = policy
                .with_window(Some(match over {
                    Over::Count(calls) => Window::Count { calls: NonZeroU16::new(calls).unwrap(), min_calls },
                    Over::Time(length) => Window::Time {
                        length: duration(length),
                        buckets: NonZeroU8::new(10).unwrap(),
                        min_calls,
                    },
                }))
                .with_failure_rate(failed.map(Rate::per_mille))
                .with_slow_calls(
                    slow.map(|(after, rate)| SlowCalls {
                        after: duration(after),
                        rate: Rate::per_mille(rate),
                    }),
                );
        }
        policy.check().unwrap();
        policy
    }

    /// The open time after that many failed probes in a row, before jitter.
    fn open_time(&self, failed_probes: u32) -> u64 {
        let time = self.timeout * SECOND;
        match self.backoff {
            None => time,
            Some((base, cap)) => (0..failed_probes)
                .fold(time, |time, _| (time * u64::from(base.as_per_mille()) / 1_000).min(cap * SECOND)),
        }
    }

    /// No circuit is open for longer.
    pub(crate) fn longest(&self) -> u64 {
        let most = self.backoff.map_or(self.timeout, |(_, cap)| cap) * SECOND;
        if self.jitter { most + most / 10 } else { most }
    }

    fn slow_after(&self) -> Option<u64> {
        Some(self.window?.3?.0 * SECOND)
    }
}

/// Any small policy. Times are small and whole, so that limits are met exactly.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    let shares = || prop::sample::select(vec![250_u16, 400, 500, 667, 1_000]);
    let over = prop_oneof![
        (1_u16..7).prop_map(Over::Count),
        prop::sample::select(vec![10_u64, 20]).prop_map(Over::Time)
    ];
    let window = (over, 1_u32..5, prop::option::of(shares()), prop::option::of((2_u64..5, shares())))
        .prop_map(|(over, least, failed, slow)| {
            let least = if let Over::Count(calls) = over { least.min(u32::from(calls)) } else { least };
            let failed = if failed.is_none() && slow.is_none() { Some(500) } else { failed };
            (over, least, failed, slow)
        });
    let closed = (
        prop::bool::weighted(0.95),
        1_u32..5,
        5_u64..10,
        prop::option::of(window),
        prop::option::of(4_u64..12),
        any::<bool>(),
        prop::option::of(2_u64..8),
    );
    let open = (1_u32..4, 1_u8..4, 0_u32..3, 3_u64..8, prop::bool::weighted(0.3));
    let backoff = prop::option::weighted(0.3, ((1_000_u32..4_000).prop_map(Factor::per_mille), 10_u64..40));
    (closed, open, backoff).prop_map(|(closed, open, backoff)| {
        let (enabled, threshold, timeout, window, forget, once, abandoned) = closed;
        let (successes, probes, allowed, lease, jitter) = open;
        Rules {
            enabled,
            threshold,
            timeout,
            successes,
            probes,
            allowed,
            lease,
            window,
            forget,
            once,
            abandoned,
            jitter,
            backoff,
        }
    })
}

/// What a caller holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    generation: u64,
    pub(crate) at: u64,
    pub(crate) slot: Option<u64>,
    /// The outage whose pass let it through.
    pub(crate) opener: Option<u64>,
    run: u64,
    seen: u32,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    failed: bool,
    slow: bool,
}

/// What a result did: nothing more than count, a move (from, to, rule), or nothing at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Did {
    Counted,
    Moved(State, State, Rule),
    Stale,
}

/// What a status page would show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) state: State,
    pub(crate) failures: u32,
    pub(crate) successes: u32,
    pub(crate) probes: usize,
    pub(crate) generation: u64,
    pub(crate) hold: Option<Hold>,
    pub(crate) held_for: Option<u64>,
    /// Calls, failed, slow.
    pub(crate) window: (u32, u32, u32),
    pub(crate) opened_for: Option<u64>,
    pub(crate) outage: Option<u64>,
    pub(crate) on_probation: bool,
    pub(crate) trusts_health: bool,
    pub(crate) rejection: Option<(Why, u64)>,
}

#[derive(Debug)]
struct Forced {
    mode: Hold,
    /// When it ends, and how long it was to be.
    end: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(crate) struct Model {
    rules: Rules,
    state: State,
    pub(crate) generation: u64,
    /// Number, length and last failure of the run.
    run: (u64, u32, u64),
    opened_by: u32,
    opened: u64,
    until: u64,
    /// Every call since it was closed: when, on the grid, and how it ended.
    calls: Vec<(u64, Kind)>,
    /// Slots that are taken: number and end of the lease.
    slots: Vec<(u64, u64)>,
    slots_given: u64,
    good_probes: u32,
    /// Those of the good ones that were health probes'.
    good_health: u32,
    bad_probes: u32,
    failed_probes: u32,
    /// The generation that its outage began with.
    pub(crate) outage: Option<u64>,
    on_probation: bool,
    /// Probations lost since a call succeeded.
    lost: u32,
    forced: Option<Forced>,
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: State::Closed,
            generation: 0,
            run: (0, 0, 0),
            opened_by: 0,
            opened: 0,
            until: 0,
            calls: Vec::new(),
            slots: Vec::new(),
            slots_given: 0,
            good_probes: 0,
            good_health: 0,
            bad_probes: 0,
            failed_probes: 0,
            outage: None,
            on_probation: false,
            lost: 0,
            forced: None,
        }
    }

    fn moves(&mut self, to: State, rule: Rule) -> Did {
        let from = self.state;
        if from == State::Closed {
            self.opened_by = self.run.1;
        }
        self.state = to;
        self.generation += 1;
        self.calls.clear();
        (self.good_probes, self.good_health, self.bad_probes) = (0, 0, 0);
        self.on_probation = false;
        if to == State::Closed {
            self.failed_probes = 0;
            self.lost = 0;
            self.outage = None;
            self.run = (self.run.0 + 1, 0, 0);
        } else if from == State::Closed {
            self.outage = Some(self.generation);
        }
        Did::Moved(from, to, rule)
    }

    /// Opens; with jitter the end is between the open time and a tenth more, and `told` is asked.
    fn opens(&mut self, rule: Rule, now: u64, told: u64) -> Did {
        let did = self.moves(State::Open, rule);
        let plain = self.rules.open_time(self.failed_probes);
        if self.rules.jitter {
            assert!(told >= plain && told <= plain + plain / 10, "open for {told}, not {plain} and a tenth");
        }
        self.opened = now;
        self.until = now + if self.rules.jitter { told } else { plain };
        did
    }

    /// How much of the open time is left: a clock that went back makes nobody wait longer.
    fn open_left(&self, now: u64) -> u64 {
        self.until.saturating_sub(now.max(self.opened)).min(self.rules.longest())
    }

    fn lease_left(&self, until: u64, now: u64) -> u64 {
        until.saturating_sub(now).min(self.rules.lease * SECOND)
    }

    fn live(&self, now: u64) -> Vec<u64> {
        let left = self.slots.iter().map(|(_, until)| self.lease_left(*until, now));
        left.filter(|left| *left > 0).collect()
    }

    /// What is refused while a hand holds it open, with its end or without.
    fn by_hand(&self, left: Option<u64>) -> (Why, u64) {
        left.map_or((Why::Held, self.rules.timeout * SECOND), |left| (Why::HeldFor, left))
    }

    fn forced_left(&self, now: u64) -> Option<(Hold, Option<u64>)> {
        let forced = self.forced.as_ref()?;
        let left = forced.end.map(|(end, length)| end.saturating_sub(now).min(length));
        (left != Some(0)).then_some((forced.mode, left))
    }

    /// Anybody who asks or tells finds a hold ended that is over.
    fn look_at_hold(&mut self, now: u64) {
        if let Some(Forced { end: Some((end, length)), .. }) = &mut self.forced {
            *end = (*end).min(now + *length);
        }
        if self.forced.is_some() && self.forced_left(now).is_none() {
            let forced = self.forced.take().unwrap();
            match forced.mode {
                Hold::Open => self.until = forced.end.unwrap().0,
                _ => {
                    self.moves(State::Closed, Rule::ByHand);
                }
            }
        }
    }

    /// Whoever opened it goes on while it is open and nobody's hand is on it; else it asks as anybody.
    pub(crate) fn admit_opener(&mut self, outage: u64, now: u64) -> Result<(Admitted, bool), (Why, u64)> {
        let open = self.state == State::Open && self.open_left(now) > 0;
        if open && self.rules.enabled && self.forced.is_none() && self.outage == Some(outage) {
            let (generation, opener) = (self.generation, Some(outage));
            return Ok((Admitted { generation, at: now, slot: None, opener, run: 0, seen: 0 }, false));
        }
        self.admit(now)
    }

    pub(crate) fn admit(&mut self, now: u64) -> Result<(Admitted, bool), (Why, u64)> {
        self.look_at_hold(now);
        let pass = Admitted {
            generation: self.generation,
            at: now,
            opener: None,
            slot: None,
            run: self.run.0,
            seen: self.run.1,
        };
        match self.forced_left(now) {
            Some((Hold::Open, left)) => {
                return Err(self.by_hand(left));
            }
            Some(_) => return Ok((pass, false)),
            None if !self.rules.enabled || self.state == State::Closed => return Ok((pass, false)),
            None => {}
        }
        if self.state == State::Open {
            let left = self.open_left(now);
            self.opened = self.opened.min(now);
            self.until = self.until.min(now + left);
            if left > 0 {
                return Err((Why::Open, left));
            }
        }
        for at in 0..self.slots.len() {
            self.slots[at].1 = self.slots[at].1.min(now + self.rules.lease * SECOND);
        }
        let live = self.live(now);
        if live.len() >= usize::from(self.rules.probes) {
            return Err((Why::Probing, live.into_iter().min().unwrap()));
        }
        self.slots_given += 1;
        let slot = (self.slots_given, now + self.rules.lease * SECOND);
        if self.slots.len() < usize::from(self.rules.probes) {
            self.slots.push(slot);
        } else {
            // Nobody's is free, so the one that lapsed first is given to this caller.
            let first = self.slots.iter().map(|(_, until)| *until).min().unwrap();
            let at = self.slots.iter().position(|(_, until)| *until == first).unwrap();
            self.slots[at] = slot;
        }
        let moved = self.state == State::Open;
        if moved {
            self.moves(State::HalfOpen, Rule::Timeout);
        }
        Ok((Admitted { generation: self.generation, slot: Some(slot.0), ..pass }, moved))
    }

    pub(crate) fn renew(&mut self, pass: &Admitted, now: u64) -> bool {
        let Some(slot) = pass.slot else { return true };
        match self.slots.iter().position(|(number, _)| *number == slot) {
            Some(at) => self.slots[at].1 = now + self.rules.lease * SECOND,
            None => return false,
        }
        true
    }

    fn forfeit(&mut self, pass: &Admitted) -> bool {
        let before = self.slots.len();
        self.slots.retain(|(number, _)| Some(*number) != pass.slot);
        before != self.slots.len()
    }

    pub(crate) fn settle(&mut self, pass: &Admitted, verdict: Verdict, now: u64, told: u64) -> Did {
        let has_slot = self.forfeit(pass) || pass.slot.is_none();
        self.look_at_hold(now);
        let slow = self.rules.slow_after().is_some_and(|limit| now.saturating_sub(pass.at) >= limit);
        if let Some(outage) = pass.opener {
            return match verdict {
                _ if self.outage != Some(outage) || self.forced.is_some() => Did::Stale,
                Verdict::Success if !slow => self.good_probe(),
                _ => Did::Counted,
            };
        }
        if pass.generation != self.generation || !has_slot {
            return Did::Stale;
        }
        match (self.state, verdict) {
            (_, Verdict::Neutral) | (State::Open, _) => Did::Counted,
            (State::HalfOpen, _) if pass.slot.is_none() => Did::Counted,
            (State::HalfOpen, Verdict::Success) if !slow => self.good_probe(),
            (State::HalfOpen, _) => self.bad_probe(now, told),
            (State::Closed, Verdict::Success) => {
                if self.on_probation {
                    (self.on_probation, self.lost, self.failed_probes) = (false, 0, 0);
                }
                self.end_run();
                self.count(Kind { failed: false, slow }, now, told)
            }
            (State::Closed, Verdict::Failure) => {
                let (_, length, last) = self.run;
                if length > 0
                    && self.rules.forget.is_some_and(|limit| now.saturating_sub(last) >= limit * SECOND)
                {
                    self.end_run();
                }
                let seen = if pass.run == self.run.0 { pass.seen } else { 0 };
                let grown = if self.rules.once { self.run.1.max(seen + 1) } else { self.run.1 + 1 };
                self.run = (self.run.0, grown, now);
                self.count(Kind { failed: true, slow }, now, told)
            }
        }
    }

    fn good_probe(&mut self) -> Did {
        self.lost = 0;
        self.good_probes += 1;
        if self.good_probes < self.rules.successes {
            return Did::Counted;
        }
        self.moves(State::Closed, Rule::Probe)
    }

    fn bad_probe(&mut self, now: u64, told: u64) -> Did {
        self.bad_probes += 1;
        if self.bad_probes <= self.rules.allowed {
            return Did::Counted;
        }
        self.failed_probes += 1;
        self.opens(Rule::Probe, now, told)
    }

    /// What a health probe found, whose speed says nothing: with a slot it is a probe whose success has to
    /// be confirmed by a call, without one nothing.
    pub(crate) fn settle_health(&mut self, pass: &Admitted, verdict: Verdict, now: u64, told: u64) -> Did {
        let has_slot = self.forfeit(pass) || pass.slot.is_none();
        self.look_at_hold(now);
        if pass.generation != self.generation || !has_slot {
            return Did::Stale;
        }
        match verdict {
            _ if pass.slot.is_none() => Did::Counted,
            Verdict::Failure => self.bad_probe(now, told),
            Verdict::Success if self.lost < 2 => {
                self.good_probes += 1;
                self.good_health += 1;
                if self.good_probes < self.rules.successes {
                    return Did::Counted;
                }
                let (lost, failed_probes) = (self.lost, self.failed_probes);
                let unconfirmed = self.good_health == self.good_probes;
                let did = self.moves(State::Closed, Rule::Probe);
                if unconfirmed {
                    (self.on_probation, self.lost, self.failed_probes) = (true, lost, failed_probes);
                }
                did
            }
            _ => Did::Counted,
        }
    }

    fn end_run(&mut self) {
        if self.run.1 > 0 {
            self.run = (self.run.0 + 1, 0, 0);
        }
    }

    /// Adds a call to the list, and looks whether it breaks a rule.
    fn count(&mut self, kind: Kind, now: u64, told: u64) -> Did {
        self.calls = self.in_window(now);
        let grid = self.calls.last().map_or(0, |(grid, _)| *grid).max(self.grid(now));
        self.calls.push((grid, kind));
        self.calls = self.in_window(now);
        if !(kind.failed || kind.slow) || !self.rules.enabled || self.forced.is_some() {
            return Did::Counted;
        }
        if kind.failed && self.on_probation {
            self.lost += 1;
            self.failed_probes += 1;
            return self.opens(Rule::Probation, now, told);
        }
        let (all, failed, slow) = self.sums(now);
        let reached = |part: u32, share: Option<u16>| {
            let enough = self.rules.window.is_some_and(|(_, least, ..)| all >= least);
            enough && share.is_some_and(|share| part * 1_000 >= all * u32::from(share))
        };
        let (failed_share, slow_share) =
            self.rules.window.map_or((None, None), |(_, _, failed, slow)| (failed, slow.map(|slow| slow.1)));
        let rule = if kind.failed && self.run.1 >= self.rules.threshold {
            Rule::Consecutive
        } else if reached(failed, failed_share) {
            Rule::FailureRate
        } else if reached(slow, slow_share) {
            Rule::SlowRate
        } else {
            return Did::Counted;
        };
        self.opens(rule, now, told)
    }

    fn grid(&self, now: u64) -> u64 {
        match self.rules.window {
            Some((Over::Time(length), ..)) => now / (length * SECOND / 10),
            _ => 0,
        }
    }

    /// The calls that the window holds. A clock that went back a little counts in the newest bucket; one
    /// that went back by a whole window empties it.
    fn in_window(&self, now: u64) -> Vec<(u64, Kind)> {
        match self.rules.window {
            None => Vec::new(),
            Some((Over::Count(calls), ..)) => {
                let skip = self.calls.len().saturating_sub(usize::from(calls));
                self.calls.iter().skip(skip).copied().collect()
            }
            Some((Over::Time(_), ..)) => {
                let newest = self.calls.last().map_or(0, |(grid, _)| *grid);
                let now = self.grid(now);
                if newest >= now + 10 {
                    return Vec::new();
                }
                self.calls.iter().filter(|(grid, _)| grid + 10 > now.max(newest)).copied().collect()
            }
        }
    }

    fn sums(&self, now: u64) -> (u32, u32, u32) {
        let calls = self.in_window(now);
        let count = |is: fn(&Kind) -> bool| calls.iter().filter(|(_, kind)| is(kind)).count();
        let sums = [calls.len(), count(|kind| kind.failed), count(|kind| kind.slow)];
        let [all, failed, slow] = sums.map(|sum| u32::try_from(sum).unwrap());
        (all, failed, slow)
    }

    pub(crate) fn hold(&mut self, mode: Hold, length: Option<u64>, now: u64) -> Did {
        self.look_at_hold(now);
        let did = match mode {
            Hold::Open => {
                let did = self.moves(State::Open, Rule::ByHand);
                (self.opened, self.until) = (now, now + length.unwrap_or(0));
                did
            }
            _ => self.moves(State::Closed, Rule::ByHand),
        };
        self.forced = Some(Forced { mode, end: length.map(|length| (now + length, length)) });
        did
    }

    /// Forgets everything; what is in flight keeps its slot.
    pub(crate) fn reset(&mut self) -> Option<Did> {
        let nothing =
            self.state == State::Closed && self.run.1 == 0 && self.calls.is_empty() && self.forced.is_none();
        if nothing && !self.on_probation {
            return None;
        }
        self.forced = None;
        Some(self.moves(State::Closed, Rule::ByHand))
    }

    /// Written down at `old` and read at `now`, of another clock perhaps: windows stay behind.
    pub(crate) fn restore(&mut self, old: u64, now: u64) {
        let lease = self.rules.lease * SECOND;
        let left = self.until.saturating_sub(old.max(self.opened));
        let held_open = matches!(self.forced, Some(Forced { mode: Hold::Open, .. }));
        self.until = now + if held_open { left } else { left.min(self.rules.longest()) };
        self.opened = now.saturating_sub(old.saturating_sub(self.opened));
        for (_, until) in &mut self.slots {
            *until = now + until.saturating_sub(old).min(lease);
        }
        if let Some(Forced { end: Some((end, length)), .. }) = &mut self.forced {
            let left = end.saturating_sub(old).min(*length);
            (*end, *length) = (now + left, left);
        }
        self.calls.clear();
        let age = old.saturating_sub(self.run.2);
        self.run.2 = now.saturating_sub(age);
        if self.state == State::Closed && self.rules.forget.is_some_and(|limit| age >= limit * SECOND) {
            self.end_run();
        }
    }

    pub(crate) fn shown(&self, now: u64) -> Shown {
        let forced = self.forced_left(now);
        // A hold that is over is not seen to end before somebody asks, but it does not count any more.
        let over = self.forced.as_ref().filter(|_| forced.is_none()).map(|forced| forced.mode);
        let due = self.open_left(now) == 0 || over == Some(Hold::Open);
        let state = match (forced, self.state) {
            (Some((Hold::Open, _)), _) => State::Open,
            (Some(_), _) => State::Closed,
            _ if !self.rules.enabled => State::Closed,
            (_, State::Open) if due => State::HalfOpen,
            (_, state) => state,
        };
        let live = self.live(now);
        let full = live.len() >= usize::from(self.rules.probes);
        let rejection = match (forced, state) {
            (Some((Hold::Open, left)), _) => Some(self.by_hand(left)),
            (_, State::Open) => Some((Why::Open, self.open_left(now))),
            (_, State::HalfOpen) if full => Some((Why::Probing, live.iter().copied().min().unwrap())),
            _ => None,
        };
        let clean = matches!(over, Some(Hold::Closed | Hold::Disabled));
        let failures = if self.state == State::Closed { self.run.1 } else { self.opened_by };
        Shown {
            state,
            failures: if clean { 0 } else { failures },
            successes: self.good_probes,
            probes: live.len(),
            generation: self.generation,
            hold: forced.map(|(mode, _)| mode),
            held_for: forced.and_then(|(_, left)| left),
            window: if clean { (0, 0, 0) } else { self.sums(now) },
            outage: self.outage,
            on_probation: self.on_probation,
            trusts_health: self.lost < 2,
            opened_for: (self.state != State::Closed).then(|| now.saturating_sub(self.opened)),
            rejection,
        }
    }

    /// What is dropped without a verdict: too old is a failure, else it says nothing.
    pub(crate) fn dropped(&self, pass: &Admitted, now: u64) -> Verdict {
        let limit = self.rules.abandoned;
        let old = limit.is_some_and(|limit| now.saturating_sub(pass.at) >= limit * SECOND);
        if old { Verdict::Failure } else { Verdict::Neutral }
    }
}
