//! A world as a value: who runs what, which service fails when, who dies where, what the clocks do. It
//! prints as the line that replays it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use vps_ops::testing::scripted_service::{Fault, FaultKind};
use vps_ops::testing::sim::CrashPoint;

use crate::draw::Draw;

/// What becomes of the store while there are faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Well,
    /// So many of a hundred calls fail.
    Fails(u64),
    /// A job may take so many milliseconds.
    Slow(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Suspend(u64),
    /// The wall clock goes on or back by so many seconds.
    Step(i64),
    Reboot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) machines: u64,
    /// Of each machine.
    pub(crate) processes: u64,
    /// Of each of a process's two lanes.
    pub(crate) operations: u64,
    pub(crate) threshold: u64,
    /// Seconds a circuit stays open.
    pub(crate) timeout: u64,
    pub(crate) probes: u64,
    /// Seconds of a probe's lease.
    pub(crate) lease: u64,
    pub(crate) attempts: u64,
    /// Seconds of an operation.
    pub(crate) total: u64,
    pub(crate) wait: bool,
    /// Of a hundred operations the caller gives up so many.
    pub(crate) gives_up: u64,
    /// Calls at once to a service in each process, and how many may wait for it.
    pub(crate) places: u64,
    pub(crate) queue: u64,
    /// Of a hundred operations so many have both services as members.
    pub(crate) members: u64,
    /// Of a hundred operations so many end by themselves.
    pub(crate) by_itself: u64,
    /// The millisecond at which every fault ends.
    pub(crate) calm: u64,
    pub(crate) store: StoreKind,
    /// Each of a service.
    pub(crate) faults: Vec<(u64, Fault)>,
    /// Each of a process, counted over all machines.
    pub(crate) crashes: Vec<(u64, CrashPoint)>,
    /// Each of a machine, at a millisecond.
    pub(crate) clocks: Vec<(u64, u64, Clock)>,
}

impl Plan {
    /// A swarm: which kinds of trouble there are at all is drawn first, then how much of each.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        // Machines share nothing but the services: that many work is worth a look, not a third of the time.
        let machines = match draw.between(1, 500) {
            1 => 200,
            2..=8 => 20,
            _ => draw.of(&[1, 1, 1, 2, 3]),
        };
        let processes = if machines > 3 { 1 } else { draw.of(&[1, 1, 2, 2, 2, 3, 3, 5]) };
        let calm = draw.between(10, 50) * 1_000;
        let second = Duration::from_secs(1);
        let kinds = [
            FaultKind::Reset,
            FaultKind::Refuse,
            FaultKind::Throttle(second * u32::try_from(draw.between(1, 8)).unwrap()),
            FaultKind::Unavailable,
            FaultKind::Stall,
            FaultKind::Slow(second * u32::try_from(draw.between(1, 9)).unwrap()),
            FaultKind::Missing,
            FaultKind::Local,
        ];
        let on: Vec<FaultKind> = kinds.into_iter().filter(|_| draw.chance(50)).collect();
        let faults = (0..if on.is_empty() { 0 } else { draw.between(0, 6) })
            .map(|_| {
                let from = draw.between(0, calm * 3 / 4);
                let to = (from + draw.between(100, 30_000)).min(calm);
                let percent = draw.of(&[30, 70, 100, 100]);
                (draw.between(0, 1), Fault::new(from, to, draw.of(&on), percent))
            })
            .collect();
        let crashes = (0..draw.of(&[0, 0, 1, 3]))
            .map(|_| {
                // Half of them where something rare was just made to happen.
                let point = match draw.chance(50) {
                    true => CrashPoint::Site(draw.between(1, 6)),
                    false => CrashPoint::Poll(draw.between(1, 60)),
                };
                (draw.between(0, machines * processes - 1), point)
            })
            .collect();
        let clocks = (0..draw.of(&[0, 0, 0, 1, 2]))
            .map(|_| {
                let kind = match draw.between(0, 2) {
                    0 => Clock::Suspend(draw.between(1, 30) * 1_000),
                    1 => Clock::Step(draw.of(&[-86_400, -30, 30, 86_400])),
                    _ => Clock::Reboot,
                };
                (draw.between(0, machines - 1), draw.between(0, calm / 500) * 500, kind)
            })
            .collect();
        let mut plan = Self {
            seed,
            machines,
            processes,
            operations: if machines > 3 { 2 } else { draw.between(1, 6) },
            threshold: draw.of(&[1, 2, 3, 3, 5, 60]),
            timeout: draw.of(&[1, 5, 20]),
            probes: draw.of(&[1, 1, 2]),
            lease: draw.of(&[2, 60]),
            attempts: draw.between(1, 6),
            total: draw.of(&[2, 10, 30]),
            wait: draw.chance(30),
            gives_up: draw.of(&[0, 0, 15, 60]),
            calm,
            places: 2,
            queue: 2,
            members: 0,
            by_itself: 0,
            store: match draw.between(0, 5) {
                0 => StoreKind::Fails(draw.of(&[10, 100])),
                1 => StoreKind::Slow(draw.of(&[50, 400])),
                _ => StoreKind::Well,
            },
            faults,
            crashes,
            clocks,
        };
        // Aim, not volume: what chance brings together too seldom.
        let aim = draw.between(1, 100);
        plan.places = draw.of(&[1, 1, 2, 2]);
        plan.queue = draw.of(&[0, 1, 2]);
        plan.members = draw.of(&[0, 0, 30, 100]);
        plan.by_itself = draw.of(&[0, 0, 30, 60]);
        match aim {
            1..=6 => plan.into_storm(),
            7..=12 => plan.into_impatience(),
            13..=18 => plan.into_long_probes(),
            _ => plan,
        }
    }

    /// A long outage that no circuit stops: only the budget keeps the retries down.
    fn into_storm(self) -> Self {
        let outage = Fault::new(0, self.calm, FaultKind::Reset, 100);
        let faults = vec![(0, outage), (1, outage)];
        let (operations, threshold, attempts, total, gives_up, members) = (8, 60, 6, 60, 0, 0);
        Self { operations, threshold, attempts, total, gives_up, members, faults, ..self }
    }

    /// Probes that take longer than their lease, which they must renew.
    fn into_long_probes(self) -> Self {
        let second = Duration::from_secs(1);
        let refuse = Fault::new(0, 4_000, FaultKind::Refuse, 100);
        let slow = Fault::new(4_000, self.calm, FaultKind::Slow(second * 9), 100);
        let faults = vec![(0, refuse), (0, slow), (1, refuse), (1, slow)];
        let (threshold, timeout, lease, operations, total) = (1, 1, 2, 8, 30);
        Self { machines: 1, processes: 3, threshold, timeout, lease, operations, total, faults, ..self }
    }

    /// Probes that hang, and callers that do not wait for them.
    fn into_impatience(self) -> Self {
        let stall = Fault::new(0, self.calm, FaultKind::Stall, 70);
        let refuse = Fault::new(0, self.calm, FaultKind::Refuse, 100);
        let faults = vec![(0, stall), (0, refuse)];
        let (threshold, timeout, lease, operations, total) = (1, 1, 60, 8, 30);
        Self { threshold, timeout, lease, operations, total, gives_up: 60, faults, ..self }
    }

    /// Milliseconds by which clocks run ahead of the one outside.
    pub(crate) fn suspended(&self) -> u64 {
        self.clocks.iter().map(|(_, _, clock)| if let Clock::Suspend(ms) = clock { *ms } else { 0 }).sum()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, machines, processes, operations, threshold, timeout, probes, .. } = self;
        write!(f, "seed={seed} machines={machines} processes={processes} operations={operations}")?;
        write!(f, " threshold={threshold} timeout={timeout} probes={probes} lease={}", self.lease)?;
        write!(f, " attempts={} total={} wait={}", self.attempts, self.total, self.wait)?;
        write!(f, " gives_up={} calm={}", self.gives_up, self.calm)?;
        write!(f, " places={} queue={}", self.places, self.queue)?;
        write!(f, " members={} by_itself={}", self.members, self.by_itself)?;
        match self.store {
            StoreKind::Well => f.write_str(" store=well")?,
            StoreKind::Fails(percent) => write!(f, " store=fails{percent}")?,
            StoreKind::Slow(most) => write!(f, " store=slow{most}")?,
        }
        for (service, fault) in &self.faults {
            write!(f, " fault={service}@{fault}")?;
        }
        for (process, point) in &self.crashes {
            match point {
                CrashPoint::Site(n) => write!(f, " crash={process}@site{n}")?,
                CrashPoint::Poll(n) => write!(f, " crash={process}@poll{n}")?,
                other => unreachable!("{other:?}"),
            }
        }
        for (machine, at, clock) in &self.clocks {
            match clock {
                Clock::Suspend(ms) => write!(f, " clock={machine}@{at}ms:suspend{ms}")?,
                Clock::Step(seconds) => write!(f, " clock={machine}@{at}ms:step{seconds}")?,
                Clock::Reboot => write!(f, " clock={machine}@{at}ms:reboot")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = String;

    /// What a line leaves out is as in the calmest world.
    fn from_str(line: &str) -> Result<Self, String> {
        let mut plan = Self { store: StoreKind::Well, gives_up: 0, processes: 1, ..Self::draw(0) };
        (plan.places, plan.queue, plan.members, plan.by_itself) = (2, 2, 0, 0);
        (plan.faults, plan.crashes, plan.clocks) = (Vec::new(), Vec::new(), Vec::new());
        for word in line.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not key=value"))?;
            let number = || value.parse::<u64>().map_err(|error| format!("{word}: {error}"));
            let nonsense = || format!("`{word}` makes no sense");
            match key {
                "seed" => plan.seed = number()?,
                "machines" => plan.machines = number()?,
                "processes" => plan.processes = number()?,
                "operations" => plan.operations = number()?,
                "threshold" => plan.threshold = number()?,
                "timeout" => plan.timeout = number()?,
                "probes" => plan.probes = number()?,
                "lease" => plan.lease = number()?,
                "attempts" => plan.attempts = number()?,
                "total" => plan.total = number()?,
                "wait" => plan.wait = value == "true",
                "gives_up" => plan.gives_up = number()?,
                "calm" => plan.calm = number()?,
                "places" => plan.places = number()?,
                "queue" => plan.queue = number()?,
                "members" => plan.members = number()?,
                "by_itself" => plan.by_itself = number()?,
                "store" => plan.store = store(value).ok_or_else(nonsense)?,
                "fault" => plan.faults.push(fault(value).ok_or_else(nonsense)?),
                "crash" => plan.crashes.push(crash(value).ok_or_else(nonsense)?),
                "clock" => plan.clocks.push(clock(value).ok_or_else(nonsense)?),
                other => return Err(format!("there is no `{other}`")),
            }
        }
        Ok(plan)
    }
}

fn store(text: &str) -> Option<StoreKind> {
    if let Some(percent) = text.strip_prefix("fails") {
        return Some(StoreKind::Fails(percent.parse().ok()?));
    }
    match text.strip_prefix("slow") {
        Some(most) => Some(StoreKind::Slow(most.parse().ok()?)),
        None => (text == "well").then_some(StoreKind::Well),
    }
}

fn fault(text: &str) -> Option<(u64, Fault)> {
    let (service, fault) = text.split_once('@')?;
    Some((service.parse().ok().filter(|service| *service < 2)?, fault.parse().ok()?))
}

fn crash(text: &str) -> Option<(u64, CrashPoint)> {
    let (process, point) = text.split_once('@')?;
    let point = match point.strip_prefix("poll") {
        Some(poll) => CrashPoint::Poll(poll.parse().ok()?),
        None => CrashPoint::Site(point.strip_prefix("site")?.parse().ok()?),
    };
    Some((process.parse().ok()?, point))
}

fn clock(text: &str) -> Option<(u64, u64, Clock)> {
    let (machine, rest) = text.split_once('@')?;
    let (at, kind) = rest.split_once("ms:")?;
    let kind = if kind == "reboot" {
        Clock::Reboot
    } else if let Some(ms) = kind.strip_prefix("suspend") {
        Clock::Suspend(ms.parse().ok()?)
    } else {
        Clock::Step(kind.strip_prefix("step")?.parse().ok()?)
    };
    Some((machine.parse().ok()?, at.parse().ok()?, kind))
}
