//! What must hold in every trace, whatever the plan.

use std::collections::{BTreeMap, BTreeSet};

use vps_ops::testing::sim::Line;

use crate::flights::Flights;
use crate::plan::{Plan, StoreKind};
use crate::{members, places};

/// Milliseconds that another process's change may go unseen, and the step between a permit and its call.
const STALE: u64 = 102;
/// Milliseconds that a slow store may hold one operation up: two answers that are waited for.
const STORE: u64 = 420;

/// One operation, or one circuit of a machine.
pub(crate) type Operation = (u32, u64);
type Circuit = (u64, u64);

/// Checks every law; says the first that does not hold.
pub(crate) fn check(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    one_end(trace)?;
    attempts(plan, trace)?;
    in_time(plan, trace)?;
    retry_after(plan, trace)?;
    budget(trace)?;
    if let Some(line) = trace.iter().find(|line| line.kind == "leaked") {
        return Err(format!("a secret in an event: {line}"));
    }
    // A store that fails or is late leaves each process to its own memory, as it should.
    if plan.store == StoreKind::Well {
        circuits(plan, trace)?;
    }
    places::in_flight(plan, trace)?;
    places::nothing_leaks(trace)?;
    members::left_out(plan, trace)?;
    members::own_reports(trace)?;
    members::by_itself(plan, trace)?;
    calm(plan, trace)
}

/// Milliseconds that the store may hold an operation up; one with members asks it for each of them.
pub(crate) fn store_time(plan: &Plan) -> u64 {
    match plan.store {
        StoreKind::Slow(_) if plan.members > 0 => 3 * STORE,
        StoreKind::Slow(_) => STORE,
        _ => 0,
    }
}

fn machines(trace: &[Line]) -> BTreeMap<u32, u64> {
    let born = trace.iter().filter(|line| line.kind == "born");
    born.map(|line| (line.process, line.number("machine").unwrap())).collect()
}

/// Exactly one end for each operation, unless its process died. One that the caller let go of ends, too.
fn one_end(trace: &[Line]) -> Result<(), String> {
    let mut ends: BTreeMap<Operation, u32> = BTreeMap::new();
    let mut dead = BTreeSet::new();
    for line in trace {
        let key = (line.process, line.operation);
        match line.kind {
            "crashed" => drop(dead.insert(line.process)),
            "started" => drop(ends.insert(key, 0)),
            "succeeded" | "failed" => *ends.get_mut(&key).ok_or("an end without a start")? += 1,
            "over" if line.number("ended") != Some(1) => return Err(format!("never ended: {line}")),
            _ => {}
        }
    }
    for ((process, operation), count) in ends {
        if count == 0 && !dead.contains(&process) {
            return Err(format!("no end of operation {operation} of process {process}"));
        } else if count > 1 {
            return Err(format!("{count} ends of operation {operation} of process {process}"));
        }
    }
    Ok(())
}

/// Never more attempts than allowed, and none after one that will never work.
fn attempts(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let mut made: BTreeMap<Operation, u64> = BTreeMap::new();
    let mut over: BTreeSet<Operation> = BTreeSet::new();
    for line in trace {
        let key = (line.process, line.operation);
        match line.kind {
            "attempt_started" => {
                let made = made.entry(key).or_default();
                *made += 1;
                if *made > plan.attempts {
                    return Err(format!("more than {} attempts: {line}", plan.attempts));
                }
                if over.contains(&key) {
                    return Err(format!("an attempt after a failure for good: {line}"));
                }
            }
            "attempt_failed" if matches!(line.word("class"), Some("permanent" | "local")) => {
                over.insert(key);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Nothing takes longer than its limit, the store's answers and a timer's step aside.
fn in_time(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let limit = plan.total * 1_000 + plan.suspended() + store_time(plan) + 4;
    let by_itself = members::those_by_itself(trace);
    for line in trace.iter().filter(|line| matches!(line.kind, "succeeded" | "failed")) {
        let late = if by_itself.contains(&(line.process, line.operation)) { members::LAG } else { 0 };
        if line.number("took").unwrap() > (limit + late) * 1_000 {
            return Err(format!("more than {} ms: {line}", limit + late));
        }
    }
    Ok(())
}

/// A service that asks for a pause gets it.
fn retry_after(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let mut not_before: BTreeMap<Operation, u64> = BTreeMap::new();
    for line in trace {
        let key = (line.process, line.operation);
        match line.kind {
            "attempt_failed" => {
                let wait = line.number("at_least").unwrap() / 1_000;
                not_before.insert(key, (line.tick + wait).saturating_sub(plan.suspended()));
            }
            "attempt_started" if not_before.get(&key).is_some_and(|tick| line.tick < *tick) => {
                return Err(format!("back before its Retry-After: {line}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A process retries a service at most ten times and once more for every five calls.
fn budget(trace: &[Line]) -> Result<(), String> {
    let mut tokens: BTreeMap<(u32, u64), i64> = BTreeMap::new();
    for line in trace.iter().filter(|line| matches!(line.kind, "attempt_started" | "joined")) {
        // An attempt with members is nobody's in particular, and so is its retry.
        let Some(service) = line.number("service") else { continue };
        let left = tokens.entry((line.process, service)).or_insert(10_000);
        // What was announced and not made, as when the queue was full, costs nothing.
        *left -= if line.number("number").is_some_and(|number| number > 1) { 1_000 } else { 0 };
        // Entered and not yet said: the call of the other lane.
        if *left < -200 {
            return Err(format!("a retry beyond the budget: {line}"));
        }
        // An operation earns once.
        *left += if line.number("number").is_none_or(|number| number == 1) { 200 } else { 0 };
    }
    Ok(())
}

/// A circuit as the trace shows it.
#[derive(Default)]
struct Seen {
    state: &'static str,
    generation: u64,
    since: u64,
    by: u32,
    in_flight: BTreeSet<Operation>,
    /// Since when no call is in flight.
    idle_since: u64,
    /// The generation in which each attempt began.
    began: BTreeMap<Operation, u64>,
    /// Whose attempt opened it in this outage: these go on, everyone else is refused.
    openers: BTreeSet<Operation>,
}

/// Open is open; never too many probes; never stuck; generations go on; a stale result moves nothing.
fn circuits(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let machines = machines(trace);
    let mut circuits: BTreeMap<Circuit, Seen> = BTreeMap::new();
    let mut flights = Flights::default();
    for line in trace {
        let Some(machine) = machines.get(&line.process) else { continue };
        let operation = (line.process, line.operation);
        let (starts, landed) = flights.see(line);
        for landed in landed {
            if let Some(circuit) = circuits.get_mut(&(*machine, landed.service)) {
                circuit.in_flight.remove(&landed.operation);
                circuit.rest(line.tick);
                // It may have moved, and nobody said so: also by a call that slept through its idle limit.
                if landed.dropped && (landed.reported || plan.suspended() > 0) {
                    circuit.state = "unknown";
                }
            }
        }
        if line.kind == "crashed" {
            circuits.values_mut().for_each(|circuit| circuit.rest(line.tick));
        }
        let Some(service) = line.number("service") else { continue };
        let circuit = circuits.entry((*machine, service)).or_default();
        match line.kind {
            _ if starts.is_some() => circuit.starts(plan, line, operation)?,
            "circuit_moved" => circuit.moved(line, operation)?,
            "retrying" if !plan.wait => circuit.retries(plan, line, operation)?,
            "circuit_rejected" => circuit.rejects(line)?,
            _ => {}
        }
    }
    Ok(())
}

impl Seen {
    fn rest(&mut self, tick: u64) {
        if self.in_flight.is_empty() {
            self.idle_since = self.idle_since.max(tick);
        }
    }

    fn moved(&mut self, line: &Line, operation: Operation) -> Result<(), String> {
        let (to, generation) = (line.word("to").unwrap(), line.number("generation").unwrap());
        if generation <= self.generation {
            return Err(format!("generation {} before: {line}", self.generation));
        }
        let began = self.began.get(&operation).copied();
        let by_pass = to == "closed" && self.openers.contains(&operation);
        if to != "half_open" && !by_pass && began.is_some_and(|began| began != self.generation) {
            return Err(format!("a result of an earlier generation moved it: {line}"));
        }
        (self.state, self.generation, self.since, self.by) = (to, generation, line.tick, line.process);
        self.idle_since = line.tick;
        match to {
            "half_open" => self.in_flight.clear(),
            "open" => drop(self.openers.insert(operation)),
            _ => self.openers.clear(),
        }
        Ok(())
    }

    fn starts(&mut self, plan: &Plan, line: &Line, operation: Operation) -> Result<(), String> {
        let slack = if line.process == self.by { 2 } else { STALE };
        let has_pass = self.openers.contains(&operation);
        if self.state == "open" && !has_pass && line.tick > self.since + slack {
            return Err(format!("a call while it is open since {}: {line}", self.since));
        }
        self.began.insert(operation, self.generation);
        if self.state == "open" && has_pass {
            // It has no slot.
            return Ok(());
        }
        self.in_flight.insert(operation);
        // A lease runs out while the machine sleeps; its holder is told when it wakes, a moment later.
        let slept = plan.suspended() > 0;
        if self.state == "half_open" && !slept && self.in_flight.len() as u64 > plan.probes {
            return Err(format!("{} probes at once: {line}", self.in_flight.len()));
        }
        Ok(())
    }

    /// A retry that is announced is one that comes: not where the circuit is known to be open by others.
    fn retries(&self, plan: &Plan, line: &Line, operation: Operation) -> Result<(), String> {
        let is_others = self.state == "open" && !self.openers.contains(&operation);
        // Asleep it may have become due.
        let open_time = if plan.suspended() > 0 { 500 } else { (plan.timeout * 1_000).max(500) };
        if is_others && self.by == line.process && line.tick + 2 < self.since + open_time {
            return Err(format!("a retry though it opened at {}: {line}", self.since));
        }
        Ok(())
    }

    /// In half-open somebody must be on the way, or we could be.
    fn rejects(&self, line: &Line) -> Result<(), String> {
        let idle = self.in_flight.is_empty() && line.tick > self.idle_since + STALE;
        if self.state == "half_open" && idle {
            return Err(format!("refused though no probe is out since {}: {line}", self.idle_since));
        }
        Ok(())
    }
}

/// When all is well again, every circuit closes.
fn calm(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let ends: Vec<&Line> = trace.iter().filter(|line| line.kind == "calm").collect();
    if ends.len() as u64 != plan.machines * 2 {
        return Err("the world did not get calm".to_owned());
    }
    let stuck = ends.iter().find(|line| (line.number("ok"), line.word("state")) != (Some(1), Some("closed")));
    stuck.map_or(Ok(()), |line| Err(format!("stuck: {line}")))
}
