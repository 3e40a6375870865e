//! One step of a run: looked at, written down, done, looked at again, written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vps_retry::{Class, Kind};

use super::super::action::Action;
use super::super::ids::StepId;
use super::super::kinds;
use super::super::step::{Condition, Step};
use super::event::StepEvent;
use super::fetched::Fetched;
use super::journal::Stage;
use super::outcome::{Deferral, Outcome, StepError, Would};
use super::runner::Run;
use super::step_context::{Done, Proof, StepContext};
use crate::settings::Options;

/// Equal failures after which a step is not tried again unasked, where trying again cannot help.
const PARKED: u32 = 3;
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

/// What was fetched before its turn, or why not.
pub(super) type Brought = Result<Option<Fetched>, StepError>;

/// A step took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("it was not done within {:.0}s", .limit.as_secs_f64())]
struct OutOfTime {
    limit: Duration,
}

/// A step did what it does, and is not as it is to be.
#[derive(Debug, thiserror::Error)]
#[error("it was done, and is not so: {what}")]
struct NotSo {
    what: crate::foreign::Foreign,
}

impl Run<'_> {
    /// What a kind works with.
    pub(super) fn context(&self, at: usize) -> Option<StepContext> {
        let step = self.steps().get(at)?;
        let journal = self.journal();
        let memo = journal.memo(&step.id, step.was.as_ref());
        let seen = memo.map_or(0, |memo| memo.seen);
        let last = memo.map(std::sync::Arc::clone);
        let changed = |id| journal.memo(id, None).is_some_and(|memo| memo.change > seen);
        let is_told = step.watches().iter().any(changed);
        let mut options = Options::new().cancel(self.options.cancel.child_token());
        (options.total, options.attempts) = (step.timeout, step.attempts);
        options.service.clone_from(&step.circuit);
        options.is_of_plan = true;
        Some(StepContext {
            ground: std::sync::Arc::clone(&self.ground),
            at,
            memo: last.clone().filter(|memo| memo.hash == step.hash()),
            last,
            is_asked: self.options.selection.rerun.contains(&step.id),
            journal: std::sync::Arc::clone(&self.journal),
            is_told,
            options,
        })
    }

    /// Fetches what a step needs before its turn, if it has to be done at all.
    pub(super) async fn fetch(&self, at: usize) -> Brought {
        let Some(cx) = self.context(at).filter(|_| self.is_selected(at) && !self.options.dry_run) else {
            return Ok(None);
        };
        let Some(step) = cx.step() else { return Ok(None) };
        let is_marked = self.options.selection.mark_done.contains(&step.id);
        let may_be_due = step.when.iter().all(|when| holds(&cx, when)) && !is_marked;
        // What was given up is not done, so nobody is asked for it either.
        if !may_be_due
            || self.may_begin(&cx, step).is_some()
            || matches!(kinds::prove(&cx).await, Ok(Proof::Satisfied(_)) | Err(_))
        {
            return Ok(None);
        }
        self.tell(at, StepEvent::Fetching);
        kinds::fetch(&cx).await
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
            Some(outcome) => outcome,
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
        if !self.options.dry_run {
            if self.options.selection.mark_done.contains(&step.id) {
                return Some(self.marked(cx, step));
            }
            if let Some(deferral) = self.wait_for_leader(cx, step).await {
                return Some(Outcome::Deferred(deferral));
            }
        }
        let proof = match kinds::prove(cx).await {
            Ok(proof) => proof,
            Err(error) => return Some(self.unseen(cx, step, error)),
        };
        match proof {
            Proof::Satisfied(_) if let Some(until) = self.would_be_told_by(step) => {
                Some(self.would_be(step, Would::UnknownUntil(until)))
            }
            Proof::Satisfied(stamp) => Some(self.satisfied(cx, step, stamp)),
            Proof::Missing(_) | Proof::Unknown if let Some(deferral) = self.may_begin(cx, step) => {
                Some(Outcome::Deferred(deferral))
            }
            Proof::Missing(what) if self.options.dry_run => {
                self.would(cx, step);
                Some(self.would_be(step, Would::Change(what)))
            }
            Proof::Unknown if self.options.dry_run => Some(self.would_be(step, Would::Unknown)),
            Proof::Missing(_) | Proof::Unknown => None,
        }
    }

    /// The same within the step's limit. What ends by itself under it has better words for it, and a moment to say them.
    async fn within(
        &self,
        step: &Step,
        effect: impl Future<Output = Result<Done, StepError>>,
    ) -> Result<Done, StepError> {
        let Some(limit) = step.timeout.filter(|_| !kinds::keeps_its_limit(step.action.kind())) else {
            return effect.await;
        };
        match self.env.until(self.env.now().after(limit), effect).await {
            Some(done) => done,
            None => Err(StepError::new(&OutOfTime { limit }, Kind::Timeout, Class::Transient)),
        }
    }

    /// Notes what would be made.
    fn would(&self, cx: &StepContext, step: &Step) {
        let made = step.action.makes().map(|path| cx.path(path));
        let mut would = self.would.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        would.extend(made.map(|path| (path, step.id.clone())));
    }

    /// Notes that it may do something.
    fn would_be(&self, step: &Step, would: Would) -> Outcome {
        let mut would_do = self.would_do.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        would_do.insert(step.id.clone());
        Outcome::Would(would)
    }

    /// The step whose change would have this one done, where it is only looked.
    fn would_be_told_by(&self, step: &Step) -> Option<StepId> {
        let would_do = self.would_do.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        step.watches().iter().find(|id| would_do.contains(*id)).cloned()
    }

    /// The step whose doing decides whether a condition of this one holds.
    fn hangs_on(&self, cx: &StepContext, step: &Step) -> Option<StepId> {
        let would = self.would.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut asked = Vec::new();
        step.when.iter().for_each(|condition| asked_for(condition, &mut asked));
        let is_near = |made: &Path, path: &Path| made.starts_with(path) || path.starts_with(made);
        asked.iter().find_map(|path| {
            let path = cx.path(path);
            would.iter().find(|(made, _)| is_near(made, &path)).map(|(_, id)| id.clone())
        })
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

    /// Somebody did it by hand.
    fn marked(&self, cx: &StepContext, step: &Step) -> Outcome {
        let mut journal = self.journal();
        let seen = journal.changes();
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.hash = step.hash();
            memo.done_now(seen);
            memo.stamp = kinds::stamp(cx, &step.action);
        });
        Outcome::Satisfied
    }

    /// There is nothing to do. What a killed run had begun counts as a change, and so does what failed: it may be what
    /// made it so.
    fn satisfied(&self, cx: &StepContext, step: &Step, stamp: Option<serde_json::Value>) -> Outcome {
        if self.options.dry_run {
            return Outcome::Satisfied;
        }
        let mut journal = self.journal();
        let changes = journal.changes();
        let is_known = cx.memo.as_ref().is_some_and(|memo| memo.stage == Stage::Done);
        // Who watches others has seen all that changed so far.
        let is_behind = cx.is_told || (!step.watches().is_empty() && !is_known);
        if is_known && stamp.is_none() && !is_behind {
            return Outcome::Satisfied;
        }
        let may_be_ours = cx.last.as_ref().is_some_and(|last| last.stage != Stage::Done);
        let change = may_be_ours.then(|| journal.next_change());
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.hash = step.hash();
            memo.done_now(change.unwrap_or(changes));
            memo.change = change.unwrap_or(memo.change);
            memo.stamp = stamp.or_else(|| memo.stamp.take());
        });
        Outcome::Satisfied
    }

    /// Why it may not be done now, though it is not as it is to be.
    fn may_begin(&self, cx: &StepContext, step: &Step) -> Option<Deferral> {
        let (memo, asked) = (cx.memo.as_ref()?, cx.is_asked);
        // Where nobody is named who does it, it was never begun.
        let due = match (&step.action, &memo.leader) {
            (Action::Command(command), Some(leader)) => command.guards.is_due_again(leader, cx.env()),
            _ => true,
        };
        if memo.is_interrupted() && !due && !asked {
            return Some(Deferral::Interrupted);
        }
        (memo.equal_failures >= PARKED && !asked).then_some(Deferral::Parked)
    }

    pub(super) async fn done(&self, cx: &StepContext, step: &Step, brought: Option<Brought>) -> Outcome {
        if let Err(error) = self.intend([(cx, step)]).await {
            return self.failed(step, StepError::new(&error, Kind::Local, Class::Local));
        }
        self.tell(cx.at, StepEvent::Began);
        self.worked(cx, step, brought).await
    }

    /// What was intended is done.
    pub(super) async fn worked(&self, cx: &StepContext, step: &Step, brought: Option<Brought>) -> Outcome {
        let mut brought = brought;
        loop {
            let effect = match brought.take() {
                Some(Err(error)) => Err(error),
                Some(Ok(fetched)) => self.within(step, Box::pin(kinds::effect(cx, fetched))).await,
                None => self.within(step, Box::pin(kinds::effect(cx, None))).await,
            };
            let error = match effect {
                Ok(done) => return self.verified(cx, step, done).await,
                Err(error) => error,
            };
            match self.next(cx.at, step, &error).await {
                Next::Again => {}
                Next::Failed => return self.failed(step, error),
                Next::Left(deferral) => {
                    self.left(step);
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

    /// Writes down that they are about to be done: on the disk, where one runs code of others or is watched.
    pub(super) async fn intend<'s>(
        &self,
        steps: impl IntoIterator<Item = (&'s StepContext, &'s Step)>,
    ) -> Result<(), super::JournalError> {
        let sync = {
            let (mut journal, mut must) = (self.journal(), false);
            for (cx, step) in steps {
                let hash = step.hash();
                journal.note(&step.id, step.was.as_ref(), |memo| {
                    if memo.hash != hash {
                        (memo.attempts, memo.equal_failures, memo.stamp) = (0, 0, None);
                    }
                    memo.hash = hash;
                    (memo.stage, memo.leader) = (Stage::Started, None);
                    memo.attempts = memo.attempts.saturating_add(1);
                });
                must |= kinds::runs_foreign_code(step.action.kind()) || self.watched.contains(&cx.at);
            }
            must.then(|| journal.sync())
        };
        match sync {
            Some(sync) => sync.await,
            None => Ok(()),
        }
    }

    /// It was done: is it so?
    pub(super) async fn verified(&self, cx: &StepContext, step: &Step, done: Done) -> Outcome {
        if kinds::is_proved_again(&step.action) {
            match kinds::verify(cx).await {
                Ok(Proof::Missing(what)) => {
                    let what = what.unwrap_or_else(|| step.id.as_str().into());
                    return self.failed(step, StepError::local(&NotSo { what }));
                }
                Ok(_) => {}
                Err(error) => return self.failed(step, error),
            }
        }
        let mut journal = self.journal();
        let change = done.changed.then(|| journal.next_change());
        let seen = journal.changes();
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.done_now(seen);
            memo.change = change.unwrap_or(memo.change);
            memo.stamp = done.stamp.or_else(|| memo.stamp.take());
        });
        Outcome::Done { changed: done.changed, what: done.what }
    }

    pub(super) fn failed(&self, step: &Step, error: StepError) -> Outcome {
        if self.options.dry_run {
            return Outcome::Failed(error);
        }
        if error.kind == Kind::Cancelled {
            // Told to end half-way, it is as it would be had we been killed.
            let journal = self.journal();
            let memo = journal.memo(&step.id, step.was.as_ref());
            let is_half_done = memo.is_some_and(|memo| memo.leader.is_some()) && kinds::is_once(&step.action);
            drop(journal);
            if !is_half_done {
                self.left(step);
            }
            return Outcome::Deferred(Deferral::Stopped);
        }
        let said = error.causes.last().unwrap_or(&error.what).clone();
        let is_equal = error.class == Class::Permanent;
        self.journal().note(&step.id, step.was.as_ref(), |memo| {
            memo.hash = step.hash();
            (memo.stage, memo.leader) = (Stage::Failed, None);
            let before = memo.failure.replace(said.clone());
            memo.equal_failures = match is_equal {
                true if before.as_ref() == Some(&said) => memo.equal_failures.saturating_add(1),
                true => 1,
                false => 0,
            };
        });
        Outcome::Failed(error)
    }

    /// It could not be looked at. What is known of an earlier run stays.
    fn unseen(&self, cx: &StepContext, step: &Step, error: StepError) -> Outcome {
        match (cx.was_interrupted(), error.kind) {
            (true, Kind::Cancelled) => Outcome::Deferred(Deferral::Stopped),
            (true, _) => Outcome::Failed(error),
            (false, _) => self.failed(step, error),
        }
    }

    /// It was begun, and nothing came of it: it is as it was before.
    pub(super) fn left(&self, step: &Step) {
        self.journal().note(&step.id, step.was.as_ref(), |memo| {
            (memo.stage, memo.leader) = (Stage::Failed, None);
        });
    }
}

/// Whether a service may refuse it, so that it is left for later.
fn is_online(step: &Step) -> bool {
    kinds::is_online(step.action.kind()) || step.circuit.is_some()
}

/// Whether a condition holds now.
pub(super) fn holds(cx: &StepContext, condition: &Condition) -> bool {
    let facts = &cx.plan().facts;
    let is_there = |path: &PathBuf| cx.env().fs().look_through(&cx.path(path)).is_ok();
    match condition {
        Condition::Os(all) => all.contains(&facts.os),
        Condition::OsVersion(all) => all.contains(&facts.os_version),
        Condition::Codename(all) => all.contains(&facts.codename),
        Condition::Arch(all) => all.contains(&facts.arch),
        Condition::Container(is) => facts.container == *is,
        Condition::Root(is) => facts.root == *is,
        Condition::Known(is) => *is,
        Condition::Exists(paths) => paths.iter().all(is_there),
        Condition::Missing(paths) => !paths.iter().any(is_there),
        Condition::Not(all) => !all.iter().all(|one| holds(cx, one)),
        Condition::Any(any) => any.iter().any(|all| all.iter().all(|one| holds(cx, one))),
    }
}

/// The paths that a condition asks for.
fn asked_for<'c>(condition: &'c Condition, asked: &mut Vec<&'c PathBuf>) {
    match condition {
        Condition::Exists(paths) | Condition::Missing(paths) => asked.extend(paths),
        Condition::Not(all) => all.iter().for_each(|one| asked_for(one, asked)),
        Condition::Any(any) => any.iter().flatten().for_each(|one| asked_for(one, asked)),
        _ => {}
    }
}
