//! What is said of a run at its end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::ids::StepId;
use super::super::step::{OnFailure, Step};
use super::outcome::{Applied, Deferral, Outcome, StepReport};
use super::runner::Run;

impl Run<'_> {
    /// Whether nobody asked for it in this run, and what it watches has changed since it was last done.
    fn is_due_unasked(&self, at: usize, outcome: &Outcome) -> bool {
        let is_unasked = matches!(outcome, Outcome::Deferred(Deferral::NotSelected));
        is_unasked && !self.options.dry_run && self.context(at).is_some_and(|cx| cx.is_told)
    }

    /// All that is to be said of a run that ended.
    pub(super) fn report(self, outcomes: Vec<Option<(Outcome, Duration)>>, stopped: bool) -> Applied {
        let out_of_time =
            !self.options.cancel.is_cancelled() && self.until.is_some_and(|until| self.env.now() >= until);
        let ended_by = self.ended_by.get().filter(|_| !stopped).and_then(|at| self.steps().get(*at));
        let why = match ended_by {
            Some(step) => Deferral::Ended { by: step.id.clone() },
            None if out_of_time => Deferral::OutOfTime,
            None => Deferral::Stopped,
        };
        // Before anything is moved out of it.
        let ended = outcomes.iter().enumerate().filter_map(|(at, ended)| Some((at, &ended.as_ref()?.0)));
        let due: BTreeSet<usize> =
            ended.filter(|(at, outcome)| self.is_due_unasked(*at, outcome)).map(|(at, _)| at).collect();
        let of = |at: usize, step: &Step, outcome: Option<(Outcome, Duration)>| {
            let is_due = due.contains(&at);
            let unbegun = || (Outcome::Deferred(why.clone()), Duration::ZERO);
            let (outcome, took) = outcome.unwrap_or_else(unbegun);
            StepReport {
                id: step.id.clone(),
                kind: step.action.kind(),
                place: step.place,
                outcome,
                may_fail: step.on_failure == OnFailure::Continue,
                is_due,
                took,
            }
        };
        let ended = self.steps().iter().zip(outcomes).enumerate();
        let steps = ended.map(|(at, (step, outcome))| of(at, step, outcome)).collect();
        let names = self.steps().iter().flat_map(|step| std::iter::once(&step.id).chain(&step.was));
        let known: BTreeSet<&str> = names.map(StepId::as_str).collect();
        let journal = self.journal();
        Applied {
            name: self.ground.plan.name.clone(),
            steps,
            gone: journal.others(&known).map(Into::into).collect(),
            stopped,
            overtaken: journal.is_overtaken(),
            took: self.env.now().since(self.began),
        }
    }
}
