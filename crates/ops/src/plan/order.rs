//! Which step waits for which: names are found, and rings.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::action::Action;
use super::decode::Problems;
use super::fill::{Drafts, Named, Written, Wrong};
use super::ids::StepId;
use super::problem::{Link, ProblemKind, Wait};
use super::step::{Needs, Step};
use super::tree::Spot;
use crate::foreign::Foreign;

/// Rings that are shown; each costs as much as it is long.
const MOST_RINGS: usize = 16;

/// The steps, each with those it waits for. Whoever needs one that is wrong is not wrong, too; whom those name, `loose`,
/// is looked for all the same.
pub(super) fn ordered(drafts: Drafts, loose: &[Named], wrong: Wrong, problems: &mut Problems) -> Vec<Step> {
    let known = Known::of(&drafts, wrong, problems);
    for named in loose {
        known.find(named, problems);
    }
    check_was(&drafts, &known, problems);
    let Drafts { mut steps, written } = drafts;
    let mut edges: Vec<Vec<Edge>> = Vec::with_capacity(steps.len());
    for (index, (step, Written { needs, on_change, .. })) in steps.iter_mut().zip(written).enumerate() {
        let mut waits = Vec::new();
        let mut find = |named: &[Named], why: Wait| {
            let mut found = Vec::new();
            for one in named {
                match known.find(one, problems) {
                    Some(others) if others.contains(&index) => problems.add(one.spot, ProblemKind::Itself),
                    Some(others) => {
                        waits.extend(others.iter().map(|to| Edge { to: *to, why, spot: Some(one.spot) }));
                        found.extend(others.iter().filter_map(|to| known.ids.get(*to)).cloned());
                    }
                    None => {}
                }
            }
            let mut once = BTreeSet::new();
            found.retain(|id: &StepId| once.insert(id.clone()));
            found
        };
        step.needs = match needs {
            Some(needs) => Needs::Steps(find(&needs, Wait::Needs)),
            None => Needs::Order,
        };
        let watched = find(&on_change, Wait::Watches);
        match &mut step.action {
            Action::Command(command) => command.guards.on_change = watched,
            Action::Systemd(unit) => unit.on_change = watched,
            _ => {}
        }
        if step.needs == Needs::Order && index > 0 {
            waits.reserve_exact(1);
            waits.push(Edge { to: index, why: Wait::Below, spot: None });
        }
        edges.push(waits);
    }
    find_rings(&edges, &known.ids, problems);
    steps
}

/// Whom a step waits for; with [`Wait::Below`] all above the one at `to`.
struct Edge {
    to: usize,
    why: Wait,
    spot: Option<Spot>,
}

/// All steps by their names.
struct Known {
    ids: Vec<StepId>,
    /// Also by the name that all items of one have in common.
    by_name: HashMap<String, Vec<usize>>,
    wrong: Wrong,
}

impl Known {
    fn of(drafts: &Drafts, wrong: Wrong, problems: &mut Problems) -> Self {
        find_doubles(drafts, &wrong, problems);
        let mut known = Self { ids: Vec::with_capacity(drafts.steps.len()), by_name: HashMap::new(), wrong };
        let mut names = HashSet::with_capacity(drafts.steps.len());
        for (index, (step, written)) in drafts.iter().enumerate() {
            known.ids.push(step.id.clone());
            // Of two the first is meant, so that not more is said than that there are two.
            if names.insert(&step.id) {
                known.by_name.entry(step.id.as_str().to_owned()).or_default().push(index);
            }
            if let Some(base) = &written.base {
                known.by_name.entry(base.clone()).or_default().push(index);
            }
        }
        known
    }

    fn find(&self, named: &Named, problems: &mut Problems) -> Option<&[usize]> {
        let id = &*named.id;
        if let Some(found) = self.by_name.get(id) {
            return Some(found);
        }
        let Wrong { names, has_nameless, .. } = &self.wrong;
        let is_wrong = |name: &str| names.contains(name);
        if !has_nameless && !is_wrong(id) && !id.split_once('[').is_some_and(|(base, _)| is_wrong(base)) {
            let known = self.ids.iter().map(StepId::as_str).chain(names.iter().map(String::as_str));
            let near_id = problems.suggest.near(id, known);
            problems.add(named.spot, ProblemKind::UnknownStep { id: Foreign::bounded(id, 200), near_id });
        }
        None
    }
}

/// Says of each name that a step above has already, whatever else is wrong with one of them.
fn find_doubles(drafts: &Drafts, wrong: &Wrong, problems: &mut Problems) {
    let right = drafts.iter().map(|(step, written)| (&step.id, written.spot));
    let mut all: Vec<(&StepId, Spot)> =
        right.chain(wrong.taken.iter().map(|(id, spot)| (id, *spot))).collect();
    all.sort_by_key(|(_, spot)| spot.place);
    let mut first: HashMap<&StepId, Spot> = HashMap::with_capacity(all.len());
    for (id, spot) in all {
        match first.entry(id) {
            Entry::Vacant(entry) => drop(entry.insert(spot)),
            Entry::Occupied(before) => {
                let first = before.get().place;
                problems.add(spot, ProblemKind::DuplicateId { id: Foreign::new(id.as_str()), first });
            }
        }
    }
}

fn check_was(drafts: &Drafts, known: &Known, problems: &mut Problems) {
    let mut claimed = BTreeSet::new();
    for (step, written) in drafts.iter() {
        let (Some(was), Some(spot)) = (&step.was, written.was_spot) else { continue };
        let id = Foreign::new(was.as_str());
        if known.by_name.contains_key(was.as_str()) {
            problems.add(spot, ProblemKind::StillThere { id });
        } else if !claimed.insert(was) {
            problems.add(spot, ProblemKind::WasTwice { id });
        }
    }
}

/// A place of the walk: a step, or all steps up to and with the one of this number. By the latter a thousand steps in
/// a row are a thousand edges and not a million.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Step(usize),
    AllTo(usize),
}

/// Walks from every step to those it waits for; who comes back to where he is on his way has a ring.
fn find_rings(edges: &[Vec<Edge>], ids: &[StepId], problems: &mut Problems) {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Seen {
        No,
        OnTheWay,
        Done,
    }
    let count = edges.len();
    let number = |stop: Stop| match stop {
        Stop::Step(index) => index,
        Stop::AllTo(index) => count.saturating_add(index),
    };
    let next = |stop: Stop, nth: usize| -> Option<Stop> {
        match (stop, nth) {
            // Down the row first: so the ring that is found is the shortest.
            (Stop::AllTo(index), 0) if index > 0 => Some(Stop::AllTo(index.saturating_sub(1))),
            (Stop::AllTo(index), 0) => Some(Stop::Step(index)),
            (Stop::AllTo(index), 1) if index > 0 => Some(Stop::Step(index)),
            (Stop::AllTo(_), _) => None,
            (Stop::Step(index), nth) => {
                let edge = edges.get(index)?.get(nth)?;
                Some(match edge.why {
                    Wait::Below => Stop::AllTo(edge.to.saturating_sub(1)),
                    Wait::Needs | Wait::Watches => Stop::Step(edge.to),
                })
            }
        }
    };
    let mut seen = vec![Seen::No; count.saturating_mul(2)];
    let mut rings = 0;
    for start in 0..count {
        if seen.get(start) != Some(&Seen::No) {
            continue;
        }
        let mut way = vec![(Stop::Step(start), 0_usize)];
        if let Some(seen) = seen.get_mut(start) {
            *seen = Seen::OnTheWay;
        }
        while let Some((stop, nth)) = way.last_mut() {
            let (here, following) = (*stop, next(*stop, *nth));
            *nth = nth.saturating_add(1);
            let Some(following) = following else {
                if let Some(seen) = seen.get_mut(number(here)) {
                    *seen = Seen::Done;
                }
                way.pop();
                continue;
            };
            match seen.get(number(following)) {
                Some(Seen::No) => {
                    if let Some(seen) = seen.get_mut(number(following)) {
                        *seen = Seen::OnTheWay;
                    }
                    way.push((following, 0));
                }
                Some(Seen::OnTheWay) if rings < MOST_RINGS => {
                    rings = rings.saturating_add(1);
                    let from = way.iter().position(|(stop, _)| *stop == following).unwrap_or(0);
                    let ring: Vec<usize> = way
                        .iter()
                        .skip(from)
                        .filter_map(|(stop, _)| match stop {
                            Stop::Step(index) => Some(*index),
                            Stop::AllTo(_) => None,
                        })
                        .collect();
                    tell(&ring, edges, ids, problems);
                }
                _ => {}
            }
        }
    }
}

/// Says which steps wait for each other, at the first of the names by which they do.
fn tell(ring: &[usize], edges: &[Vec<Edge>], ids: &[StepId], problems: &mut Problems) {
    let following = ring.iter().cycle().skip(1);
    let (mut links, mut spots) = (Vec::new(), Vec::new());
    for (step, next) in ring.iter().zip(following) {
        let edge = edges.get(*step).and_then(|edges| {
            edges.iter().find(|edge| match edge.why {
                Wait::Below => *next < edge.to,
                Wait::Needs | Wait::Watches => edge.to == *next,
            })
        });
        let (Some(edge), Some(id)) = (edge, ids.get(*step)) else { return };
        links.push(Link { step: Foreign::new(id.as_str()), why: edge.why });
        spots.extend(edge.spot);
    }
    // Without a name there is no ring: everything stands below what is above it.
    if let Some(spot) = spots.into_iter().min_by_key(|spot| spot.place) {
        problems.add(spot, ProblemKind::Ring { links });
    }
}
