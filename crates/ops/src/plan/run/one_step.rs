//! One step of a run: looked at, written down, done, looked at again, written down.

use std::collections::BTreeMap;
use std::time::Duration;

use vps_retry::{Class, Kind};

use super::super::action::{Action, ActionKind};
use super::super::ids::StepId;
use super::super::kinds;
use super::super::step::Step;
use super::ahead::Ahead;
use super::conditions::holds;
use super::event::StepEvent;
use super::fetched::{Brought, Came, Fetched};
use super::memo::Stage;
use super::outcome::{Deferral, Outcome, StepError, Would};
use super::runner::Run;
use super::step_context::{Done, Proof, StepContext};
use crate::settings::Options;

/// Between two tries of what is waited for.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Between two looks at a process that an earlier run began.
const LEADER_LOOK: Duration = Duration::from_millis(250);

/// What comes after an effect that failed.
pub(super) enum Next {
    /// It was waited for what it takes.
    Again,
    /// It is left for a later run.
    Left(Deferral),
    /// It failed.
    Failed,
}

impl Run<'_> {
    /// What a kind works with.
    pub(super) fn context(&self, at: usize) -> Option<StepContext> {
        let step = self.steps().get(at)?;
        let journal = self.journal();
        let memo = journal.memo(&step.id, step.was.as_ref());
        let (seen, failed_at) = memo.map_or((0, 0), |memo| (memo.seen, memo.failed_at));
        let last = memo.map(std::sync::Arc::clone);
        let change = |id: &StepId| {
            let watched = self.places.get(id).and_then(|at| self.steps().get(*at));
            let was = watched.and_then(|watched| watched.was.as_ref());
            journal.memo(id, was).map(|memo| memo.change)
        };
        let told = step.watches().iter().filter_map(change).max().unwrap_or_default();
        let mut options = Options::new().cancel(self.options.cancel.child_token());
        (options.total, options.attempts) = (step.timeout, step.attempts);
        options.service.clone_from(&step.circuit);
        options.of_step = Some(step.id.as_str().into());
        let is_asked = self.selection.rerun.contains(&step.id);
        // Nobody knows whether it is due: who asks for it says so.
        let owes = memo.is_some_and(|memo| memo.owes && (is_asked || !memo.is_lost()));
        Some(StepContext {
            ground: std::sync::Arc::clone(&self.ground),
            at,
            memo: last.clone().filter(|memo| memo.hash == step.hash()),
            last,
            is_asked,
            journal: std::sync::Arc::clone(&self.journal),
            is_told: told > seen || owes,
            is_told_since: told > seen.max(failed_at),
            options,
        })
    }

    /// Fetches what steps need before their turn, those of them that have to be done at all.
    pub(super) async fn fetch(&self, group: Vec<usize>, ahead: Ahead) -> Vec<(usize, Came)> {
        let is_of = |at: usize, kind| self.steps().get(at).is_some_and(|step| step.action.kind() == kind);
        if group.iter().all(|at| is_of(*at, ActionKind::Packages)) {
            return Box::pin(self.fetch_packages(&group, &ahead)).await;
        }
        let mut came = Vec::with_capacity(group.len());
        for at in group {
            if is_of(at, ActionKind::Git) {
                came.push((at, Box::pin(self.fetch_clone(at, &ahead)).await));
                continue;
            }
            let began = self.env.now();
            let fetched = match self.to_fetch(at).await {
                Some(cx) => self.fetched(&cx).await,
                None => Ok(None),
            };
            came.push((at, Came::Brought(Brought { fetched, spent: self.env.now().since(began) })));
        }
        came
    }

    async fn fetched(&self, cx: &StepContext) -> Result<Option<Fetched>, StepError> {
        self.tell(cx.at, StepEvent::Fetching);
        let fetched = kinds::fetch(cx).await;
        let is_there = matches!(fetched, Ok(Some(_)));
        self.tell(cx.at, if is_there { StepEvent::Fetched } else { StepEvent::NotFetched });
        fetched
    }

    /// What a step works with, if it has to be done.
    pub(super) async fn to_fetch(&self, at: usize) -> Option<StepContext> {
        let is_asked_for = self.is_selected(at) && !self.options.dry_run;
        let cx = self.context(at).filter(|_| is_asked_for)?;
        let step = cx.step()?;
        let is_marked = self.selection.mark_done.contains(&step.id);
        let may_be_due = step.when.iter().all(|when| holds(&cx, when)) && !is_marked;
        // What was given up is not done, so nobody is asked for it either.
        if !may_be_due
            || self.may_begin(&cx, step).is_some()
            || matches!(kinds::prove(&cx).await, Ok(Proof::Satisfied(_) | Proof::DoesNotApply) | Err(_))
        {
            return None;
        }
        Some(cx)
    }

    /// Does steps whose turn has come, one after the other.
    pub(super) async fn act(
        &self,
        group: Vec<usize>,
        mut brought: BTreeMap<usize, Brought>,
    ) -> Vec<(usize, Outcome, Duration)> {
        if group.len() > 1 {
            return Box::pin(self.together(group)).await;
        }
        let mut ended = Vec::with_capacity(group.len());
        for at in group {
            let began = self.env.now();
            let outcome = match self.context(at) {
                Some(cx) => Box::pin(self.one(&cx, brought.remove(&at))).await,
                None => Outcome::Skipped,
            };
            ended.push((at, outcome, self.env.now().since(began)));
        }
        ended
    }

    async fn one(&self, cx: &StepContext, brought: Option<Brought>) -> Outcome {
        let Some(step) = cx.step() else { return Outcome::Skipped };
        match self.looked_at(cx, step).await {
            Some(outcome) => {
                if let Some(brought) = brought {
                    self.let_go(brought).await;
                }
                outcome
            }
            None => self.done(cx, step, brought).await,
        }
    }

    /// How it ends without being done; nothing where it is to be done.
    pub(super) async fn looked_at(&self, cx: &StepContext, step: &Step) -> Option<Outcome> {
        if !self.is_selected(cx.at) {
            return Some(Outcome::Deferred(Deferral::NotSelected));
        }
        if self.options.dry_run
            && let Some(until) = self.hangs_on(cx, step)
        {
            return Some(self.would_be(step, Would::UnknownUntil(until)));
        }
        if !step.when.iter().all(|when| holds(cx, when)) {
            return Some(Outcome::Skipped);
        }
        if kinds::needs_journal(&step.action) && !self.journal().outlives() {
            return Some(Outcome::Deferred(Deferral::NoJournal));
        }
        if self.options.dry_run && self.selection.mark_done.contains(&step.id) {
            return Some(Outcome::Satisfied);
        }
        if !self.options.dry_run {
            if self.selection.mark_done.contains(&step.id) {
                return Some(self.marked(cx, step));
            }
            if let Some(deferral) = self.wait_for_leader(cx, step).await {
                return Some(Outcome::Deferred(deferral));
            }
        }
        if cx.last.as_ref().is_some_and(|last| last.is_lost()) && !cx.is_asked {
            return Some(Outcome::Deferred(Deferral::Lost { by: None }));
        }
        if matches!(step.action, Action::Gate(_)) && self.is_waited_for_by_nobody(cx.at).await {
            return Some(Outcome::Satisfied);
        }
        let proof = match kinds::prove(cx).await {
            Ok(proof) => proof,
            Err(error) => return Some(self.unseen(cx, step, error)),
        };
        match proof {
            Proof::DoesNotApply => Some(Outcome::Skipped),
            Proof::Satisfied(_) if let Some(until) = self.would_be_told_by(step) => {
                Some(self.would_be(step, Would::UnknownUntil(until)))
            }
            Proof::Satisfied(stamp) => {
                // Where nobody knows that it was done, it may have been by a run that did not come to its end.
                if !self.options.dry_run && cx.memo.as_ref().is_none_or(|memo| !memo.is_done()) {
                    kinds::sweep(cx).await;
                }
                Some(self.satisfied(cx, step, stamp))
            }
            // It was given up, and is tried again once what it watches changed.
            Proof::Missing(_) | Proof::Unknown
                if let (Some(why), Some(until)) = (self.may_begin(cx, step), self.would_be_told_by(step))
                    && why.is_given_up() =>
            {
                Some(self.would_be(step, Would::UnknownUntil(until)))
            }
            Proof::Missing(_) | Proof::Unknown if let Some(deferral) = self.may_begin(cx, step) => {
                Some(Outcome::Deferred(deferral))
            }
            Proof::Missing(what) if self.options.dry_run => {
                if let Err(error) = kinds::check_places(cx).await {
                    return Some(self.unseen(cx, step, error));
                }
                self.would(cx, step);
                Some(self.would_be(step, Would::Change(what)))
            }
            Proof::Unknown if self.options.dry_run => Some(self.would_be(step, Would::Unknown)),
            Proof::Missing(_) | Proof::Unknown => None,
        }
    }

    /// Does it within what is left of the step's limit. What ends by itself under it has better words for it, and a
    /// moment to say them.
    async fn within(
        &self,
        cx: &StepContext,
        step: &Step,
        fetched: Option<Fetched>,
    ) -> Result<Done, StepError> {
        let (until, effect) = (cx.deadline().tick(), Box::pin(kinds::effect(cx, fetched)));
        let Some(until) = until.filter(|_| !kinds::keeps_its_limit(step.action.kind())) else {
            return effect.await;
        };
        match self.env.until(until, effect).await {
            Some(done) => done,
            None => Err(StepError::out_of_time(step.timeout.unwrap_or_default())),
        }
    }

    /// Waits for what a run that was killed had begun, and what goes on without it.
    async fn wait_for_leader(&self, cx: &StepContext, step: &Step) -> Option<Deferral> {
        let last = cx.last.as_ref().filter(|last| last.is_interrupted())?;
        let leader = last.leader.as_ref()?;
        let limit = step.timeout.unwrap_or(cx.network().policies().general().timeouts.command);
        let until = self.env.now().after(limit);
        while self.env.is_alive(leader) {
            let now = self.env.now();
            if now >= until {
                return Some(Deferral::Running { pid: leader.pid });
            }
            self.tell(cx.at, StepEvent::Waiting { left: until.since(now) });
            tokio::select! {
                biased;
                () = self.options.cancel.cancelled() => return Some(Deferral::Stopped),
                () = self.env.bell(now.after(LEADER_LOOK).min(until)) => {}
            }
        }
        None
    }

    pub(super) async fn done(&self, cx: &StepContext, step: &Step, brought: Option<Brought>) -> Outcome {
        if let Err(error) = self.intend([(cx, step)]).await {
            if let Some(brought) = brought {
                self.let_go(brought).await;
            }
            return self.failed(step, StepError::new(&error, Kind::Local, Class::Local));
        }
        self.tell(cx.at, StepEvent::Began);
        self.worked(cx, step, brought).await
    }

    /// What was intended is done.
    pub(super) async fn worked(&self, cx: &StepContext, step: &Step, brought: Option<Brought>) -> Outcome {
        let (mut fetched, mut spent) = match brought {
            Some(Brought { fetched, spent }) => (fetched, spent),
            None => (Ok(None), Duration::ZERO),
        };
        loop {
            let began = self.env.now();
            let effect = match std::mem::replace(&mut fetched, Ok(None)) {
                Err(error) => Err(error),
                Ok(fetched) => self.within(&cx.after(spent), step, fetched).await,
            };
            spent = spent.saturating_add(self.env.now().since(began));
            let error = match effect {
                Ok(done) => return self.verified(cx, step, done).await,
                Err(error) => error,
            };
            match self.next(cx.at, step, &error).await {
                Next::Again => {}
                Next::Failed => return self.failed(step, error),
                Next::Left(deferral) => {
                    self.left(step, Stage::Left);
                    return Outcome::Deferred(deferral);
                }
            }
        }
    }

    /// What comes after a failure: another try once it was waited, where that may help and there is time for it.
    pub(super) async fn next(&self, at: usize, step: &Step, error: &StepError) -> Next {
        let Some(deferral) = error.deferral().filter(|_| is_online(step)) else {
            return Next::Failed;
        };
        let now = self.env.now();
        if now >= self.wait_until || self.options.cancel.is_cancelled() {
            return Next::Left(deferral);
        }
        let pause = match deferral {
            Deferral::CircuitOpen { retry_after, .. } => retry_after.clamp(SHORTEST_WAIT, LONGEST_WAIT),
            _ => LONGEST_WAIT,
        };
        self.tell(at, StepEvent::Waiting { left: self.wait_until.since(now) });
        let again = now.after(pause).min(self.wait_until);
        tokio::select! {
            biased;
            () = self.options.cancel.cancelled() => {}
            () = self.env.bell(again) => {}
        }
        Next::Again
    }
}

/// Whether a service may refuse it, so that it is left for later.
fn is_online(step: &Step) -> bool {
    kinds::is_online(step.action.kind()) || step.circuit.is_some()
}
