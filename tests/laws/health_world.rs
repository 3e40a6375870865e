//! Whole machines in virtual time: targets that fail, links that go down, sleep, restarts, reboots, wall clocks that
//! jump. What a history says in the end is held against a list of all that happened.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is drawn is small")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vps_health::{
    After, BootId, Change, Clocks, Connection, Damped, Due, Finished, Gate, History, Level, MOST_IN_FLIGHT,
    Moment, Outcome, Plan, Reason, Remembered, Run, Sample, Schedule, Status, TargetId, Timing, Verdict,
    Window,
};
use vps_retry::SplitMix64;

use crate::health_damping::below;
use crate::seeds;

const TIMEOUT: i64 = 5_000;
const DAY: i64 = 86_400_000;

/// A piece of time that somebody saw, in milliseconds.
#[derive(Clone, Copy)]
struct Seen {
    from: i64,
    until: i64,
    status: Status,
}

struct Service {
    plan: Plan,
    timing: Timing,
    damped: Damped,
    history: History,
    is_down: bool,
    /// Chances of a hundred that a probe is lost.
    loss: u64,
    /// Real samples in a row since nobody knew anything: when, and how good.
    row: Vec<(i64, Level)>,
    /// What is known of each moment; a damped change dates back what this process saw.
    seen: Vec<Seen>,
    /// Before it nothing is dated back any more.
    fixed: usize,
    /// A sample is good from here on.
    good_from: Option<i64>,
}

impl Service {
    /// Nobody knows anything from `now` on, until the next real sample.
    fn look_away(&mut self, now: i64) {
        let Some(from) = self.good_from.take() else { return };
        let until = now.min(from + 2 * millis(self.plan.interval));
        self.seen.push(Seen { from, until, status: self.damped.status() });
    }

    fn dated_back(&mut self, change: &Change, now: i64) {
        let since = change.since.as_nanos() / 1_000_000;
        assert!(since <= now);
        let mut dated = Vec::new();
        for piece in self.seen.drain(self.fixed..) {
            let middle = since.clamp(piece.from, piece.until);
            dated.push(Seen { until: middle, ..piece });
            dated.push(Seen { from: middle, status: change.to, ..piece });
        }
        dated.retain(|piece| piece.from < piece.until);
        self.seen.extend(dated);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

fn moment(at: i64) -> Moment {
    Moment::from_millis(at)
}

/// One machine.
struct World {
    rng: SplitMix64,
    seed: u64,
    now: i64,
    slept: i64,
    /// Of that, in steps too short to be noticed.
    unnoticed: i64,
    wall: i64,
    boot: u8,
    booted: i64,
    is_offline: bool,
    services: Vec<Service>,
    schedule: Schedule,
    ids: Vec<TargetId>,
    gate: Gate,
    /// Ends, each with its run, its service and its sample.
    flying: BTreeMap<(i64, u64), (Run, usize, Sample)>,
    probes: u64,
    reached: BTreeSet<&'static str>,
}

impl World {
    fn new(seed: u64, private: bool) -> Self {
        let mut rng = SplitMix64::new(seed);
        let count = 1 + below(&mut rng, 12) as usize;
        let interval = Duration::from_secs([10, 30, 60][below(&mut rng, 3) as usize]);
        let ms = Duration::from_millis;
        let timing = Timing::of(interval, ms(5_000), ms(1_000), ms(3_000)).unwrap();
        let services = (0..count).map(|at| Service {
            plan: Plan {
                number: at as u64,
                host: below(&mut rng, count as u64) as u32,
                interval,
                is_important: at == 0,
                is_private: private && below(&mut rng, 4) == 0,
            },
            timing,
            damped: Damped::new(timing),
            history: History::new(interval, Moment::ORIGIN),
            is_down: false,
            loss: [0, 0, 2, 30, 60][below(&mut rng, 5) as usize],
            row: Vec::new(),
            seen: Vec::new(),
            fixed: 0,
            good_from: None,
        });
        let services: Vec<_> = services.collect();
        let mut world = Self {
            seed,
            now: 0,
            slept: 0,
            unnoticed: 0,
            wall: 1_700_000_000_000,
            boot: 1,
            booted: 0,
            is_offline: false,
            schedule: Schedule::new(seed),
            ids: Vec::new(),
            gate: Gate::new(interval),
            services,
            flying: BTreeMap::new(),
            probes: 0,
            reached: BTreeSet::new(),
            rng,
        };
        world.begin();
        world
    }

    /// A process begins.
    fn begin(&mut self) {
        self.schedule = Schedule::new(self.seed);
        let plans: Vec<_> = self.services.iter().map(|service| service.plan).collect();
        self.ids = self.schedule.add_all(plans, moment(self.now));
        self.unnoticed = 0;
        self.schedule.slept(self.ahead(), moment(self.now));
        self.gate = Gate::new(self.services[0].plan.interval);
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.slept as u64)
    }

    fn clocks(&self) -> Clocks {
        Clocks {
            boot: BootId([self.boot; 16]),
            since_boot: Duration::from_millis((self.now - self.booted) as u64),
            wall_seconds: self.wall.div_euclid(1_000),
        }
    }

    fn draw(&mut self, most: u64) -> u64 {
        below(&mut self.rng, most)
    }

    /// What happens until then.
    fn run(&mut self, until: i64) {
        loop {
            let next = match self.schedule.next(moment(self.now)) {
                Due::Probe(run) => {
                    self.start(run);
                    continue;
                }
                Due::At(at) => at.as_nanos().div_euclid(1_000_000) + 1,
                Due::Idle => i64::MAX,
            };
            let ends = self.flying.first_key_value().map_or(i64::MAX, |((at, _), _)| *at);
            let next = next.min(ends);
            if next > until {
                self.pass_to(until);
                return;
            }
            // What should have ended while it slept a little ends now.
            self.pass_to(next.max(self.now));
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (run, service, sample) = entry.remove();
                self.finish(run, service, &sample);
            }
        }
    }

    fn pass_to(&mut self, at: i64) {
        self.wall += at - self.now;
        self.now = at;
    }

    fn start(&mut self, run: Run) {
        let at = self.ids.iter().position(|id| *id == run.target).unwrap();
        let host = self.services[at].plan.host;
        let same = self.flying.values().filter(|(_, other, _)| self.services[*other].plan.host == host);
        assert_eq!(same.count(), 0, "seed {}: two probes of one host at once", self.seed);
        assert!(self.flying.len() < MOST_IN_FLIGHT);
        let (loss, is_down, is_private) = {
            let service = &self.services[at];
            (service.loss, service.is_down, service.plan.is_private)
        };
        let is_lost = self.draw(100) < loss;
        let bad = |reason| Outcome::new(Some(Level::Unhealthy), reason, Verdict::Failure);
        let timed_out =
            bad(Reason::TimedOut { phase: vps_health::Phase::Connect, after: Duration::from_secs(5) });
        let (took, outcome) = if self.is_offline && !is_private {
            match self.draw(4) {
                0 => (3, Outcome::local(Reason::NoRoute)),
                1 => (3, bad(Reason::Unreachable)),
                _ => (TIMEOUT, timed_out),
            }
        } else if is_down || is_lost {
            if self.draw(2) == 0 { (1, bad(Reason::Refused)) } else { (TIMEOUT, timed_out) }
        } else {
            let took = [20, 100, 700, 950, 1_200, 3_400][self.draw(if loss == 30 { 6 } else { 4 }) as usize];
            let level = self.services[at].timing.level(Duration::from_millis(took));
            let took_for = Duration::from_millis(took);
            let slow = Reason::Slow { phase: None, part: took_for, took: took_for };
            let reason = if level == Level::Healthy { Reason::Answered } else { slow };
            (took as i64, Outcome::new(Some(level), reason, Verdict::Success))
        };
        let sample = Sample::new(moment(self.now), Duration::from_millis(took as u64), outcome);
        self.probes += 1;
        self.flying.insert((self.now + took, self.probes), (run, at, sample));
    }

    fn finish(&mut self, run: Run, at: usize, sample: &Sample) {
        let now = moment(self.now);
        // As who drives it does: first whose fault it is, then the status, then the history, then when to ask again.
        let Plan { host, is_private, .. } = self.services[at].plan;
        let is_bad = sample.outcome.is_bad();
        let connection = match Gate::says(&sample.outcome) {
            _ if is_private => Connection::Online,
            Some(is_bad) => self.gate.heard(host, is_bad, now),
            None => self.gate.connection(now),
        };
        if is_bad && !is_private {
            let witnesses: BTreeSet<_> = self.gate.witnesses().into_iter().collect();
            for (service, id) in self.services.iter().zip(&self.ids) {
                if witnesses.contains(&service.plan.host) && !service.plan.is_private {
                    self.schedule.ask(*id, now);
                }
            }
        }
        let sample = match connection {
            Connection::Offline => {
                self.reached.insert("offline");
                &Sample { outcome: Outcome::local(Reason::NoRoute), ..sample.clone() }
            }
            Connection::Undecided => {
                self.reached.insert("undecided");
                sample
            }
            Connection::Online => sample,
        };
        let service = &mut self.services[at];
        let before = service.damped.status();
        let change = service.damped.sample_while(connection, sample, now);
        service.history.sample(sample, &service.damped, change, now);
        let after = After { recheck: service.damped.recheck(), not_before: None };
        assert_eq!(self.schedule.finished(run, after, now), Finished::Counts);
        // And now what must be.
        let status = service.damped.status();
        assert_eq!(
            change.map(|change| (change.from, change.to)),
            (status != before).then_some((before, status))
        );
        let begin = sample.at.as_nanos() / 1_000_000;
        match sample.outcome.level {
            None => {
                assert!(change.is_none(), "seed {}: what is LOCAL changes nothing", self.seed);
                let begin = self.now;
                let status = service.damped.status();
                if let Some(from) = service.good_from.take() {
                    let until = begin.min(from + 2 * millis(service.plan.interval));
                    service.seen.push(Seen { from, until, status });
                }
            }
            Some(level) => {
                service.row.push((begin, level));
                if let Some(from) = service.good_from.take() {
                    let until = self.now.min(from + 2 * millis(service.plan.interval));
                    service.seen.push(Seen { from, until, status: before });
                }
                service.good_from = Some(self.now);
            }
        }
        let Some(change) = change else { return };
        service.dated_back(&change, self.now);
        if change.to > change.from && change.to > Status::Healthy {
            self.reached.insert("worse");
            let last = service.row.iter().rev().take(3);
            let bad = last.filter(|(_, level)| Some(*level) >= change.to.level()).count();
            assert_eq!(bad, 3, "seed {}: {change:?} on fewer than three bad samples", self.seed);
            assert_ne!(connection, Connection::Undecided);
        } else if change.to < change.from {
            self.reached.insert("better");
            let last = service.row.iter().rev().take(2);
            assert!(last.filter(|(_, level)| Some(*level) < change.from.level()).count() == 2);
        }
        let since = change.since.as_nanos() / 1_000_000;
        assert!(service.row.iter().any(|(at, _)| *at == since), "seed {}: since no sample", self.seed);
    }

    fn sleep(&mut self, asleep: i64) {
        self.pass_to(self.now + asleep);
        self.slept += asleep;
        let now = moment(self.now);
        let noticed = self.schedule.slept(self.ahead(), now);
        self.unnoticed += asleep;
        if self.unnoticed <= 1_000 {
            assert_eq!(noticed, None);
            return;
        }
        self.reached.insert("slept");
        assert_eq!(noticed, Some(Duration::from_millis(self.unnoticed as u64)));
        self.unnoticed = 0;
        for (_, (run, ..)) in std::mem::take(&mut self.flying) {
            assert_eq!(self.schedule.finished(run, After::default(), now), Finished::Dropped);
        }
        for service in &mut self.services {
            service.look_away(self.now - asleep);
            service.history.slept(Duration::from_millis(asleep as u64), now);
        }
    }

    /// The process ends and another one begins, perhaps after a boot, perhaps with another wall clock.
    fn restart(&mut self, pause: i64, is_boot: bool) {
        self.flying.clear();
        let written = self.clocks();
        let stored: Vec<(Vec<u8>, Remembered)> = self
            .services
            .iter_mut()
            .map(|service| {
                let now = moment(self.now);
                service.history.pass(now);
                service.look_away(self.now);
                service.fixed = service.seen.len();
                (service.history.encode(&written), service.damped.remember(now))
            })
            .collect();
        self.pass_to(self.now + pause);
        if is_boot {
            self.reached.insert("booted");
            self.boot += 1;
            self.booted = self.now - pause.min(20_000);
            self.slept = 0;
        }
        let clocks = self.clocks();
        let now = moment(self.now);
        for (service, (bytes, kept)) in self.services.iter_mut().zip(stored) {
            let elapsed = clocks.elapsed_since(&written);
            assert_eq!(elapsed, (!is_boot).then(|| Duration::from_millis(pause as u64)));
            let before = service.damped.clone();
            service.damped = Damped::restore(service.timing, &kept, elapsed, now);
            service.history = History::decode(&bytes, service.plan.interval, &clocks, now).unwrap();
            service.history.begin(&service.damped, now);
            let age = before.last().map(|last| now.since(last.ended));
            let is_fresh = !is_boot && age.is_some_and(|age| age < service.timing.stale_after());
            let expected = if is_fresh { before.status() } else { Status::Unknown };
            assert_eq!(service.damped.status(), expected, "seed {}: restored out of nothing", self.seed);
            if is_fresh {
                self.reached.insert("restored");
            } else {
                service.row.clear();
            }
        }
        self.begin();
    }

    /// Uptime by the list of all that happened.
    fn check(&mut self) {
        for service in &mut self.services {
            service.history.pass(moment(self.now));
            let status = service.damped.status();
            let mut pieces = service.seen.clone();
            if let Some(from) = service.good_from {
                let until = self.now.min(from + 2 * millis(service.plan.interval));
                pieces.push(Seen { from, until, status });
            }
            let (mut up, mut seen) = (0, 0);
            for Seen { from, until, status } in pieces {
                let length = until - from;
                up += if matches!(status, Status::Healthy | Status::Degraded) { length } else { 0 };
                seen += if status == Status::Unknown { 0 } else { length };
            }
            let uptime = service.history.uptime(Window::Days(90));
            let found = (millis(uptime.up), millis(uptime.seen));
            assert_eq!(found, (up, seen), "seed {}: up and seen", self.seed);
        }
    }

    fn disturb(&mut self) {
        match self.draw(12) {
            0 => {
                let asleep = [500, 1_000, 1_001, 20_000, 70_000, 3 * 3_600_000, DAY][self.draw(7) as usize];
                self.sleep(asleep);
            }
            1 => self.wall += DAY,
            2 => self.wall -= DAY,
            3 | 4 => {
                let pause = [1, 5_000, 59_000, 200_000, 7_200_000][self.draw(5) as usize];
                self.restart(pause, false);
            }
            5 => {
                // Nothing but the wall tells how long it was off.
                let pause = [20_000, 30_000, 7_200_000][self.draw(3) as usize];
                self.restart(pause, true);
            }
            6 | 7 => self.is_offline = !self.is_offline,
            _ => {
                let at = self.draw(self.services.len() as u64) as usize;
                self.services[at].is_down = !self.services[at].is_down;
            }
        }
    }
}

#[test]
fn nothing_comes_out_of_nothing() {
    let mut reached = BTreeSet::new();
    for seed in seeds(60, 3_000) {
        let mut world = World::new(seed, true);
        for _ in 0..25 {
            let length = [1_000, 20_000, 60_000, 200_000, 900_000][world.draw(5) as usize];
            world.run(world.now + 1 + world.now % 7 + length);
            world.check();
            world.disturb();
            world.check();
        }
        reached.append(&mut world.reached);
    }
    let all = ["better", "booted", "offline", "restored", "slept", "undecided", "worse"];
    assert!(all.iter().all(|state| reached.contains(state)), "only {reached:?}");
}

#[test]
fn an_offline_machine_changes_no_status() {
    let mut was_offline = 0;
    for seed in seeds(150, 20_000) {
        let mut world = World::new(seed, false);
        for (host, service) in (0..).zip(&mut world.services) {
            service.plan.host = host;
            service.loss = 0;
        }
        world.begin();
        world.run(200_000);
        if world.services.len() < 3 {
            continue;
        }
        let healthy =
            |world: &World| world.services.iter().all(|service| service.damped.status() == Status::Healthy);
        assert!(healthy(&world));
        for _ in 0..4 {
            let length = [3_000, 15_000, 40_000, 600_000][world.draw(4) as usize];
            let begin = world.now + 1 + i64::try_from(world.draw(60_000)).unwrap();
            world.run(begin);
            world.is_offline = true;
            world.run(world.now + length);
            world.is_offline = false;
            world.run(world.now + 200_000);
            assert!(healthy(&world), "seed {seed}");
        }
        was_offline += u64::from(world.reached.contains("offline"));
    }
    assert!(was_offline > 20, "{was_offline}");
}

/// A bad sample that comes while it is not known whose fault it is makes nothing worse, and the next one is an interval
/// away: where that happens again and again a status is late, and never another one.
const LATE: u64 = 20_000;

#[test]
fn services_that_fail_together_are_no_offline_machine() {
    let (mut worlds, mut late) = (0, Vec::new());
    for seed in seeds(100, 20_000) {
        let mut world = World::new(seed, false);
        for (host, service) in (0..).zip(&mut world.services) {
            service.plan.host = host;
            service.loss = 0;
        }
        if world.services.len() < 5 {
            continue;
        }
        world.begin();
        world.run(200_000);
        let down = world.services.len() / 2;
        for service in &mut world.services[..down] {
            service.is_down = true;
        }
        let is_told_apart = |world: &World| {
            let unhealthy = world.services.iter().map(|service| service.damped.status() == Status::Unhealthy);
            unhealthy.eq((0..world.services.len()).map(|at| at < down))
        };
        let interval = millis(world.services[0].plan.interval);
        // A round, its confirmations, and once more where others were asked first.
        world.run(world.now + 2 * interval + 30_000 + 4 * TIMEOUT);
        worlds += 1;
        if !is_told_apart(&world) {
            late.push(seed);
            world.run(world.now + 10 * interval);
            assert!(is_told_apart(&world), "seed {seed}");
        }
        world.check();
    }
    assert!(late.len() as u64 <= worlds / LATE, "{late:?} of {worlds}");
}
