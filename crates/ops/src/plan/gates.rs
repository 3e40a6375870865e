//! Gates that hold nothing back: by the order of the file others only come after them, whatever they say.

use std::collections::HashSet;

use super::action::ActionKind;
use super::problem::HintKind;
use super::step::{Needs, OnFailure, Step};
use crate::foreign::Foreign;

/// For each such gate its number and what is to be said. One with nothing below it is asked for its own sake, and one
/// whose `on_failure` is another holds back what it says.
pub(super) fn hints(steps: &[Step]) -> Vec<(usize, HintKind)> {
    let is_gate = |step: &Step| step.action.kind() == ActionKind::Gate;
    if !steps.iter().any(is_gate) {
        return Vec::new();
    }
    let lists = steps.iter().filter_map(|step| match &step.needs {
        Needs::Steps(needs) => Some(needs),
        Needs::Order => None,
    });
    let needed: HashSet<_> = lists.flatten().collect();
    let last = steps.iter().rposition(|step| !is_gate(step)).unwrap_or(0);
    let loose = steps.iter().enumerate().take(last).filter(|(_, step)| {
        is_gate(step) && step.on_failure == OnFailure::SkipDependents && !needed.contains(&step.id)
    });
    loose.map(|(at, step)| (at, HintKind::HoldsNothing { gate: Foreign::new(&in_a_list(step)) })).collect()
}

/// Its name as it stands in a list of YAML: that of an item has brackets of its own.
fn in_a_list(step: &Step) -> String {
    let id = step.id.as_str();
    if id.contains('[') { format!("{id:?}") } else { id.to_owned() }
}
