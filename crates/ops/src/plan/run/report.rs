//! What is said of a run at its end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::ids::StepId;
use super::super::step::{OnFailure, Step};
use super::outcome::{Applied, Deferral, Outcome, StepReport};
use super::runner::Run;

impl Run<'_> {
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
        let of = |(step, outcome): (&Step, Option<(Outcome, Duration)>)| {
            let unbegun = || (Outcome::Deferred(why.clone()), Duration::ZERO);
            let (outcome, took) = outcome.unwrap_or_else(unbegun);
            StepReport {
                id: step.id.clone(),
                kind: step.action.kind(),
                place: step.place,
                outcome,
                may_fail: step.on_failure == OnFailure::Continue,
                took,
            }
        };
        let steps = self.steps().iter().zip(outcomes).map(of).collect();
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
