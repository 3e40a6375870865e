//! Whether a step may be begun, once it is known that there is something to do.

use super::super::action::Action;
use super::super::kinds;
use super::super::step::Step;
use super::outcome::Deferral;
use super::runner::Run;
use super::step_context::StepContext;

/// Equal failures, or runs that ended in the middle of it, after which a step is not tried again unasked.
pub(super) const PARKED: u32 = 3;

impl Run<'_> {
    /// Why it may not be done now, though it is not as it is to be.
    pub(super) fn may_begin(&self, cx: &StepContext, step: &Step) -> Option<Deferral> {
        self.unheard(cx, step).or_else(|| given_up(cx, step))
    }

    /// What others wait for must not change where they would never hear of it. The next run would find nothing to do, and
    /// nobody would know of the restart that is due: that is worse than to leave both.
    fn unheard(&self, cx: &StepContext, step: &Step) -> Option<Deferral> {
        let watchers = self.watchers.get(&cx.at).filter(|_| kinds::is_noted(step.action.kind()))?;
        let mut watchers = watchers.iter().filter_map(|at| Some((*at, self.steps().get(*at)?)));
        let journal = self.journal();
        if !journal.outlives() {
            return watchers.next().map(|(_, step)| Deferral::Unheard { by: step.id.clone() });
        }
        // Who says that it was done may not know of a change that comes with the same run.
        let rerun = &self.selection.rerun;
        let is_lost = |(at, step): &(usize, &Step)| {
            let memo = journal.memo(&step.id, step.was.as_ref());
            memo.is_some_and(|memo| memo.is_lost()) && !(rerun.contains(&step.id) && self.is_selected(*at))
        };
        watchers.find(is_lost).map(|(_, step)| Deferral::Lost { by: Some(step.id.clone()) })
    }
}

/// It was begun and may not be twice, or failed too often.
fn given_up(cx: &StepContext, step: &Step) -> Option<Deferral> {
    let (memo, asked) = (cx.memo.as_ref()?, cx.is_asked);
    // Where nobody is named who does it, it was never begun.
    let due = match (&step.action, &memo.leader) {
        (Action::Command(command), Some(leader)) => command.guards.is_due_again(leader, cx.env()),
        _ => true,
    };
    if memo.is_interrupted() && !due && !asked {
        return Some(Deferral::Interrupted);
    }
    let runs = memo.cut.saturating_add(1);
    if memo.is_interrupted() && runs >= PARKED && !cx.is_told_since && !asked {
        return Some(Deferral::Poison { runs });
    }
    // What it failed by may be gone with a change of what it watches.
    let is_parked = memo.equal_failures >= PARKED && !cx.is_told_since;
    (is_parked && !asked).then(|| Deferral::Parked { failure: memo.failure.clone() })
}
