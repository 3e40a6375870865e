//! What the end of a step means to the run and to other steps.

use super::super::action::Action;
use super::super::step::OnFailure;
use super::order::{End, Order};
use super::outcome::{Deferral, Outcome};
use super::runner::Run;

impl Run<'_> {
    /// Nothing more is begun after a step that is not done and ends the run, whether it failed or is left: the next run
    /// would else go past it once it is left for its failures.
    pub(super) fn may_end_all(&self, order: &mut Order, at: usize, outcome: &Outcome) {
        if is_not_done(outcome) && self.stops(at) {
            // The first one is the reason.
            let _ = self.ended_by.set(at);
            order.stop();
        }
    }

    fn stops(&self, at: usize) -> bool {
        self.steps().get(at).is_some_and(|step| match &step.action {
            Action::Module(module) if step.on_failure == OnFailure::SkipDependents => {
                self.ground.modules.meta(&module.name).is_some_and(|meta| meta.mandatory)
            }
            _ => step.on_failure == OnFailure::Stop,
        })
    }

    pub(super) fn may_fail(&self, at: usize) -> bool {
        self.steps().get(at).is_some_and(|step| step.on_failure == OnFailure::Continue)
    }

    /// What its end means to those that need it.
    pub(super) fn means(&self, at: usize, outcome: &Outcome) -> End {
        match outcome {
            Outcome::Blocked { .. } => End::Failed,
            // What was given up ends as the failures did that it was given up for.
            _ if has_failed(outcome) && self.may_fail(at) => End::Well,
            _ if has_failed(outcome) => End::Failed,
            Outcome::Deferred(_) => End::Left,
            _ => End::Well,
        }
    }
}

fn has_failed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(_) => true,
        Outcome::Deferred(why) => why.is_given_up(),
        _ => false,
    }
}

/// Whether it was asked for, its turn came, and it is not done for a reason of its own.
fn is_not_done(outcome: &Outcome) -> bool {
    use Deferral::{Ended, Needs, NotSelected, OutOfTime, Stopped};
    match outcome {
        Outcome::Failed(_) => true,
        Outcome::Deferred(why) => {
            !matches!(why, Needs { .. } | NotSelected | OutOfTime | Stopped | Ended { .. })
        }
        _ => false,
    }
}
