//! Paths below what another step makes, where that step is not needed, and paths that two steps make.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use super::action::{Action, Body, CommandLine};
use super::problem::HintKind;
use super::step::{Needs, Step};
use crate::foreign::Foreign;

/// For each such step its number and what is to be said.
pub(super) fn hints(steps: &[Step]) -> Vec<(usize, HintKind)> {
    let mut hints = made_twice(steps);
    hints.extend(below(steps));
    hints
}

/// Of two steps that make one path each run does both again, and the last one stays. Not where each has its `when`.
fn made_twice(steps: &[Step]) -> Vec<(usize, HintKind)> {
    let mut first: HashMap<&Path, usize> = HashMap::new();
    let mut hints = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        for path in dests(step) {
            let Some(before) = first.get(path).and_then(|before| steps.get(*before)) else {
                first.insert(path, index);
                continue;
            };
            if before.when.is_empty() || step.when.is_empty() {
                let step = Foreign::new(before.id.as_str());
                hints.push((index, HintKind::MadeTwice { path: Foreign::of_path(path), step }));
            }
        }
    }
    hints
}

/// What a step puts in place.
pub(super) fn dests(step: &Step) -> impl Iterator<Item = &Path> {
    let file = match &step.action {
        Action::File(file) => Some(file.dest.as_path()),
        Action::Download(download) => download.dest.as_deref(),
        _ => None,
    };
    file.into_iter().chain(made(step))
}

fn below(steps: &[Step]) -> Vec<(usize, HintKind)> {
    let folders: BTreeMap<&Path, usize> =
        steps.iter().enumerate().filter_map(|(index, step)| Some((made(step)?, index))).collect();
    if folders.is_empty() {
        return Vec::new();
    }
    let by_id: HashMap<&str, usize> =
        steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
    let mut hints = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut said = BTreeSet::new();
        for path in used(step) {
            // What both make is told of already, and what is its own is no other's: further up there may be one.
            let is_others = |maker: &usize| {
                let is_made_twice = path == made_by(steps, *maker) && dests(step).any(|dest| dest == path);
                *maker != index && !is_made_twice
            };
            let mut makers = path.ancestors().filter_map(|above| folders.get(above)).copied();
            let Some(maker) = makers.find(is_others) else { continue };
            if !said.contains(&maker) && !is_needed(steps, &by_id, index, maker) {
                said.insert(maker);
                let step = steps.get(maker).map(|step| Foreign::new(step.id.as_str())).unwrap_or_default();
                hints.push((index, HintKind::BelowAnothers { path: Foreign::of_path(&path), step }));
            }
        }
    }
    hints
}

/// The folder that is a step's own work.
pub(super) fn made(step: &Step) -> Option<&Path> {
    match &step.action {
        Action::Git(git) => Some(&git.dest),
        Action::Download(download) => download.unpack.as_ref().map(|unpack| unpack.to.as_path()),
        _ => None,
    }
}

/// Whether a path is in a folder that is some step's own work; that folder itself is not.
pub(super) fn is_in_made(steps: &[Step], path: &Path) -> bool {
    steps.iter().filter_map(made).any(|made| made != path && path.starts_with(made))
}

/// For each of some steps those before it that work at the same path, below its own or around it. One of two clones would
/// else make the folder that the other one is to be.
pub(super) fn meet<'s>(steps: impl Iterator<Item = (usize, &'s Step)>) -> Vec<(usize, Vec<usize>)> {
    let (mut before, mut met): (BTreeMap<&Path, Vec<usize>>, _) = (BTreeMap::new(), Vec::new());
    for (at, step) in steps {
        let mut others = BTreeSet::new();
        for path in dests(step) {
            others.extend(path.ancestors().filter_map(|above| before.get(above)).flatten());
            // Paths are in order part by part: those below one follow it.
            let below = before.range::<Path, _>((Bound::Excluded(path), Bound::Unbounded));
            others.extend(below.take_while(|(other, _)| other.starts_with(path)).flat_map(|(_, at)| at));
        }
        dests(step).for_each(|path| before.entry(path).or_default().push(at));
        if !others.is_empty() {
            met.push((at, others.into_iter().collect()));
        }
    }
    met
}

fn made_by(steps: &[Step], index: usize) -> &Path {
    steps.get(index).and_then(made).unwrap_or(Path::new(""))
}

/// The paths that a step works with, as far as the plan says.
fn used(step: &Step) -> Vec<PathBuf> {
    let mut used = Vec::new();
    match &step.action {
        Action::Git(git) => used.push(git.dest.clone()),
        Action::Download(download) => {
            used.extend(download.dest.clone());
            used.extend(download.unpack.as_ref().map(|unpack| unpack.to.clone()));
        }
        Action::File(file) => {
            used.push(file.dest.clone());
            if let Body::Source(source) = &file.body {
                used.push(source.clone());
            }
        }
        Action::Command(command) => {
            used.extend(command.cwd.clone());
            if let CommandLine::Argv(argv) = &command.line {
                used.extend(argv.iter().filter(|word| word.starts_with('/')).map(PathBuf::from));
            }
        }
        _ => {}
    }
    used
}

/// Whether a step is only done if the other succeeded.
fn is_needed(steps: &[Step], by_id: &HashMap<&str, usize>, step: usize, other: usize) -> bool {
    let (mut waiting, mut seen) = (vec![step], BTreeSet::new());
    while let Some(at) = waiting.pop() {
        let Some(Needs::Steps(needs)) = steps.get(at).map(|step| &step.needs) else { continue };
        for next in needs.iter().filter_map(|id| by_id.get(id.as_str()).copied()) {
            if next == other {
                return true;
            }
            if seen.insert(next) {
                waiting.push(next);
            }
        }
    }
    false
}
