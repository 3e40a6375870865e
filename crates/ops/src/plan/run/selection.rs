//! Which steps of a plan a run is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ids::StepId;
use super::super::step::{Needs, Plan, Step};
use super::options::ApplyError;

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
    /// Whether a plan can be run by it: all steps are there, and nothing that is asked for is taken back by something
    /// else that is. [`apply`](super::apply) asks this, too: whoever waits for something before it asks sooner.
    ///
    /// # Errors
    /// [`ApplyError`] of the first step that cannot be done as it is asked for.
    pub fn check(&self, plan: &Plan) -> Result<(), ApplyError> {
        self.chosen(plan, &places(plan)).map(drop)
    }

    /// The same by the steps of this plan, and which of them are done. As [`check`](Self::check).
    pub(super) fn chosen(
        &self,
        plan: &Plan,
        places: &BTreeMap<StepId, usize>,
    ) -> Result<(Self, BTreeSet<usize>), ApplyError> {
        let unknown = |id: StepId| ApplyError::UnknownStep { id: id.as_str().into() };
        let found = self.of_plan(plan, places).map_err(unknown)?;
        let marked: BTreeSet<&StepId> = found.mark_done.iter().collect();
        if let Some(id) = found.rerun.iter().find(|id| marked.contains(id)) {
            return Err(ApplyError::RerunAndDone { id: id.as_str().into() });
        }
        let selected = selected(plan, places, &found);
        let index = Index::of(places);
        // Of a list it is enough that some of its items are asked for.
        let is_left_out = |id: &&StepId| !index.places_of(id).any(|at| selected.contains(&at));
        if let Some(id) = self.rerun.iter().find(is_left_out) {
            return Err(ApplyError::RerunLeftOut { id: id.as_str().into() });
        }
        match self.mark_done.iter().find(is_left_out) {
            Some(id) => Err(ApplyError::DoneLeftOut { id: id.as_str().into() }),
            None => Ok((found, selected)),
        }
    }

    /// A step and all that need or watch it, those that need or watch them included: what its failure blocks, and what is
    /// due once it changed. In the order of the plan.
    #[must_use]
    pub fn with_dependents(plan: &Plan, id: &StepId) -> Vec<StepId> {
        let places = places(plan);
        let dependents = dependents(plan, &places, |step| needs(step).iter().chain(step.watches()));
        let mut wanted: Vec<usize> = places.get(id).copied().into_iter().collect();
        let mut chosen = BTreeSet::new();
        while let Some(at) = wanted.pop() {
            if chosen.insert(at) {
                wanted.extend(dependents.get(at).into_iter().flatten());
            }
        }
        chosen.into_iter().filter_map(|at| plan.steps.get(at)).map(|step| step.id.clone()).collect()
    }

    /// The same by the steps of this plan: the name of a step with `each` stands for all of its items. Else the first
    /// name that no step has.
    fn of_plan(&self, plan: &Plan, places: &BTreeMap<StepId, usize>) -> Result<Self, StepId> {
        let index = Index::of(places);
        let all = |ids: &[StepId]| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let before = found.len();
                let steps = index.places_of(id).filter_map(|at| plan.steps.get(at));
                found.extend(steps.map(|step| step.id.clone()));
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

/// Where each step of a plan stands.
fn places(plan: &Plan) -> BTreeMap<StepId, usize> {
    plan.steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect()
}

/// What a step needs by name; the order of the file needs nobody.
fn needs(step: &Step) -> &[StepId] {
    match &step.needs {
        Needs::Steps(needs) => needs,
        Needs::Order => &[],
    }
}

/// The steps that hang on each one by what `on` says of them, in the order of the plan.
fn dependents<'p, I: IntoIterator<Item = &'p StepId>>(
    plan: &'p Plan,
    places: &BTreeMap<StepId, usize>,
    on: impl Fn(&'p Step) -> I,
) -> Vec<Vec<usize>> {
    let mut dependents = vec![Vec::new(); plan.steps.len()];
    for (at, step) in plan.steps.iter().enumerate() {
        for on in on(step).into_iter().filter_map(|id| places.get(id)) {
            if let Some(those) = dependents.get_mut(*on) {
                those.push(at);
            }
        }
    }
    dependents
}

/// Steps by name, so that a list's items are found without a look at all steps: a plan has 10,000.
struct Index<'p> {
    places: &'p BTreeMap<StepId, usize>,
    sorted: Vec<(&'p StepId, usize)>,
}

impl<'p> Index<'p> {
    fn of(places: &'p BTreeMap<StepId, usize>) -> Self {
        Self { places, sorted: places.iter().map(|(id, at)| (id, *at)).collect() }
    }

    /// Where the step of this name stands, or all items of the list of this name, in the order of the plan.
    fn places_of(&self, id: &StepId) -> impl Iterator<Item = usize> {
        let found = match self.places.get(id) {
            Some(at) => vec![*at],
            None => {
                // The names of its items all begin so, and nothing else stands among those.
                let begin = format!("{id}[");
                let first = self.sorted.partition_point(|(step, _)| step.as_str() < begin.as_str());
                let those = self.sorted.iter().skip(first);
                let those = those.take_while(|(step, _)| step.as_str().starts_with(&begin));
                let mut items: Vec<usize> =
                    those.filter(|(step, _)| step.is_item_of(id.as_str())).map(|(_, at)| *at).collect();
                items.sort_unstable();
                items
            }
        };
        found.into_iter()
    }
}

/// The places of the steps that are asked for.
fn selected(plan: &Plan, places: &BTreeMap<StepId, usize>, selection: &Selection) -> BTreeSet<usize> {
    let Selection { only, skip, .. } = selection;
    let place = |id: &StepId| places.get(id).copied();
    if only.is_empty() {
        // Not what is skipped, nor what needs it.
        let mut chosen: BTreeSet<usize> = (0..plan.steps.len()).collect();
        let dependents = if skip.is_empty() { Vec::new() } else { dependents(plan, places, needs) };
        let mut left: Vec<usize> = skip.iter().filter_map(place).collect();
        while let Some(at) = left.pop() {
            if chosen.remove(&at) {
                left.extend(dependents.get(at).into_iter().flatten());
            }
        }
        return chosen;
    }
    let mut chosen = BTreeSet::new();
    // What a step needs by name; the order of the file brings nobody along.
    let mut wanted: Vec<usize> = only.iter().filter_map(place).collect();
    while let Some(at) = wanted.pop() {
        if chosen.insert(at) {
            wanted.extend(plan.steps.get(at).into_iter().flat_map(needs).filter_map(place));
        }
    }
    // Whoever was asked for by name and needs what is skipped is left by the order, which says so.
    for at in skip.iter().filter_map(place) {
        chosen.remove(&at);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
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

    fn checked(only: &[&str], skip: &[&str], rerun: &[&str], mark_done: &[&str]) -> Result<(), String> {
        let ids = |all: &[&str]| all.iter().map(|id| id.parse().unwrap()).collect();
        let (only, skip) = (ids(only), ids(skip));
        let selection = Selection { only, skip, rerun: ids(rerun), mark_done: ids(mark_done) };
        selection.check(&plan().0).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_asked_for_and_taken_back_is_an_error() {
        assert_eq!(checked(&["b"], &[], &["a"], &["b"]), Ok(()), "it brings `a` along");
        assert_eq!(checked(&[], &["d"], &["c"], &[]), Ok(()));
        for (wrong, word) in [
            (checked(&["a"], &[], &[], &["b"]), "`b` is to be marked as done, and is left out of this run"),
            (checked(&["a"], &[], &["c"], &[]), "`c` is to be done again, and is left out of this run"),
            (checked(&[], &["b"], &["b"], &[]), "`b` is to be done again, and is left out of this run"),
            (checked(&[], &["a"], &[], &["c"]), "`c` is to be marked as done, and is left out of this run"),
            (checked(&[], &[], &["a", "d"], &["d"]), "`d` is to be done again and was done by hand"),
            (checked(&["x"], &[], &[], &[]), "no step `x`"),
        ] {
            let wrong = wrong.unwrap_err();
            assert!(wrong.contains(word), "{wrong}");
        }
    }

    #[test]
    fn what_a_step_blocks_is_all_that_needs_it_through_others_too() {
        let (plan, _) = plan();
        let of = |id: &str| {
            let found = Selection::with_dependents(&plan, &id.parse().unwrap());
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!((of("a"), of("b"), of("d")), (list(&["a", "b", "c"]), list(&["b", "c"]), list(&["d"])));
        assert_eq!(of("x"), list(&[]));
    }

    fn list(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    /// A chain whose last step stands first in the file: the worst there is for who looks at all steps again and again.
    #[test]
    fn a_long_chain_is_walked_once() {
        const STEPS: usize = 40_000;

        let id = |at: usize| format!("s{at}").parse::<StepId>().unwrap();
        let step = |at: usize| {
            let action = Action::Module(ModuleAction::new("m", serde_json::Value::Null));
            let mut step = Step::new(id(at), action);
            step.needs = Needs::Steps(if at == 0 { Vec::new() } else { vec![id(at - 1)] });
            step
        };
        let plan = Plan::new("p", "/", (0..STEPS).rev().map(step).collect());
        let places = places(&plan);
        let env = Env::real();
        let began = env.now();
        let skip = Selection { skip: vec![id(0)], ..Selection::default() };
        assert_eq!(selected(&plan, &places, &skip), BTreeSet::new());
        let only = Selection { only: vec![id(STEPS - 1)], ..Selection::default() };
        assert_eq!(selected(&plan, &places, &only).len(), STEPS);
        assert_eq!(Selection::with_dependents(&plan, &id(0)).len(), STEPS);
        // As many names as steps, each of a list: none costs a look at all.
        let rerun = (0..STEPS).map(id).collect();
        assert!(Selection { rerun, ..Selection::default() }.check(&plan).is_ok());
        let lists: Vec<Step> = (0..STEPS).map(|at| Step::new(id(at).of_item("a"), step(0).action)).collect();
        let all = Selection { only: (0..STEPS).map(id).collect(), ..Selection::default() };
        assert!(all.check(&Plan::new("p", "/", lists)).is_ok());
        // Without optimisation, on a busy machine, about a second; who looks at all steps for each needs half an hour.
        let took = env.now().since(began);
        assert!(took.as_secs() < 60, "{took:?}");
    }

    #[test]
    fn some_items_of_a_list_are_enough() {
        let page: StepId = "page".parse().unwrap();
        let step =
            |id: StepId| Step::new(id, Action::Module(ModuleAction::new("m", serde_json::Value::Null)));
        let plan = Plan::new("p", "/", [page.of_item("a"), page.of_item("b")].map(step).into());
        let (only, rerun) = (vec![page.of_item("a")], vec![page.clone()]);
        let mut asked = Selection { only, rerun, ..Selection::default() };
        assert!(asked.check(&plan).is_ok());
        asked.rerun = vec![page.of_item("b")];
        assert!(matches!(asked.check(&plan), Err(ApplyError::RerunLeftOut { id }) if &*id == "page[b]"));
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
