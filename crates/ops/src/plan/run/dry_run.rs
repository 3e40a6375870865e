//! What is said where it is only looked.

use std::path::Path;

use super::super::ids::StepId;
use super::super::step::Step;
use super::conditions::asked_for;
use super::outcome::{Outcome, Would};
use super::runner::Run;
use super::step_context::StepContext;

impl Run<'_> {
    /// Notes what would be made.
    pub(super) fn would(&self, cx: &StepContext, step: &Step) {
        let made = step.action.makes().map(|path| cx.path(path));
        let mut would = self.would.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        would.extend(made.map(|path| (path, step.id.clone())));
    }

    /// Notes that it may do something.
    pub(super) fn would_be(&self, step: &Step, would: Would) -> Outcome {
        let mut would_do = self.would_do.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        would_do.insert(step.id.clone());
        Outcome::Would(would)
    }

    /// The step whose change would have this one done, where it is only looked.
    pub(super) fn would_be_told_by(&self, step: &Step) -> Option<StepId> {
        let would_do = self.would_do.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        step.watches().iter().find(|id| would_do.contains(*id)).cloned()
    }

    /// The step whose doing decides whether a condition of this one holds.
    pub(super) fn hangs_on(&self, cx: &StepContext, step: &Step) -> Option<StepId> {
        let would = self.would.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut asked = Vec::new();
        step.when.iter().for_each(|condition| asked_for(condition, &mut asked));
        let is_near = |made: &Path, path: &Path| made.starts_with(path) || path.starts_with(made);
        asked.iter().find_map(|path| {
            let path = cx.path(path);
            would.iter().find(|(made, _)| is_near(made, &path)).map(|(_, id)| id.clone())
        })
    }
}
