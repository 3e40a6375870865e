//! What must hold in every trace, whatever the plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Plan;

/// Milliseconds that another process's change may go unseen.
const STALE: u64 = 100;

/// States that the worlds must have seen.
pub(crate) const RARE: [&str; 11] = [
    "opened",
    "half-open",
    "closed again",
    "refused",
    "throttled",
    "deadline",
    "waited",
    "waited for a place",
    "queue full",
    "died with a probe",
    "died",
];

struct Line<'l> {
    tick: u64,
    pid: &'l str,
    operation: &'l str,
    service: &'l str,
    kind: &'l str,
    fields: Vec<&'l str>,
}

fn lines(lines: &[String]) -> Vec<Line<'_>> {
    lines
        .iter()
        .map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap();
            let (tick, pid, operation, service, kind) = (next(), next(), next(), next(), next());
            Line { tick: tick.parse().unwrap(), pid, operation, service, kind, fields: words.collect() }
        })
        .collect()
}

pub(crate) fn check(plan: &Plan, trace: &[String]) -> Result<(), String> {
    let trace = lines(trace);
    terminal(&trace)?;
    attempts(plan, &trace)?;
    in_time(plan, &trace)?;
    retry_after(&trace)?;
    open_is_open(&trace)?;
    probes(plan, &trace)?;
    in_flight(plan, &trace)?;
    nothing_leaks(&trace)?;
    calm(&trace)
}

/// Exactly one end for each operation, unless its process died.
fn terminal(trace: &[Line<'_>]) -> Result<(), String> {
    let dead: BTreeSet<&str> = trace.iter().filter(|line| line.kind == "died").map(|line| line.pid).collect();
    let mut ends: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for line in trace {
        let key = (line.pid, line.operation);
        match line.kind {
            "started" => drop(ends.insert(key, 0)),
            "succeeded" | "failed" => *ends.get_mut(&key).ok_or("an end without a start")? += 1,
            _ => {}
        }
    }
    match ends.iter().find(|((pid, _), count)| **count != 1 && !(dead.contains(pid) && **count == 0)) {
        Some((operation, count)) => Err(format!("{count} ends of {operation:?}")),
        None => Ok(()),
    }
}

/// Never more attempts than allowed, and none after one that will never work.
fn attempts(plan: &Plan, trace: &[Line<'_>]) -> Result<(), String> {
    let mut made: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut over: BTreeSet<(&str, &str)> = BTreeSet::new();
    for line in trace {
        let key = (line.pid, line.operation);
        match line.kind {
            "attempt_started" => {
                let made = made.entry(key).or_default();
                *made += 1;
                if *made > plan.attempts {
                    return Err(format!("attempt {made} of {} at {}", plan.attempts, line.tick));
                }
            }
            "attempt_failed" if line.fields[1] == "permanent" => drop(over.insert(key)),
            "permanent" => drop(over.insert(key)),
            "begins" if over.contains(&key) => {
                return Err(format!("another attempt after a permanent failure at {}", line.tick));
            }
            _ => {}
        }
        if line.kind == "attempt_started" && over.contains(&key) {
            return Err(format!("another attempt after a permanent failure at {}", line.tick));
        }
    }
    Ok(())
}

/// Nothing takes longer than its deadline; the timer's step is a millisecond.
fn in_time(plan: &Plan, trace: &[Line<'_>]) -> Result<(), String> {
    for line in trace.iter().filter(|line| matches!(line.kind, "succeeded" | "failed")) {
        let took: u64 = line.fields[1].parse().unwrap();
        if took > plan.total * 1_000 + 2 {
            return Err(format!("{took} ms at {} are more than {} s", line.tick, plan.total));
        }
    }
    Ok(())
}

/// A server that asks for a pause gets it.
fn retry_after(trace: &[Line<'_>]) -> Result<(), String> {
    let mut not_before: BTreeMap<&str, u64> = BTreeMap::new();
    for line in trace {
        match line.kind {
            "throttled" => {
                not_before.insert(line.operation, line.tick + line.fields[0].parse::<u64>().unwrap());
            }
            "begins" if not_before.get(line.operation).is_some_and(|tick| line.tick < *tick) => {
                return Err(format!("{} came back at {}, before its Retry-After", line.operation, line.tick));
            }
            _ => {}
        }
    }
    Ok(())
}

/// While a circuit is open nobody calls, once they can have seen it.
fn open_is_open(trace: &[Line<'_>]) -> Result<(), String> {
    let mut open: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for line in trace {
        match line.kind {
            "circuit_moved" if line.fields[1] == "open" => {
                open.insert(line.service, (line.tick, line.pid));
            }
            "circuit_moved" => drop(open.remove(line.service)),
            "attempt_started" => {
                if let Some((since, by)) = open.get(line.service) {
                    let slack = if line.pid == *by { 0 } else { STALE };
                    if line.tick > since + slack {
                        return Err(format!(
                            "a call at {} to {}, open since {since}",
                            line.tick, line.service
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Never more probes in flight than allowed, over all processes.
fn probes(plan: &Plan, trace: &[Line<'_>]) -> Result<(), String> {
    let mut half_open: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for line in trace {
        match line.kind {
            "circuit_moved" if line.fields[1] == "half_open" => {
                half_open.insert(line.service, BTreeSet::new());
            }
            "circuit_moved" => drop(half_open.remove(line.service)),
            "attempt_started" => {
                if let Some(probes) = half_open.get_mut(line.service) {
                    probes.insert((line.pid, line.operation));
                    if probes.len() as u64 > plan.probes {
                        return Err(format!("{} probes at {}", probes.len(), line.tick));
                    }
                }
            }
            "attempt_failed" | "succeeded" | "failed" => {
                for probes in half_open.values_mut() {
                    probes.remove(&(line.pid, line.operation));
                }
            }
            "died" => half_open.values_mut().for_each(|probes| probes.retain(|(pid, _)| *pid != line.pid)),
            _ => {}
        }
    }
    Ok(())
}

/// Never more calls to a service under way in a process than there are places.
fn in_flight(plan: &Plan, trace: &[Line<'_>]) -> Result<(), String> {
    let mut calls: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in trace {
        let key = (line.pid, line.operation);
        match line.kind {
            "attempt_started" => {
                calls.insert(key, line.service);
                let of =
                    |(key, service): &(&(&str, &str), &&str)| key.0 == line.pid && **service == line.service;
                let inside = calls.iter().filter(of).count() as u64;
                if inside > plan.places {
                    return Err(format!("{inside} calls at {} with {} places", line.tick, plan.places));
                }
            }
            "attempt_failed" | "succeeded" | "failed" => drop(calls.remove(&key)),
            "died" => calls.retain(|(pid, _), _| *pid != line.pid),
            _ => {}
        }
    }
    Ok(())
}

/// Who ends in good order leaves no place taken and nobody waiting.
fn nothing_leaks(trace: &[Line<'_>]) -> Result<(), String> {
    match trace.iter().find(|line| line.kind == "left" && line.fields != ["0", "0"]) {
        Some(line) => Err(format!("{} leaked places of {}: {:?}", line.pid, line.service, line.fields)),
        None => Ok(()),
    }
}

/// When all is well again, every circuit closes.
fn calm(trace: &[Line<'_>]) -> Result<(), String> {
    let ends: Vec<&Line<'_>> = trace.iter().filter(|line| line.kind == "calm").collect();
    if ends.len() != 2 {
        return Err("the world did not get calm".to_owned());
    }
    match ends.iter().find(|line| line.fields != ["true", "closed"]) {
        Some(line) => Err(format!("{} is stuck: {:?}", line.service, line.fields)),
        None => Ok(()),
    }
}

/// Which rare states a trace saw.
pub(crate) fn reached(trace: &[String]) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    let mut probing: BTreeMap<&str, &str> = BTreeMap::new();
    let trace = lines(trace);
    for line in &trace {
        match (line.kind, line.fields.get(1).copied()) {
            ("circuit_moved", Some("open")) => drop(seen.insert("opened")),
            ("circuit_moved", Some("half_open")) => {
                seen.insert("half-open");
                probing.insert(line.pid, line.service);
            }
            ("circuit_moved", Some("closed")) => drop(seen.insert("closed again")),
            ("circuit_rejected", _) => drop(seen.insert("refused")),
            ("throttled", _) => drop(seen.insert("throttled")),
            // A wait for a place has no time to look again.
            ("waiting", _) if line.fields == ["0"] => drop(seen.insert("waited for a place")),
            ("waiting", _) => drop(seen.insert("waited")),
            ("failed", _) if line.fields[2] == "QueueFull" => drop(seen.insert("queue full")),
            ("failed", _) if line.fields[2] == "Timeout" => drop(seen.insert("deadline")),
            ("died", _) => {
                seen.insert("died");
                if probing.contains_key(line.pid) {
                    seen.insert("died with a probe");
                }
            }
            ("attempt_failed" | "succeeded", _) => drop(probing.remove(line.pid)),
            _ => {}
        }
    }
    seen
}
