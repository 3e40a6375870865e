//! Which steps of a plan a run is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ids::StepId;
use super::super::step::{Needs, Plan};

/// Which steps are done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// Just these, and what they need; all where empty.
    pub only: Vec<StepId>,
    /// Not these, nor what needs them.
    pub skip: Vec<StepId>,
    /// These are done again even if `once` says that they were.
    pub rerun: Vec<StepId>,
    /// These were done by hand.
    pub mark_done: Vec<StepId>,
}

/// The places of the steps that are asked for; the first name that no step has.
pub(super) fn selected(
    plan: &Plan,
    places: &BTreeMap<StepId, usize>,
    selection: &Selection,
) -> Result<BTreeSet<usize>, StepId> {
    let Selection { only, skip, rerun, mark_done } = selection;
    let place = |id: &StepId| places.get(id).copied().ok_or_else(|| id.clone());
    for id in rerun.iter().chain(mark_done) {
        place(id)?;
    }
    let skipped = skip.iter().map(place).collect::<Result<BTreeSet<_>, _>>()?;
    let mut chosen: BTreeSet<usize> = match only.is_empty() {
        true => (0..plan.steps.len()).collect(),
        false => BTreeSet::new(),
    };
    // What a step needs by name; the order of the file brings nobody along.
    let mut wanted = only.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    while let Some(at) = wanted.pop() {
        if chosen.insert(at)
            && let Some(Needs::Steps(needs)) = plan.steps.get(at).map(|step| &step.needs)
        {
            wanted.extend(needs.iter().filter_map(|id| places.get(id)));
        }
    }
    chosen.retain(|at| !skipped.contains(at));
    // Nor what needs them, unless it was asked for by its name.
    let mut is_settled = skipped.is_empty() || !only.is_empty();
    while !is_settled {
        let before = chosen.clone();
        let is_there = |id: &StepId| places.get(id).is_none_or(|at| before.contains(at));
        chosen.retain(|at| match plan.steps.get(*at).map(|step| &step.needs) {
            Some(Needs::Steps(needs)) => needs.iter().all(is_there),
            _ => true,
        });
        is_settled = chosen.len() == before.len();
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, ModuleAction, Step};

    fn plan() -> (Plan, BTreeMap<StepId, usize>) {
        let step = |id: &str, needs: Option<&[&str]>| {
            let action = Action::Module(ModuleAction::new("m", serde_json::Value::Null));
            let mut step = Step::new(id.parse().unwrap(), action);
            if let Some(needs) = needs {
                step.needs = Needs::Steps(needs.iter().map(|id| id.parse().unwrap()).collect());
            }
            step
        };
        let steps = vec![step("a", None), step("b", Some(&["a"])), step("c", Some(&["b"])), step("d", None)];
        let places = steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        (Plan::new("p", "/", steps), places)
    }

    fn of(only: &[&str], skip: &[&str]) -> Result<Vec<usize>, String> {
        let ids = |all: &[&str]| all.iter().map(|id| id.parse().unwrap()).collect();
        let (plan, places) = plan();
        let selection = Selection { only: ids(only), skip: ids(skip), ..Selection::default() };
        let chosen = selected(&plan, &places, &selection);
        chosen.map(|chosen| chosen.into_iter().collect()).map_err(|id| id.to_string())
    }

    #[test]
    fn who_is_asked_for_brings_what_it_needs() {
        assert_eq!(of(&[], &[]).unwrap(), [0, 1, 2, 3]);
        assert_eq!(of(&["c"], &[]).unwrap(), [0, 1, 2]);
        assert_eq!(of(&["d"], &[]).unwrap(), [3]);
        assert_eq!(of(&["c"], &["b"]).unwrap(), [0, 2], "whoever needs it is left, which the order says");
        assert_eq!(of(&[], &["a"]).unwrap(), [3]);
        assert_eq!(of(&["x"], &[]).unwrap_err(), "x");
        assert_eq!(of(&[], &["y"]).unwrap_err(), "y");
    }
}
