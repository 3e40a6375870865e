//! Which rare states a run of worlds must have seen: a law about a state that never comes proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use vps_ops::testing::sim::Line;

use crate::plan::{Clock, Plan, StoreKind};

pub(crate) const RARE: [&str; 29] = [
    "opened",
    "half-open",
    "closed again",
    "opened again by a probe",
    "refused",
    "went on by a pass",
    "closed by a pass",
    "Retry-After",
    "out of time",
    "waited for a circuit",
    "waited for a place",
    "queue full",
    "a member left out",
    "members that did not do alike",
    "two members that probe",
    "told to stop and ended by itself",
    "over its deadline and ended by itself",
    "stopped by the budget",
    "died",
    "died with a probe",
    "a probe cut short by its caller",
    "a stale result",
    "two probes at once",
    "rebooted while open",
    "suspended while open",
    "wall clock stepped",
    "failing store while open",
    "slow store while open",
    "two hundred machines",
];

fn of_service(line: &Line) -> (u32, u64) {
    (line.process, line.number("service").unwrap_or_default())
}

pub(crate) fn reached(plan: &Plan, trace: &[Line]) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    let mut probes: BTreeMap<(u32, u64), u64> = BTreeMap::new();
    let mut began: BTreeMap<(u32, u64), usize> = BTreeMap::new();
    let mut numbers: BTreeMap<(u32, u64), u64> = BTreeMap::new();
    let mut last: BTreeMap<(u32, u64), (&str, u64)> = BTreeMap::new();
    let mut tokens: BTreeMap<(u32, u64), i64> = BTreeMap::new();
    // Of operations with members: what was reported, and whose circuits they moved on their way in.
    let mut verdicts: BTreeMap<(u32, u64), BTreeSet<&str>> = BTreeMap::new();
    let mut probing: BTreeMap<(u32, u64), BTreeSet<u64>> = BTreeMap::new();
    let (mut opened, mut half_open_at) = (false, None);
    let mut moves = 0;
    // By machine-wide service number: who opened it, and has not seen it close.
    let mut openers: BTreeMap<u64, BTreeSet<(u32, u64)>> = BTreeMap::new();
    for line in trace {
        let operation = (line.process, line.operation);
        match line.kind {
            "circuit_moved" => {
                moves += 1;
                half_open_at = None;
                if line.word("to") == Some("half_open") {
                    probing.entry(operation).or_default().extend(line.number("service"));
                }
                let service = line.number("service").unwrap_or_default();
                match line.word("to") {
                    Some("open") => drop(openers.entry(service).or_default().insert(operation)),
                    Some("closed") if plan.machines == 1 => {
                        let held = openers.remove(&service).unwrap_or_default();
                        if line.word("from") == Some("open") && held.contains(&operation) {
                            seen.insert("closed by a pass");
                        }
                    }
                    _ => {}
                }
                match (line.word("from"), line.word("to")) {
                    (Some("half_open"), Some("open")) => drop(seen.insert("opened again by a probe")),
                    (_, Some("open")) => drop(seen.insert("opened")),
                    (_, Some("half_open")) => {
                        seen.insert("half-open");
                        half_open_at = line.number("service");
                        probes.clear();
                    }
                    _ => drop(seen.insert("closed again")),
                }
                opened |= line.word("to") == Some("open");
            }
            "attempt_started" | "joined" => {
                let service = line.number("service").unwrap_or_default();
                if openers.get(&service).is_some_and(|held| held.contains(&operation)) {
                    seen.insert("went on by a pass");
                }
                began.insert(operation, moves);
                // An operation earns once.
                let number = line.number("number").or(numbers.get(&operation).copied()).unwrap_or(1);
                numbers.insert(operation, number);
                *tokens.entry(of_service(line)).or_insert(10_000) += if number == 1 { 200 } else { 0 };
                if half_open_at.is_some() && half_open_at == line.number("service") {
                    probes.insert(operation, line.number("service").unwrap_or_default());
                    if probes.len() > 1 {
                        seen.insert("two probes at once");
                    }
                }
                if line.kind == "attempt_started" {
                    verdicts.remove(&operation);
                    if probing.remove(&operation).is_some_and(|services| services.len() > 1) {
                        seen.insert("two members that probe");
                    }
                }
            }
            "reported" => {
                let verdicts = verdicts.entry(operation).or_default();
                verdicts.extend(line.word("verdict"));
                if verdicts.len() > 1 {
                    seen.insert("members that did not do alike");
                }
            }
            "stopping" => drop(seen.insert(match line.word("for") {
                Some("deadline") => "over its deadline and ended by itself",
                _ => "told to stop and ended by itself",
            })),
            "attempt_failed" => {
                let class = line.word("class").unwrap_or_default();
                last.insert(operation, (class, line.number("service").unwrap_or_default()));
                if line.number("at_least").is_some_and(|wait| wait > 0) {
                    seen.insert("Retry-After");
                }
                probes.remove(&operation);
                if plan.machines == 1 && began.get(&operation).is_some_and(|before| *before < moves) {
                    seen.insert("a stale result");
                }
            }
            "cut" if probes.remove(&operation).is_some() && plan.gives_up > 0 => {
                seen.insert("a probe cut short by its caller");
            }
            "succeeded" => drop(probes.remove(&operation)),
            "failed" => {
                probes.remove(&operation);
                if line.number("queue_full") == Some(1) {
                    seen.insert("queue full");
                }
                let took = line.number("took").unwrap_or_default() / 1_000;
                if took >= plan.total * 1_000 {
                    seen.insert("out of time");
                } else if line.number("attempts").is_some_and(|made| made < plan.attempts)
                    && let Some((class, service)) = last.get(&operation)
                    && matches!(*class, "transient" | "not_sent")
                    && tokens.get(&(line.process, *service)).is_some_and(|left| *left < 1_000)
                {
                    seen.insert("stopped by the budget");
                }
            }
            "retrying" => *tokens.entry(of_service(line)).or_insert(10_000) -= 1_000,
            "circuit_rejected" => drop(seen.insert("refused")),
            "left_out" => drop(seen.insert("a member left out")),
            // A wait for a place has no time to look again.
            "waiting" if line.number("after") == Some(0) => drop(seen.insert("waited for a place")),
            "waiting" => drop(seen.insert("waited for a circuit")),
            "crashed" => {
                seen.insert("died");
                if probes.keys().any(|(process, _)| *process == line.process) {
                    seen.insert("died with a probe");
                }
                probes.retain(|(process, _), _| *process != line.process);
            }
            _ => {}
        }
    }
    for (_, _, clock) in &plan.clocks {
        match clock {
            Clock::Step(_) => drop(seen.insert("wall clock stepped")),
            Clock::Reboot if opened => drop(seen.insert("rebooted while open")),
            Clock::Suspend(_) if opened => drop(seen.insert("suspended while open")),
            _ => {}
        }
    }
    match plan.store {
        StoreKind::Fails(_) if opened => drop(seen.insert("failing store while open")),
        StoreKind::Slow(_) if opened => drop(seen.insert("slow store while open")),
        _ => {}
    }
    if plan.machines == 200 {
        seen.insert("two hundred machines");
    }
    seen
}
