//! One step, or one for each of its items.

use std::num::NonZeroU32;

use super::keys::is_meant;
use super::{Done, Draft, Drafts, Filler, ITEM, MOST_STEPS, Named};
use crate::foreign::{Foreign, is_unfit};
use crate::plan::action::{Action, ModuleAction};
use crate::plan::decode::{At, Field, List, Number};
use crate::plan::document::{Defaults, Module, StepText};
use crate::plan::ids::StepId;
use crate::plan::problem::ProblemKind;
use crate::plan::step::Step;
use crate::service::ServiceName;

/// An item is in a step's name, which is shown everywhere.
const LONGEST_ITEM: usize = 128;
/// More attempts than anybody waits for.
const MOST_ATTEMPTS: u32 = 1_000;

/// Whether it can be in a step's name.
fn is_item(item: &At<String>) -> bool {
    let text = &item.value;
    !text.is_empty() && !text.contains(is_unfit) && text.chars().count() <= LONGEST_ITEM
}

impl Filler<'_> {
    /// Adds what a step is; `false` where there are too many.
    pub(super) fn step(&mut self, at: &At<StepText>, defaults: &Defaults, drafts: &mut Drafts) -> bool {
        self.wrong_steps.has_nameless |= at.value.id.get().is_none();
        let is_whole = match &at.value.each {
            Field::Absent => match self.draft(at, defaults) {
                Some(draft) => {
                    drafts.push(draft);
                    true
                }
                None => {
                    self.takes(at, None);
                    false
                }
            },
            Field::Wrong { .. } => self.without_item(at, defaults),
            Field::Is { value: each, .. } => self.each(each, at, defaults, drafts),
        };
        if !is_whole {
            self.wrong_steps.names.extend(at.value.id.get().map(|id| id.value.clone()));
        }
        if drafts.steps.len() > MOST_STEPS {
            self.problems.add(at.spot, ProblemKind::TooManySteps);
            // Those behind are not looked at.
            self.wrong_steps.has_nameless = true;
        }
        drafts.steps.len() <= MOST_STEPS
    }

    /// Adds what a step is for each of its items, until one is wrong: the others would have the same said of them.
    /// Whether all of them are right.
    fn each(
        &mut self,
        each: &At<List<At<String>>>,
        at: &At<StepText>,
        defaults: &Defaults,
        drafts: &mut Drafts,
    ) -> bool {
        let (mut is_whole, mut is_tried) = (each.value.is_whole, false);
        let mut items = self.items(each).iter();
        while let Some(item) = items.next() {
            if !is_item(item) {
                self.problems.add(item.spot, ProblemKind::Item);
                is_whole = false;
                continue;
            }
            self.stays_as_it_is(item);
            let found = self.problems.found.len();
            self.item = Some(item.value.clone());
            let draft = self.draft(at, defaults);
            self.item = None;
            is_tried = true;
            if let Some(mut draft) = draft {
                draft.base = Some(draft.step.id.to_string());
                draft.step.id = draft.step.id.of_item(&item.value);
                draft.step.was = draft.step.was.map(|was| was.of_item(&item.value));
                // A name that is there twice is the item's fault.
                draft.spot = item.spot;
                drafts.push(draft);
            } else {
                self.takes(at, Some(item));
            }
            if self.problems.found.len() > found {
                items.filter(|item| is_item(item)).for_each(|item| self.takes(at, Some(item)));
                return false;
            }
            if drafts.steps.len() > MOST_STEPS {
                return is_whole;
            }
        }
        if is_tried { is_whole } else { self.without_item(at, defaults) }
    }

    /// A step that is wrong has its name all the same: no other one has it, too.
    fn takes(&mut self, at: &At<StepText>, item: Option<&At<String>>) {
        let Some((spot, Ok(id))) = at.value.id.get().map(|id| (id.spot, id.value.parse::<StepId>())) else {
            return;
        };
        self.wrong_steps.taken.push(match item {
            Some(item) => (id.of_item(&item.value), item.spot),
            None => (id, spot),
        });
    }

    /// Looks at a step whose items are wrong, that all else is said of it. It is never right.
    fn without_item(&mut self, at: &At<StepText>, defaults: &Defaults) -> bool {
        self.wrong_names.insert(ITEM.to_owned());
        self.draft(at, defaults);
        self.wrong_names.remove(ITEM);
        false
    }

    /// What a step is, or nothing where it is wrong. All of it is looked at, whatever is wrong.
    fn draft(&mut self, at: &At<StepText>, defaults: &Defaults) -> Option<Draft> {
        let text = &at.value;
        let before = self.loose.len();
        let id = text.id.get().and_then(|id| self.id(&id.value, id.spot));
        let was = text.was.get().and_then(|was| Some((self.id(&was.value, was.spot)?, was.spot)));
        let when = text.when.get().map(|when| self.when(&when.value, when.spot)).unwrap_or_default();
        let needs = match &text.needs {
            Field::Absent => None,
            // It would stand below others that may wait for it.
            Field::Wrong { .. } => Some(Vec::new()),
            Field::Is { value, .. } => Some(self.names(&value.value.items)),
        };
        let general = self.attempts(&defaults.retries);
        let attempts = self.attempts(&text.retries).or(general);
        let timeout = text.timeout.get().or(defaults.timeout.get()).and_then(|at| self.duration(at));
        let circuit = text.circuit.get().or(defaults.circuit.get()).and_then(|at| self.word(at));
        let done = self.action(at);
        let (id, Done { action, on_change }) = (id?, done?);
        // They are looked for with the step.
        self.loose.truncate(before);
        let mut step = Step::new(id, action);
        step.place = at.spot.place;
        step.when = when;
        step.on_failure = text.on_failure.value_or(defaults.on_failure.value_or(step.on_failure));
        step.timeout = timeout;
        step.attempts = attempts.and_then(NonZeroU32::new);
        step.circuit = circuit.map(ServiceName::new);
        let (was, was_spot) = was.unzip();
        step.was = was;
        let spot = text.id.get().map_or(at.spot, |id| id.spot);
        Some(Draft { step, spot, base: None, needs, on_change, was_spot })
    }

    fn attempts(&mut self, field: &Field<Number>) -> Option<u32> {
        field.get().and_then(|at| self.number(at, 1, MOST_ATTEMPTS))
    }

    /// Steps that are named, found once all of them are known.
    pub(super) fn names(&mut self, list: &[At<String>]) -> Vec<Named> {
        let named = list.iter().filter_map(|at| Some(Named { id: self.line(at)?, spot: at.spot }));
        let named: Vec<Named> = named.collect();
        self.loose.extend_from_slice(&named);
        named
    }

    /// The steps whose change a step waits for.
    pub(super) fn watched(&mut self, field: &Field<List<At<String>>>) -> Vec<Named> {
        self.needs_name(("on_change", field.key()));
        let Some(at) = field.get() else { return Vec::new() };
        let list = self.items(at);
        self.names(list)
    }

    fn action(&mut self, at: &At<StepText>) -> Option<Done> {
        let step = &at.value;
        let keys = [
            ("packages", step.packages.key()),
            ("apt_repository", step.apt_repository.key()),
            ("download", step.download.key()),
            ("git", step.git.key()),
            ("file", step.file.key()),
            ("command", step.command.key()),
            ("systemd", step.systemd.key()),
            ("gate", step.gate.key()),
            ("module", step.module.key()),
        ];
        let mut there: Vec<_> = keys.iter().filter_map(|(key, spot)| Some((*key, (*spot)?))).collect();
        there.sort_by_key(|(_, spot)| spot.place);
        match there.split_first() {
            Some(((first, _), others)) => {
                for (_, spot) in others {
                    self.problems.add(*spot, ProblemKind::SecondAction { first });
                }
            }
            None if !keys.iter().any(|(key, _)| is_meant(key, &step.meant)) => {
                let keys = keys.iter().map(|(key, _)| *key).collect();
                self.problems.add(at.spot, ProblemKind::NoAction { keys });
            }
            None => {}
        }
        // Each is looked at, that all is said of it.
        let done = [
            step.packages.get().and_then(|at| self.packages(at)).map(Done::from),
            step.apt_repository.get().and_then(|at| self.apt_repository(at, step)).map(Done::from),
            step.download.get().and_then(|at| self.download(at)).map(Done::from),
            step.git.get().and_then(|at| self.git(at)).map(Done::from),
            step.file.get().and_then(|at| self.file(at)).map(Done::from),
            step.command.get().and_then(|at| self.command(at)),
            step.systemd.get().and_then(|at| self.systemd(at)),
            step.gate.get().and_then(|at| self.gate(at)).map(Done::from),
            step.module.get().and_then(|at| self.module(at)).map(Done::from),
        ];
        done.into_iter().flatten().next()
    }

    pub(super) fn module(&mut self, at: &At<Module>) -> Option<Action> {
        let name = at.value.name.get()?;
        if !self.modules.contains(&&*name.value) {
            let given = Foreign::bounded(&name.value, 80);
            let kind = if self.modules.is_empty() {
                ProblemKind::NoModules { name: given }
            } else {
                let near_name = self.problems.suggest.near(&name.value, self.modules.iter().copied());
                ProblemKind::UnknownModule { name: given, near_name }
            };
            self.problems.add(name.spot, kind);
        }
        let with = match at.value.with.get() {
            Some(with) => self.told(&with.value)?,
            None => serde_json::Value::Object(serde_json::Map::new()),
        };
        Some(Action::Module(ModuleAction::new(name.value.clone(), with)))
    }
}
