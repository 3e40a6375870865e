//! What is under way in a run of a plan, as rows below the lines that scroll away: a state that what happens changes,
//! and a view of it. Nothing here reads a clock or writes to a terminal.

mod doing;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vps_breaker::Tick;
use vps_ops::event::{Event, EventKind, OperationId};
use vps_ops::foreign::Foreign;
use vps_ops::operation::Operation;
use vps_ops::plan::run::{Deferral, Outcome, StepEvent};
use vps_ops::plan::{ActionKind, Needs, Plan, StepId};

use self::doing::{Doing, Words};
use super::words::plan::took;
use super::words::rows as words;

pub(super) use view::Look;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Happened<'e> {
    /// To a step.
    Step(&'e StepId, &'e StepEvent<'e>),
    /// To an operation, of whichever step.
    Operation(Said<'e>),
}

/// What happened to an operation.
#[derive(Debug)]
pub(super) struct Said<'e> {
    pub(super) id: OperationId,
    /// The one that it is part of.
    pub(super) root: OperationId,
    pub(super) operation: &'e Operation,
    pub(super) kind: &'e EventKind,
}

impl<'e> Said<'e> {
    pub(super) fn of(event: &'e Event<'_>) -> Self {
        Self { id: event.id, root: event.root.id, operation: event.operation, kind: &event.kind }
    }
}

/// A run as it is now.
#[derive(Debug)]
pub(super) struct Rows {
    name: String,
    began: Tick,
    steps: Vec<Known>,
    places: BTreeMap<String, usize>,
    running: BTreeMap<usize, Running>,
    /// Whose operations are under way.
    roots: BTreeMap<OperationId, usize>,
    counts: Counts,
}

/// A step of the plan.
#[derive(Debug)]
struct Known {
    id: StepId,
    kind: ActionKind,
    /// Whether it comes after all above it.
    in_order: bool,
    /// Those that need it.
    needed_by: Vec<usize>,
    has_ended: bool,
}

/// A step that is under way.
#[derive(Debug)]
struct Running {
    since: Tick,
    /// Whether its turn has come; until then only its bytes are fetched.
    has_begun: bool,
    /// Whether those are there.
    is_fetched: bool,
    at: Option<Foreign>,
    /// Until when it waits at most, where it does.
    waits: Option<Tick>,
    doing: Doing,
}

/// How many ended, and how.
#[derive(Debug, Default)]
struct Counts {
    ended: usize,
    ok: usize,
    changed: usize,
    failed: usize,
    blocked: usize,
    skipped: usize,
    left: usize,
    /// Those that nobody asked for: they are none of the run's.
    others: usize,
}

impl Rows {
    pub(super) fn new(plan: &Plan, now: Tick) -> Self {
        let places: BTreeMap<String, usize> =
            plan.steps.iter().enumerate().map(|(at, step)| (step.id.to_string(), at)).collect();
        let mut steps: Vec<Known> = plan
            .steps
            .iter()
            .map(|step| Known {
                id: step.id.clone(),
                kind: step.action.kind(),
                in_order: step.needs == Needs::Order,
                needed_by: Vec::new(),
                has_ended: false,
            })
            .collect();
        for (at, step) in plan.steps.iter().enumerate() {
            let Needs::Steps(needs) = &step.needs else { continue };
            for need in needs.iter().filter_map(|need| places.get(need.as_str())) {
                if let Some(need) = steps.get_mut(*need) {
                    need.needed_by.push(at);
                }
            }
        }
        Self {
            name: Foreign::from(plan.name.as_str()).to_string(),
            began: now,
            steps,
            places,
            running: BTreeMap::new(),
            roots: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Notes what happened.
    pub(super) fn update(&mut self, now: Tick, happened: &Happened<'_>) {
        match happened {
            Happened::Step(id, what) => {
                if let Some(at) = self.places.get(id.as_str()).copied() {
                    self.step(now, at, what);
                }
            }
            Happened::Operation(said) => self.operation(now, said),
        }
    }

    fn step(&mut self, now: Tick, at: usize, what: &StepEvent<'_>) {
        if let StepEvent::Ended { outcome, .. } = what {
            self.running.remove(&at);
            if let Some(step) = self.steps.get_mut(at) {
                step.has_ended = true;
            }
            self.counts.add(outcome);
            return;
        }
        // Nobody is at work for it until its turn comes.
        if let StepEvent::NotFetched = what {
            self.running.remove(&at);
            return;
        }
        let fresh = || Running {
            since: now,
            has_begun: false,
            is_fetched: false,
            at: None,
            waits: None,
            doing: Doing::default(),
        };
        let running = self.running.entry(at).or_insert_with(fresh);
        match what {
            StepEvent::Fetched => running.is_fetched = true,
            StepEvent::Began => (running.has_begun, running.waits) = (true, None),
            StepEvent::At(what) => running.at = Some((*what).clone()),
            StepEvent::Waiting { left } => running.waits = Some(now.after(*left)),
            _ => {}
        }
    }

    fn operation(&mut self, now: Tick, said: &Said<'_>) {
        let is_root = said.id == said.root;
        if is_root && matches!(said.kind, EventKind::Started) {
            let step = said.operation.replay.as_ref().and_then(|replay| replay.options().step());
            if let Some(at) = step.and_then(|step| self.places.get(step)) {
                self.roots.insert(said.root, *at);
            }
        }
        let Some(at) = self.roots.get(&said.root).copied() else { return };
        if is_root && matches!(said.kind, EventKind::Succeeded { .. } | EventKind::Failed(_)) {
            self.roots.remove(&said.root);
        }
        let Some(running) = self.running.get_mut(&at) else { return };
        if !matches!(said.kind, EventKind::Waiting { .. }) {
            // What it waited for is there.
            running.waits = None;
        }
        running.doing.update(now, said);
    }

    /// The steps under way, the longest-running first.
    fn under_way(&self) -> Vec<(usize, &Running)> {
        let mut all: Vec<_> = self.running.iter().map(|(at, running)| (*at, running)).collect();
        all.sort_by_key(|(at, running)| (running.since, *at));
        all
    }

    /// How many wait for which step that is under way: who waits for several, for the one that runs longest.
    fn waiting(&self) -> Vec<(usize, usize)> {
        let mut is_counted: Vec<bool> = self
            .steps
            .iter()
            .enumerate()
            .map(|(at, step)| step.has_ended || self.running.contains_key(&at))
            .collect();
        // Of those that come after all above them, all from here on are counted.
        let mut from = self.steps.len();
        let mut all = Vec::new();
        for (running, _) in self.under_way() {
            let (mut count, mut due) = (0, VecDeque::from([running]));
            let below = running.saturating_add(1)..from.max(running.saturating_add(1));
            due.extend(below.filter(|at| self.steps.get(*at).is_some_and(|step| step.in_order)));
            from = from.min(running);
            while let Some(at) = due.pop_front() {
                let Some(step) = self.steps.get(at) else { continue };
                match is_counted.get_mut(at) {
                    Some(counted) if !*counted => (*counted, count) = (true, count + 1),
                    _ if at != running => continue,
                    _ => {}
                }
                due.extend(&step.needed_by);
            }
            if count > 0 {
                all.push((running, count));
            }
        }
        all
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Deferred(Deferral::NotSelected) => {
                self.others += 1;
                return;
            }
            Outcome::Done { changed: true, .. } => &mut self.changed,
            Outcome::Satisfied | Outcome::Done { .. } => &mut self.ok,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::Blocked { .. } => &mut self.blocked,
            Outcome::Skipped => &mut self.skipped,
            _ => &mut self.left,
        };
        *count += 1;
        self.ended += 1;
    }
}

impl Running {
    /// What it is at.
    fn words(&self, kind: ActionKind, now: Tick) -> Words {
        if let Some(until) = self.waits {
            let left = until.since(now);
            let why = self.at.as_ref().map(|at| format!(": {at}")).unwrap_or_default();
            return Words { pieces: vec![format!("waits, {} at most{why}", took(left))], is_warning: true };
        }
        if let Some(said) = self.doing.words(now) {
            return said;
        }
        match &self.at {
            _ if !self.has_begun && self.is_fetched => Words::plain("fetched, waits for its turn"),
            _ if !self.has_begun => Words::plain("fetching"),
            Some(at) => Words::plain(at.as_str()),
            None => Words::plain(words::step(kind)),
        }
    }

    fn took(&self, now: Tick) -> Duration {
        now.since(self.since)
    }
}
