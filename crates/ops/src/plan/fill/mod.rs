//! From what stands in a plan to what it means: filled in, checked, and with the names of steps found.

mod actions;
mod command;
mod fetched;
#[cfg(feature = "git")]
mod git;
mod keys;
mod machine;
mod names;
#[cfg(not(feature = "git"))]
mod no_git;
mod step;
mod text;
mod when;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use super::action::Action;
use super::decode::{At, Decode as _, Problems};
use super::document::{Defaults, Document, StepText};
use super::facts::Facts;
use super::ids::{SecretName, StepId};
use super::problem::{HintKind, ProblemKind};
use super::step::{SecretSource, Step};
use super::tree::{Node, Spot};

/// Steps of a plan, those of each item counted.
const MOST_STEPS: usize = 10_000;
/// The name of what stands in `each`.
const ITEM: &str = "item";

/// A step whose neighbours are still named by text.
struct Draft {
    step: Step,
    spot: Spot,
    /// What its id is without the item: by which all of its items can be named.
    base: Option<String>,
    needs: Option<Vec<Named>>,
    on_change: Vec<Named>,
    /// Where it stands what it was called.
    was_spot: Option<Spot>,
}

/// All of them. Steps apart from what they are written with, which is gone once they are in order: they stay where they
/// are, and there are never two of each.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) steps: Vec<Step>,
    /// As many.
    pub(super) written: Vec<Written>,
}

/// What a step is written with, and is no part of it.
pub(super) struct Written {
    pub(super) spot: Spot,
    /// As in a draft.
    pub(super) base: Option<String>,
    pub(super) needs: Option<Vec<Named>>,
    pub(super) on_change: Vec<Named>,
    /// Where it stands what it was called.
    pub(super) was_spot: Option<Spot>,
}

impl Drafts {
    fn of_about(steps: usize) -> Self {
        Self { steps: Vec::with_capacity(steps), written: Vec::with_capacity(steps) }
    }

    fn push(&mut self, draft: Draft) {
        let Draft { step, spot, base, needs, on_change, was_spot } = draft;
        self.steps.push(step);
        self.written.push(Written { spot, base, needs, on_change, was_spot });
    }

    /// With its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Step, &Written)> {
        self.steps.iter().zip(&self.written)
    }
}

/// A step that another names.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) spot: Spot,
}

/// A plan without its order.
pub(super) struct Filled {
    pub(super) name: Option<String>,
    pub(super) secrets: BTreeMap<SecretName, SecretSource>,
    pub(super) drafts: Drafts,
    pub(super) wrong: Wrong,
    /// Whom those name.
    pub(super) loose: Vec<Named>,
}

/// Steps that something is wrong with.
#[derive(Default)]
pub(super) struct Wrong {
    /// Their names as they stand: some are no names.
    pub(super) names: BTreeSet<String>,
    /// Those of them that could be names, each with where it stands: another step has none of these.
    pub(super) taken: Vec<(StepId, Spot)>,
    /// Whether one has no name that can be read: any that there is not may be its.
    pub(super) has_nameless: bool,
}

/// What texts are filled in with, and what is wrong with them.
pub(super) struct Filler<'p> {
    pub(super) problems: &'p mut Problems,
    pub(super) hints: Vec<(Spot, HintKind)>,
    folder: &'p Path,
    facts: &'p Facts,
    modules: &'p [&'p str],
    vars: BTreeMap<String, String>,
    secrets: BTreeSet<SecretName>,
    /// Names that the plan gives to what is wrong: whoever uses one is not wrong, too.
    wrong_names: BTreeSet<String>,
    /// What `${item}` is, within a step that has `each`.
    item: Option<String>,
    is_named: bool,
    wrong_steps: Wrong,
    loose: Vec<Named>,
    /// Bytes of text that were filled in.
    bytes: usize,
}

impl<'p> Filler<'p> {
    pub(super) fn new(
        problems: &'p mut Problems,
        folder: &'p Path,
        facts: &'p Facts,
        modules: &'p [&'p str],
    ) -> Self {
        Self {
            problems,
            hints: Vec::new(),
            folder,
            facts,
            modules,
            vars: BTreeMap::new(),
            secrets: BTreeSet::new(),
            wrong_names: BTreeSet::new(),
            item: None,
            is_named: true,
            wrong_steps: Wrong::default(),
            loose: Vec::new(),
            bytes: 0,
        }
    }

    /// `steps` are those of the document; each is freed when it is filled in.
    pub(super) fn fill(&mut self, document: &Document, steps: Vec<Rc<Node<'_>>>) -> Filled {
        if let Some(version) = document.version.get().filter(|version| version.value.0 != "1") {
            self.problems.add(version.spot, ProblemKind::Version);
        }
        self.read_vars(document);
        let secrets = self.read_secrets(document);
        let name = document.name.get().and_then(|name| self.plan_name(name));
        self.is_named = document.name.key().is_some() || keys::is_meant("name", &document.meant);
        let none = Defaults::default();
        let defaults = document.defaults.get().map_or(&none, |defaults| &defaults.value);
        let (mut drafts, mut fits) = (Drafts::of_about(steps.len().min(MOST_STEPS)), true);
        for node in steps {
            // Behind those that are too many, they are read for what is wrong with them.
            match At::<StepText>::decode(&node, self.problems) {
                Some(step) => fits = fits && self.step(&step, defaults, &mut drafts),
                None => self.wrong_steps.has_nameless = true,
            }
        }
        if let Some(steps) = document.steps.get().filter(|steps| steps.value.0 == 0) {
            self.problems.add(steps.spot, ProblemKind::EmptyList);
        }
        let (wrong, loose) = (std::mem::take(&mut self.wrong_steps), std::mem::take(&mut self.loose));
        Filled { name, secrets, drafts, wrong, loose }
    }

    fn plan_name(&mut self, name: &At<String>) -> Option<String> {
        let known = self.id(&name.value, name.spot)?;
        Some(known.as_str().to_owned())
    }
}

/// What a step does, and the steps whose change it waits for.
struct Done {
    action: Action,
    on_change: Vec<Named>,
}

impl From<Action> for Done {
    fn from(action: Action) -> Self {
        Self { action, on_change: Vec::new() }
    }
}
