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

impl Selection {
    /// The same by the steps of this plan: the name of a step with `each` stands for all of its items. Else the first
    /// name that no step has.
    pub(super) fn of_plan(&self, plan: &Plan, places: &BTreeMap<StepId, usize>) -> Result<Self, StepId> {
        let all = |ids: &[StepId]| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let before = found.len();
                if places.contains_key(id) {
                    found.push(id.clone());
                } else {
                    let items = plan.steps.iter().filter(|step| step.id.is_item_of(id.as_str()));
                    found.extend(items.map(|step| step.id.clone()));
                }
                if found.len() == before {
                    return Err(id.clone());
                }
            }
            Ok(found)
        };
        Ok(Self {
            only: all(&self.only)?,
            skip: all(&self.skip)?,
            rerun: all(&self.rerun)?,
            mark_done: all(&self.mark_done)?,
        })
    }
}

/// The places of the steps that are asked for.
pub(super) fn selected(
    plan: &Plan,
    places: &BTreeMap<StepId, usize>,
    selection: &Selection,
) -> BTreeSet<usize> {
    let Selection { only, skip, .. } = selection;
    let place = |id: &StepId| places.get(id).copied();
    let skipped: BTreeSet<usize> = skip.iter().filter_map(place).collect();
    let mut chosen: BTreeSet<usize> = match only.is_empty() {
        true => (0..plan.steps.len()).collect(),
        false => BTreeSet::new(),
    };
    // What a step needs by name; the order of the file brings nobody along.
    let mut wanted: Vec<usize> = only.iter().filter_map(place).collect();
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
    chosen
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
        let selection = selection.of_plan(&plan, &places).map_err(|id| id.to_string())?;
        Ok(selected(&plan, &places, &selection).into_iter().collect())
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

    #[test]
    fn the_name_of_a_list_stands_for_all_of_its_items() {
        let page: StepId = "page".parse().unwrap();
        let step =
            |id: StepId| Step::new(id, Action::Module(ModuleAction::new("m", serde_json::Value::Null)));
        let pages = "pages".parse::<StepId>().unwrap();
        let steps: Vec<Step> =
            [page.of_item("a"), pages.clone(), page.of_item("b]"), pages.of_item("a")].map(step).into();
        let places = steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        let plan = Plan::new("p", "/", steps);
        let one = || vec![page.clone()];
        let asked = Selection { only: one(), skip: Vec::new(), rerun: one(), mark_done: one() };
        let found = asked.of_plan(&plan, &places).unwrap();
        let items = vec![page.of_item("a"), page.of_item("b]")];
        assert_eq!((&found.only, &found.rerun, &found.mark_done), (&items, &items, &items));
        assert_eq!(selected(&plan, &places, &found), BTreeSet::from([0, 2]));
        let skip = Selection { skip: one(), ..Selection::default() }.of_plan(&plan, &places).unwrap();
        assert_eq!(selected(&plan, &places, &skip), BTreeSet::from([1, 3]));
        // A step of that very name is it alone.
        let exact = Selection { only: vec![pages.clone()], ..Selection::default() };
        assert_eq!(exact.of_plan(&plan, &places).unwrap().only, [pages]);
    }
}
