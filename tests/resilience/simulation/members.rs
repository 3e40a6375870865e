//! The laws of operations with members and of such as end by themselves.

use std::collections::{BTreeMap, BTreeSet};

use vps_ops::testing::sim::Line;

use crate::laws::{Operation, store_time};
use crate::plan::Plan;

/// Milliseconds that an operation that ends by itself takes to stop, at most.
pub(crate) const LAG: u64 = 2_000;

/// Who was refused is not called by the attempt that goes on without it.
pub(crate) fn left_out(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let mut refused: BTreeMap<Operation, BTreeSet<u64>> = BTreeMap::new();
    let mut without: BTreeMap<Operation, BTreeSet<u64>> = BTreeMap::new();
    // Who waits is refused and let in later.
    for line in trace.iter().filter(|_| !plan.wait) {
        let operation = (line.process, line.operation);
        match line.kind {
            "circuit_rejected" => refused.entry(operation).or_default().extend(line.number("service")),
            "attempt_started" => {
                without.insert(operation, refused.remove(&operation).unwrap_or_default());
            }
            "joined" | "call" => {
                let service = line.number("service").unwrap();
                if without.get(&operation).is_some_and(|without| without.contains(&service)) {
                    return Err(format!("a call of one that was left out: {line}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the trace shows of an attempt with members.
#[derive(Default)]
struct Reports {
    joined: BTreeSet<u64>,
    verdicts: BTreeMap<u64, &'static str>,
}

/// A member's circuit follows what was reported of it, and not what became of the others.
pub(crate) fn own_reports(trace: &[Line]) -> Result<(), String> {
    let mut attempts: BTreeMap<Operation, Reports> = BTreeMap::new();
    for line in trace {
        let operation = (line.process, line.operation);
        match line.kind {
            "attempt_started" => drop(attempts.insert(operation, Reports::default())),
            "joined" => attempts.entry(operation).or_default().joined.extend(line.number("service")),
            "reported" => {
                let (service, verdict) = (line.number("service").unwrap(), line.word("verdict").unwrap());
                attempts.entry(operation).or_default().verdicts.insert(service, verdict);
            }
            "circuit_moved" => {
                let service = line.number("service").unwrap();
                let needed = match line.word("to").unwrap() {
                    "open" => "failure",
                    "closed" => "success",
                    // Let in, not told.
                    _ => continue,
                };
                if let Some(reports) = attempts.get(&operation).filter(|of| of.joined.contains(&service))
                    && reports.verdicts.get(&service) != Some(&needed)
                {
                    return Err(format!("a member's circuit moved without its own {needed}: {line}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What ends by itself is never dropped, and ends soon after it was asked to.
pub(crate) fn by_itself(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let limit = LAG + plan.suspended() + store_time(plan) + 4;
    for line in trace {
        if line.kind == "torn" {
            return Err(format!("dropped, though it ends by itself: {line}"));
        }
        if line.kind == "stopped" && line.number("after").unwrap() > limit {
            return Err(format!("more than {limit} ms after it was told to stop: {line}"));
        }
    }
    Ok(())
}

/// Operations that end by themselves, which may do so later than they should.
pub(crate) fn those_by_itself(trace: &[Line]) -> BTreeSet<Operation> {
    let lines = trace.iter().filter(|line| line.kind == "by_itself");
    lines.map(|line| (line.process, line.operation)).collect()
}
