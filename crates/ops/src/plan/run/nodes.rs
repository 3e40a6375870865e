//! The steps of a plan as the order sees them.

use std::collections::BTreeMap;

use super::super::ids::StepId;
use super::super::kinds;
use super::super::step::{Condition, Needs, Plan, Step};
use super::order::Node;
use crate::plan::ActionKind;

pub(super) fn nodes(plan: &Plan, places: &BTreeMap<StepId, usize>) -> Vec<Node> {
    let found = |ids: &[StepId]| ids.iter().filter_map(|id| places.get(id).copied()).collect();
    let node = |step: &Step| {
        let kind = step.action.kind();
        Node {
            lane: kinds::lane(kind),
            needs: match &step.needs {
                Needs::Order => None,
                Needs::Steps(needs) => Some(found(needs)),
            },
            after: found(step.watches()),
            joins: kinds::joins(kind),
            merges: kind == ActionKind::Packages && step.timeout.is_none() && step.attempts.is_none(),
            // What depends on files that steps above make is known only at its turn.
            fetches: kinds::fetches(kind) && !step.when.iter().any(asks_for_files),
            decides: kinds::decides(kind),
        }
    };
    plan.steps.iter().map(node).collect()
}

fn asks_for_files(condition: &Condition) -> bool {
    match condition {
        Condition::Exists(_) | Condition::Missing(_) => true,
        Condition::Not(all) => all.iter().any(asks_for_files),
        Condition::Any(any) => any.iter().flatten().any(asks_for_files),
        _ => false,
    }
}
