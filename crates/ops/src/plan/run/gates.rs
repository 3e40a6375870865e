//! Who waits for a gate.

use std::collections::BTreeSet;

use super::super::action::Action;
use super::super::ids::StepId;
use super::super::kinds;
use super::super::step::Needs;
use super::conditions::holds;
use super::runner::Run;
use super::step_context::Proof;

impl Run<'_> {
    /// Whether nothing that comes after this gate is about to be done, so that it need not be asked: then a run that
    /// finds all done asks nobody anything. One that nothing comes after is asked for its own sake.
    pub(super) async fn is_waited_for_by_nobody(&self, gate: usize) -> bool {
        let mut behind: BTreeSet<&StepId> = self.steps().get(gate).map(|step| &step.id).into_iter().collect();
        for (at, step) in self.steps().iter().enumerate() {
            let waits = match &step.needs {
                Needs::Order => at > gate,
                Needs::Steps(needs) => needs.iter().any(|id| behind.contains(id)),
            };
            if at == gate || !waits {
                continue;
            }
            behind.insert(&step.id);
            // One that is asked itself says nothing of who waits for it.
            if self.is_selected(at) && !matches!(step.action, Action::Gate(_)) && self.is_due(at).await {
                return false;
            }
        }
        behind.len() > 1
    }

    async fn is_due(&self, at: usize) -> bool {
        let Some(cx) = self.context(at) else { return false };
        let applies = cx.step().is_some_and(|step| step.when.iter().all(|when| holds(&cx, when)));
        applies && !matches!(Box::pin(kinds::prove(&cx)).await, Ok(Proof::Satisfied(_)))
    }
}
