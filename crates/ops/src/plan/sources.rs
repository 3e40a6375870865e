//! Files that steps take something from, and that are not there: told of before anything runs.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use super::action::{Action, ActionKind, AptKeySource, Body};
use super::below::dests;
use super::problem::{Hint, HintKind};
use super::read::{Read, read};
use super::step::{Needs, Place, Plan, Step};
use super::tree::{Node, Spot};
use crate::env::fs::Fs;
use crate::foreign::{Foreign, shown};

impl Plan {
    /// Those files that are not there, of steps that are done on this machine whatever becomes of others. `text` is
    /// what the plan was read of: each hint has the place and the key that it is about.
    ///
    /// What a step before makes is not missed. What no step says that it makes may be a command's work all the same,
    /// which [`HintKind::SourceMissing`] tells.
    pub fn missing_sources(&self, fs: &dyn Fs, text: &str) -> Vec<Hint> {
        let is_missing =
            |source: &Path| fs.look_through(source).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let is_done_here = |step: &Step| step.is_wanted(&self.facts) == Some(true);
        let steps = self.steps.iter().enumerate().filter(|(_, step)| is_done_here(step));
        let sources = steps.filter_map(|(at, step)| Some((at, step, source(step)?)));
        let missing: Vec<_> = sources.filter(|(_, _, (_, source))| is_missing(source)).collect();
        if missing.is_empty() {
            return Vec::new();
        }
        let makers = makers(&self.steps);
        let order = Before::of(&self.steps);
        // Places are not kept in the plan: only who misses something reads it twice.
        let Read { tree, paths, .. } = read(text.strip_prefix('\u{feff}').unwrap_or(text));
        let written = tree.iter().flat_map(|tree| tree.steps());
        let written: HashMap<Place, &Rc<Node<'_>>> = written.map(|node| (node.spot.place, node)).collect();
        let mut hints = Vec::new();
        for (at, step, (keys, source)) in missing {
            let known: Vec<usize> =
                source.ancestors().filter_map(|above| makers.get(above)).flatten().copied().collect();
            if order.has_any(at, |other| known.contains(&other)) {
                continue;
            }
            let may_be_made =
                order.has_any(at, |other| self.steps.get(other).is_some_and(makes_what_it_likes));
            let node = written.get(&step.place).copied();
            let node = node.and_then(|node| keys.iter().try_fold(node, |node, key| node.below(key)));
            let spot = node.map_or(Spot { place: step.place, ..Spot::default() }, |node| node.spot);
            hints.push(Hint {
                place: spot.place,
                length: spot.length.max(1),
                key: Foreign::from(paths.shown(spot.path)),
                kind: HintKind::SourceMissing { path: shown(source), may_be_made },
            });
        }
        // The items of a step have the same said of them.
        hints.dedup();
        hints
    }
}

/// What a step takes something from, and the keys that say so.
fn source(step: &Step) -> Option<(&'static [&'static str], &Path)> {
    match &step.action {
        Action::File(file) => match &file.body {
            Body::Source(source) => Some((&["file", "source"], source)),
            Body::Content(_) => None,
        },
        Action::AptRepository(repository) => match &repository.key.source {
            AptKeySource::File(file) => Some((&["apt_repository", "key", "file"], file)),
            _ => None,
        },
        _ => None,
    }
}

/// Which steps say of a path that they make it, or what it is in.
fn makers(steps: &[Step]) -> HashMap<&Path, Vec<usize>> {
    let mut makers: HashMap<&Path, Vec<usize>> = HashMap::new();
    for (at, step) in steps.iter().enumerate() {
        let created = match &step.action {
            Action::Command(command) => command.guards.creates.as_deref(),
            _ => None,
        };
        dests(step).chain(created).for_each(|path| makers.entry(path).or_default().push(at));
    }
    makers
}

/// Whether it runs what may make any file.
fn makes_what_it_likes(step: &Step) -> bool {
    matches!(step.action.kind(), ActionKind::Command | ActionKind::Module | ActionKind::Packages)
}

/// Which steps have ended before the turn of another comes.
struct Before<'s> {
    steps: &'s [Step],
    by_id: HashMap<&'s str, usize>,
}

impl<'s> Before<'s> {
    fn of(steps: &'s [Step]) -> Self {
        let by_id = steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
        Self { steps, by_id }
    }

    /// Whether one of them is such a one.
    fn has_any(&self, step: usize, is_one: impl Fn(usize) -> bool) -> bool {
        let (mut waiting, mut seen) = (vec![step], vec![false; self.steps.len()]);
        // All above this place were seen.
        let mut seen_to = 0;
        while let Some(at) = waiting.pop() {
            let Some(step) = self.steps.get(at) else { continue };
            let (above, named): (_, &[_]) = match &step.needs {
                Needs::Order => (seen_to..at, &[]),
                Needs::Steps(needs) => (0..0, needs),
            };
            seen_to = seen_to.max(above.end);
            let named = named.iter().chain(step.watches());
            for other in above.chain(named.filter_map(|id| self.by_id.get(id.as_str()).copied())) {
                let Some(seen) = seen.get_mut(other).filter(|seen| !**seen) else { continue };
                *seen = true;
                if is_one(other) {
                    return true;
                }
                waiting.push(other);
            }
        }
        false
    }
}
