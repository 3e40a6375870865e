//! One step, or one for each of its items.

use std::num::NonZeroU32;

use super::{Done, Draft, Drafts, Filler, MOST_STEPS, Named};
use crate::foreign::{Foreign, is_unfit};
use crate::plan::action::{Action, ModuleAction};
use crate::plan::decode::{At, Field};
use crate::plan::document::{ACTIONS, Defaults, Module, StepText};
use crate::plan::ids::StepId;
use crate::plan::problem::ProblemKind;
use crate::plan::step::{Needs, Step};
use crate::plan::tree::Spot;
use crate::service::ServiceName;

/// An item is in a step's name, which is shown everywhere.
const LONGEST_ITEM: usize = 128;
/// More attempts than anybody waits for.
const MOST_ATTEMPTS: u32 = 1_000;

impl Filler<'_> {
    /// Adds what a step is; `false` where there are too many.
    pub(super) fn step(&mut self, at: &At<StepText>, defaults: &Defaults, drafts: &mut Drafts) -> bool {
        let step = &at.value;
        let Some(each) = step.each.get() else {
            self.item = None;
            match step.each {
                Field::Absent => {
                    if let Some(draft) = self.draft(at, defaults) {
                        drafts.push(draft);
                    }
                }
                _ => self.failed.extend(step.id.get().map(|id| id.value.clone())),
            }
            return self.are_not_too_many(at.spot, drafts.steps.len());
        };
        if each.value.is_empty() {
            self.problems.add(each.spot, ProblemKind::EmptyList);
        }
        for item in &each.value {
            let is_fit = !item.value.is_empty() && !item.value.contains(is_unfit);
            if !is_fit || item.value.chars().count() > LONGEST_ITEM {
                self.problems.add(item.spot, ProblemKind::Item);
                continue;
            }
            self.stays_as_it_is(item);
            self.item = Some(item.value.clone());
            let found = self.problems.found.len();
            if let Some(mut draft) = self.draft(at, defaults) {
                draft.base = Some(draft.step.id.to_string());
                draft.step.id = draft.step.id.of_item(&item.value);
                draft.was = draft.was.map(|(was, spot)| (format!("{was}[{}]", item.value), spot));
                draft.step.was = draft.step.was.map(|was| was.of_item(&item.value));
                // A name that is there twice is the item's fault.
                draft.spot = Spot { path: item.spot.path, ..item.spot };
                drafts.push(draft);
            }
            if !self.are_not_too_many(at.spot, drafts.steps.len()) {
                return false;
            }
            if self.problems.found.len() > found {
                // The other items have the same said of them.
                self.failed.extend(step.id.get().map(|id| id.value.clone()));
                break;
            }
        }
        self.item = None;
        true
    }

    fn are_not_too_many(&mut self, spot: Spot, steps: usize) -> bool {
        if steps > MOST_STEPS {
            self.problems.add(spot, ProblemKind::TooManySteps);
        }
        steps <= MOST_STEPS
    }

    fn draft(&mut self, at: &At<StepText>, defaults: &Defaults) -> Option<Draft> {
        let text = &at.value;
        let before = self.loose.len();
        let id = text.id.get().and_then(|id| self.id(&id.value, id.spot));
        let was = text.was.get().and_then(|was| Some((self.id(&was.value, was.spot)?, was.spot)));
        // All of it is looked at, whatever is wrong.
        let when = text.when.get().map(|when| self.when(&when.value, when.spot)).unwrap_or_default();
        let needs = text.needs.get().map(|needs| self.names(&needs.value));
        let over = |own: &Option<u32>, general: Option<u32>| own.or(general);
        let attempts = over(&self.attempts(&text.retries), self.attempts(&defaults.retries));
        let timeout = match (text.timeout.get(), defaults.timeout.get()) {
            (Some(at), _) | (None, Some(at)) => self.duration(at),
            (None, None) => None,
        };
        let circuit = match (text.circuit.get(), defaults.circuit.get()) {
            (Some(at), _) | (None, Some(at)) => self.word(at),
            (None, None) => None,
        };
        let done = self.action(at);
        let id = id?;
        let Some(Done { action, on_change }) = done else {
            self.failed.insert(id.to_string());
            return None;
        };
        // They are looked for with the step.
        self.loose.truncate(before);
        let mut step = Step::new(id, action);
        step.place = at.spot.place;
        step.when = when;
        step.needs = if needs.is_some() { Needs::Steps(Vec::new()) } else { Needs::Order };
        step.on_failure = text.on_failure.value_or(defaults.on_failure.value_or(step.on_failure));
        step.timeout = timeout;
        step.attempts = attempts.and_then(NonZeroU32::new);
        step.circuit = circuit.map(ServiceName::new);
        step.was = was.as_ref().map(|(was, _)| was.clone());
        let was = was.map(|(was, spot): (StepId, Spot)| (was.to_string(), spot));
        let spot = text.id.get().map_or(at.spot, |id| id.spot);
        Some(Draft { step, spot, base: None, needs, on_change, was })
    }

    fn attempts(&mut self, field: &Field<u64>) -> Option<u32> {
        field.get().and_then(|at| self.number(at, 1, MOST_ATTEMPTS))
    }

    /// Steps that are named, found once all of them are known.
    pub(super) fn names(&mut self, list: &[At<String>]) -> Vec<Named> {
        let named = list.iter().filter_map(|at| Some(Named { id: self.line(at)?, spot: at.spot }));
        let named: Vec<Named> = named.collect();
        self.loose.extend_from_slice(&named);
        named
    }

    fn action(&mut self, at: &At<StepText>) -> Option<Done> {
        let step = &at.value;
        let keys = [
            step.packages.key(),
            step.apt_repository.key(),
            step.download.key(),
            step.git.key(),
            step.file.key(),
            step.command.key(),
            step.systemd.key(),
            step.gate.key(),
            step.module.key(),
        ];
        let mut there = ACTIONS.iter().zip(keys).filter_map(|(name, key)| Some((*name, key?)));
        let Some(mut first) = there.next() else {
            if !step.meant.iter().any(|key| ACTIONS.contains(&key.as_str())) {
                self.problems.add(at.spot, ProblemKind::NoAction { keys: ACTIONS });
            }
            return None;
        };
        let mut others: Vec<_> = there.collect();
        for other in &mut others {
            // In the order of the file.
            if other.1.place < first.1.place {
                std::mem::swap(other, &mut first);
            }
        }
        for (_, spot) in others {
            self.problems.add(spot, ProblemKind::SecondAction { first: first.0 });
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

    /// A name of the plan that something is remembered by.
    pub(super) fn needs_name(&mut self, key: &'static str, spot: Option<Spot>) {
        if let (false, Some(spot)) = (self.is_named, spot) {
            self.problems.add(spot, ProblemKind::NeedsName { key });
        }
    }

    pub(super) fn module(&mut self, at: &At<Module>) -> Option<Action> {
        let name = at.value.name.get()?;
        if !self.modules.contains(&&*name.value) {
            let near_name = self.problems.suggest.near(&name.value, self.modules.iter().copied());
            let kind = ProblemKind::UnknownModule { name: Foreign::bounded(&name.value, 80), near_name };
            self.problems.add(name.spot, kind);
        }
        let with = match at.value.with.get() {
            Some(with) => self.told(&with.value)?,
            None => serde_json::Value::Object(serde_json::Map::new()),
        };
        Some(Action::Module(ModuleAction::new(name.value.clone(), with)))
    }
}
