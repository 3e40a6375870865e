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
        let behind = self.behind(gate);
        for at in &behind {
            // One that is asked itself says nothing of who waits for it.
            let is_gate = self.steps().get(*at).is_some_and(|step| matches!(step.action, Action::Gate(_)));
            if self.is_selected(*at) && !is_gate && self.is_due(*at).await {
                return false;
            }
        }
        !behind.is_empty()
    }

    /// The steps that come after it, because of the order of the file or of what they need.
    fn behind(&self, gate: usize) -> BTreeSet<usize> {
        let mut behind: BTreeSet<usize> = BTreeSet::new();
        loop {
            let before = behind.len();
            // What a step needs mostly stands above it, so that one pass finds all and another sees that.
            for (at, step) in self.steps().iter().enumerate().filter(|(at, _)| *at != gate) {
                let is_behind =
                    |id: &StepId| self.places.get(id).is_some_and(|at| *at == gate || behind.contains(at));
                let waits = match &step.needs {
                    Needs::Order => at > gate,
                    Needs::Steps(needs) => needs.iter().any(is_behind),
                };
                if waits {
                    behind.insert(at);
                }
            }
            if behind.len() == before {
                return behind;
            }
        }
    }

    async fn is_due(&self, at: usize) -> bool {
        let Some(cx) = self.context(at) else { return false };
        let Some(step) = cx.step() else { return false };
        // A plan in which steps watch one another in a ring is none.
        for watched in step.watches().iter().filter_map(|id| self.places.get(id)) {
            if Box::pin(self.is_due(*watched)).await {
                return true;
            }
        }
        if self.hangs_on(&cx, step).is_some() || self.would_be_told_by(step).is_some() {
            return true;
        }
        let applies = step.when.iter().all(|when| holds(&cx, when));
        applies && !matches!(Box::pin(kinds::prove(&cx)).await, Ok(Proof::Satisfied(_) | Proof::DoesNotApply))
    }
}
