//! Makes a failing world smaller: fewer faults, crashes, machines, operations, while a law still fails.

use crate::plan::Plan;

pub(crate) fn shrink(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut best = plan.clone();
    loop {
        let smaller = candidates(&best).into_iter().find_map(|smaller| still_fails(&smaller, &fails));
        match smaller {
            Some(smaller) => best = smaller,
            None => return best,
        }
    }
}

/// Each removal reshuffles the world, so a smaller one may need another seed to fail.
fn still_fails(plan: &Plan, fails: &impl Fn(&Plan) -> bool) -> Option<Plan> {
    (plan.seed..plan.seed + 20).map(|seed| Plan { seed, ..plan.clone() }).find(|plan| fails(plan))
}

fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut found = Vec::new();
    for index in 0..plan.faults.len() {
        let mut smaller = plan.clone();
        smaller.faults.remove(index);
        found.push(smaller);
    }
    for index in 0..plan.crashes.len() {
        let mut smaller = plan.clone();
        smaller.crashes.remove(index);
        found.push(smaller);
    }
    if plan.machines > 1 {
        found.push(Plan { machines: plan.machines - 1, ..plan.clone() });
    }
    if plan.operations > 1 {
        found.push(Plan { operations: plan.operations - 1, ..plan.clone() });
    }
    found
}
