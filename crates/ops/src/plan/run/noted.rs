//! What is written down of a step: that it is about to be done, and how that ended.

use serde_json::Value;
use vps_retry::{Class, Kind};

use super::super::kinds;
use super::super::step::Step;
use super::may_begin::PARKED;
use super::memo::{Memo, Stage};
use super::outcome::{Deferral, Outcome, StepError};
use super::runner::Run;
use super::step_context::{Done, Proof, StepContext, Unsettled};

/// A step did what it does, and is not as it is to be.
#[derive(Debug, thiserror::Error)]
#[error("it was done, and is not so: {what}")]
struct NotSo {
    what: crate::foreign::Foreign,
}

impl Run<'_> {
    /// Somebody did it by hand.
    pub(super) fn marked(&self, cx: &StepContext, step: &Step) -> Outcome {
        let mut journal = self.journal();
        let change = may_have_changed(cx).then(|| journal.next_change());
        // Whoever says so knows what this run found, not what it changed since.
        let seen = journal.changes_before();
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.is_of(step.hash());
            memo.done_now(seen);
            memo.change = change.unwrap_or(memo.change);
            memo.stamp = kinds::stamp(cx, &step.action).or_else(|| memo.stamp.take());
        });
        Outcome::Satisfied
    }

    /// There is nothing to do. What a killed run had begun counts as a change, and so does what failed: it may be what
    /// made it so.
    pub(super) fn satisfied(&self, cx: &StepContext, step: &Step, stamp: Option<Value>) -> Outcome {
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
        let change = may_have_changed(cx).then(|| journal.next_change());
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.is_of(step.hash());
            memo.done_now(change.unwrap_or(changes));
            memo.change = change.unwrap_or(memo.change);
            memo.stamp = stamp.or_else(|| memo.stamp.take());
        });
        Outcome::Satisfied
    }

    /// Writes down that they are about to be done: on the disk, where one runs code of others or is watched.
    pub(super) async fn intend<'s>(
        &self,
        steps: impl IntoIterator<Item = (&'s StepContext, &'s Step)>,
    ) -> Result<(), super::JournalError> {
        let sync = {
            let (mut journal, mut must) = (self.journal(), false);
            let noted = steps.into_iter().filter(|(_, step)| kinds::is_noted(step.action.kind()));
            for (cx, step) in noted {
                let hash = step.hash();
                let was_interrupted = cx.last.as_ref().is_some_and(|last| last.is_interrupted());
                journal.note(&step.id, step.was.as_ref(), |memo| {
                    if memo.hash != hash {
                        memo.attempts = 0;
                    }
                    memo.is_of(hash);
                    memo.cut = if was_interrupted { memo.cut.saturating_add(1) } else { 0 };
                    if cx.is_told_since {
                        memo.equal_failures = 0;
                    }
                    (memo.stage, memo.leader) = (Stage::Started, None);
                    memo.attempts = memo.attempts.saturating_add(1);
                });
                must |= kinds::runs_foreign_code(step.action.kind()) || self.watchers.contains_key(&cx.at);
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
        if !kinds::is_noted(step.action.kind()) {
            return Outcome::Done { changed: done.changed, what: done.what };
        }
        if let Some(unsettled) = done.later {
            self.unsettled().push((cx.at, unsettled));
        }
        let mut journal = self.journal();
        // What it found done may be the work of a try before, that nobody has heard of.
        let change = (done.changed || may_have_changed(cx)).then(|| journal.next_change());
        let seen = journal.changes();
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.done_now(seen);
            memo.change = change.unwrap_or(memo.change);
            memo.stamp = done.stamp.or_else(|| memo.stamp.take());
        });
        Outcome::Done { changed: done.changed, what: done.what }
    }

    /// What is known of a file once its times tell whether it changed since: nothing where it did.
    pub(super) async fn settle(&self, unsettled: Unsettled) -> Option<Value> {
        let Unsettled { path, meta, wait, stamp } = unsettled;
        self.env.bell(self.env.now().after(wait)).await;
        // Another file or another time by now is not what was verified.
        let found = self.env.fs().look_through(&path).ok();
        found.is_some_and(|found| found == meta).then_some(stamp)
    }

    /// Notes what is known by now of a step that was done.
    pub(super) fn settled(&self, at: usize, stamp: Value) {
        let Some(step) = self.steps().get(at) else { return };
        let mut journal = self.journal();
        if journal.memo(&step.id, None).is_some_and(|memo| memo.is_done()) {
            journal.note(&step.id, None, |memo| memo.stamp = Some(stamp));
        }
    }

    pub(super) fn failed(&self, step: &Step, mut error: StepError) -> Outcome {
        if self.options.dry_run {
            return Outcome::Failed(error);
        }
        // Ended half-way, by whomever, it is as it would be had we been killed.
        let is_half_done = kinds::is_once(&step.action) && {
            let journal = self.journal();
            journal.memo(&step.id, step.was.as_ref()).is_some_and(|memo| memo.leader.is_some())
        };
        if error.kind == Kind::Cancelled {
            if !is_half_done {
                self.left(step, Stage::Stopped);
            }
            return Outcome::Deferred(Deferral::Stopped);
        }
        if is_half_done && error.cut_short {
            return Outcome::Failed(error);
        }
        if !kinds::is_noted(step.action.kind()) {
            return Outcome::Failed(error);
        }
        let said = error.causes.last().unwrap_or(&error.what).clone();
        let is_equal = error.class == Class::Permanent;
        let mut journal = self.journal();
        let changes = journal.changes();
        journal.note(&step.id, step.was.as_ref(), |memo| {
            memo.is_of(step.hash());
            (memo.stage, memo.leader, memo.failed_at, memo.cut) = (Stage::Failed, None, changes, 0);
            let before = memo.failure.replace(said.clone());
            memo.equal_failures = match is_equal {
                true if before.as_ref() == Some(&said) => memo.equal_failures.saturating_add(1),
                true => 1,
                false => 0,
            };
            error.given_up = memo.equal_failures >= PARKED;
        });
        drop(journal);
        Outcome::Failed(error)
    }

    /// It could not be looked at, so nothing was begun: what is known of an earlier run stays.
    pub(super) fn unseen(&self, cx: &StepContext, step: &Step, error: StepError) -> Outcome {
        let stays = |last: &Memo| last.is_done() || last.is_interrupted();
        match error.kind {
            Kind::Cancelled => Outcome::Deferred(Deferral::Stopped),
            _ if cx.last.as_deref().is_some_and(stays) => Outcome::Failed(error),
            _ => self.failed(step, error),
        }
    }

    /// It was begun, and nothing came of it: it is as it was before, but for how that ended.
    pub(super) fn left(&self, step: &Step, stage: Stage) {
        if !kinds::is_noted(step.action.kind()) {
            return;
        }
        self.journal().note(&step.id, step.was.as_ref(), |memo| {
            (memo.stage, memo.leader, memo.cut) = (stage, None, 0);
        });
    }
}

/// Whether a try before may have changed what it is about, and nobody heard of that.
fn may_have_changed(cx: &StepContext) -> bool {
    cx.last.as_ref().is_some_and(|last| last.may_have_changed())
}
