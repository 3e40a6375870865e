//! The steps of a plan as the order sees them.

use std::collections::BTreeMap;

use super::super::below::meet;
use super::super::ids::StepId;
use super::super::kinds;
use super::super::module::Modules;
use super::super::step::{Needs, OnFailure, Plan, Step};
use super::conditions::asked_for;
use super::order::{Blocked, Node};
use super::outcome::{Deferral, Outcome};
use crate::plan::{Action, ActionKind};

pub(super) fn nodes(plan: &Plan, places: &BTreeMap<StepId, usize>, modules: &Modules) -> Vec<Node> {
    let found = |ids: &[StepId]| ids.iter().filter_map(|id| places.get(id).copied()).collect();
    let meta = |step: &Step| match &step.action {
        Action::Module(module) => modules.meta(&module.name),
        _ => None,
    };
    let is_of =
        |step: &Step, name: &str| matches!(&step.action, Action::Module(module) if module.name == name);
    let node = |(at, step): (usize, &Step)| {
        let kind = step.action.kind();
        let meta = meta(step);
        let depends = meta.map(|meta| meta.depends_on.as_slice()).unwrap_or_default();
        let above = plan.steps.iter().take(at).enumerate();
        let must = above.filter(|(_, step)| depends.iter().any(|name| is_of(step, name)));
        Node {
            lane: meta.map_or(kinds::lane(kind), |meta| kinds::lane_of(meta.lane)),
            must: if depends.is_empty() { Vec::new() } else { must.map(|(at, _)| at).collect() },
            priority: meta.map_or(0, |meta| meta.priority),
            needs: match &step.needs {
                Needs::Order => None,
                Needs::Steps(needs) => Some(found(needs)),
            },
            after: found(step.watches()),
            joins: kinds::joins(kind),
            merges: merges(step),
            // What depends on files that steps above make is known only at its turn.
            fetches: kinds::fetches(kind) && !asks_for_files(step),
            decides: kinds::decides(kind),
        }
    };
    let mut nodes: Vec<Node> = plan.steps.iter().enumerate().map(node).collect();
    // In the order of the file they wait for no neighbour of their sort, but for one that is in their way.
    let joining = plan.steps.iter().enumerate().filter(|(_, step)| kinds::joins(step.action.kind()));
    for (at, others) in meet(joining) {
        if let Some(node) = nodes.get_mut(at).filter(|node| node.needs.is_none()) {
            node.after.extend(others);
        }
    }
    nodes
}

/// Whether its packages can be installed with those of its neighbours. What asks for files of theirs cannot, nor what
/// ends the run where it fails.
fn merges(step: &Step) -> bool {
    step.action.kind() == ActionKind::Packages
        && step.timeout.is_none()
        && step.attempts.is_none()
        && step.on_failure != OnFailure::Stop
        && !asks_for_files(step)
}

fn asks_for_files(step: &Step) -> bool {
    let mut asked = Vec::new();
    step.when.iter().for_each(|condition| asked_for(condition, &mut asked));
    !asked.is_empty()
}

/// What becomes of a step whose turn does not come; without a reason it was not asked for.
pub(super) fn blocked(steps: &[Step], why: Option<Blocked>) -> Outcome {
    let id = |at: usize| steps.get(at).map(|step| step.id.clone());
    match why {
        None => Some(Outcome::Deferred(Deferral::NotSelected)),
        Some(Blocked::Failed(at)) => id(at).map(|by| Outcome::Blocked { by }),
        Some(Blocked::Left(at)) => id(at).map(|by| Outcome::Deferred(Deferral::Needs { by })),
    }
    .unwrap_or(Outcome::Skipped)
}
