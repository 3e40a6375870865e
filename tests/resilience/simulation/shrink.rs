//! Makes a failing world smaller: fewer faults, crashes, machines, processes, operations, while a law still fails.

use crate::plan::{Plan, StoreKind};

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
    let mut without = |change: &dyn Fn(&mut Plan)| {
        let mut smaller = plan.clone();
        change(&mut smaller);
        if smaller != *plan {
            found.push(smaller);
        }
    };
    for index in 0..plan.faults.len() {
        without(&|plan| {
            plan.faults.remove(index);
        });
    }
    for index in 0..plan.crashes.len() {
        without(&|plan| {
            plan.crashes.remove(index);
        });
    }
    for index in 0..plan.clocks.len() {
        without(&|plan| {
            plan.clocks.remove(index);
        });
    }
    without(&|plan| plan.store = StoreKind::Well);
    without(&|plan| plan.gives_up = 0);
    without(&|plan| plan.members = 0);
    without(&|plan| plan.by_itself = 0);
    without(&|plan| (plan.places, plan.queue) = (2, 2));
    without(&|plan| plan.machines = 1.max(plan.machines / 2));
    without(&|plan| plan.processes = 1.max(plan.processes - 1));
    without(&|plan| plan.operations = 1.max(plan.operations - 1));
    found
}
