//! The dead letters of a plan: one for each step that failed, until a run finds that it is done.

use std::time::Duration;

use super::super::step::Step;
use super::outcome::{Outcome, StepError};
use super::runner::Run;
use crate::dead_letter::{Letter, LetterId, PlanStepLetter, StepEnd, kept_of};

impl Run<'_> {
    /// Keeps the letter of a step that failed.
    pub(super) fn keep_letter(&self, at: usize, outcome: &Outcome, took: Duration) {
        if let (false, Outcome::Failed(error), Some(step)) =
            (self.options.dry_run, outcome, self.steps().get(at))
        {
            let letter = self.letter(step, error, took);
            self.ground.network.letters().keep(letter);
        }
    }

    fn letter(&self, step: &Step, error: &StepError, took: Duration) -> Letter {
        let plan = &self.ground.plan;
        let service = error.circuit.as_ref().map(|circuit| &circuit.service).or(step.circuit.as_ref());
        let of = PlanStepLetter {
            plan: plan.name.clone(),
            step: step.id.to_string(),
            path: plan.path.as_ref().map(|path| path.as_os_str().into()),
            hash: step.hash(),
            action: kept_of(serde_json::to_value(&step.action).unwrap_or_default()),
            causes: error.causes.clone(),
            log: error.log.as_ref().map(|log| log.as_os_str().into()),
        };
        let end = StepEnd {
            kind: error.kind,
            class: error.class,
            service: service.map(ToString::to_string),
            error: error.what.clone(),
            attempts: error.attempts.max(1),
            took,
            at: self.env.wall().as_secs_f64(),
        };
        Letter::of_step(of, end)
    }

    /// Takes out the letters of all steps that there is nothing to do for any more, by the names they have and had.
    pub(super) fn clear_letters(&self, outcomes: &[Option<(Outcome, Duration)>]) {
        if self.options.dry_run {
            return;
        }
        let is_well = |outcome: &Option<(Outcome, Duration)>| {
            matches!(outcome, Some((Outcome::Satisfied | Outcome::Done { .. } | Outcome::Skipped, _)))
        };
        let well: Vec<usize> =
            outcomes.iter().enumerate().filter(|(_, outcome)| is_well(outcome)).map(|(at, _)| at).collect();
        let plan = std::sync::Arc::clone(&self.ground.plan);
        self.ground.network.letters().clear(move || {
            let steps = well.iter().filter_map(|at| plan.steps.get(*at));
            let names = steps.flat_map(|step| std::iter::once(&step.id).chain(&step.was));
            names.map(|name| LetterId::of_step(&plan.name, name.as_str())).collect()
        });
    }
}
