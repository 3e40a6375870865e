//! An attempt that one of several candidates serves: the first whose circuit admits.

use std::sync::Arc;

use super::candidates::Candidates;
use super::enter::{Entered, Refused, Seat, Way};
use super::mostly_one::MostlyOne;
use super::pass::Passes;
use super::route::Route;
use super::run::Run;
use crate::attempt::Members;
use crate::circuit::CircuitBreakerError;
use crate::failure::Failure;
use crate::guard::{BulkheadError, Guard};

/// A candidate that was refused.
struct Refusal {
    candidate: usize,
    guard: Arc<Guard>,
    rejected: CircuitBreakerError,
}

impl<E: Failure> Run<'_, E> {
    /// Enters the first candidate whose circuit admits and that has a place; where none does, the first whose
    /// circuit this root opened.
    pub(super) async fn enter_one(&mut self) -> Result<Entered, Refused> {
        let (mut refusals, mut full) = (MostlyOne::new(), None);
        let mut turn = 0;
        while let Some(at_turn) = self.at_turn(turn) {
            turn += 1;
            let Some((candidate, guard)) = at_turn else { continue };
            match self.sit_down(&guard).await {
                Ok(seat) => {
                    self.tell_all(&refusals);
                    // Others of its root may use them while this one serves.
                    self.turns.clear();
                    return Ok(self.entered(candidate, Members::default(), MostlyOne::one(seat)));
                }
                Err(Refused::Circuit(rejected)) => refusals.push(Refusal { candidate, guard, rejected }),
                Err(Refused::Bulkhead(error @ BulkheadError::Full { .. })) => full = Some(error),
                Err(stopped) => return Err(stopped),
            }
        }
        let mut soonest = None;
        for Refusal { candidate, guard, rejected } in refusals {
            let rejected = match self.sit_down_by_pass(&guard, rejected).await? {
                Ok(seat) => {
                    return Ok(self.entered(candidate, Members::default(), MostlyOne::one(seat)));
                }
                Err(rejected) => rejected,
            };
            self.tell_rejected(guard.circuit(), &rejected);
            soonest = Some(sooner(soonest, rejected));
        }
        Err(match (soonest, full) {
            (Some(rejected), _) => Refused::Circuit(rejected),
            (None, Some(full)) => Refused::Bulkhead(full),
            (None, None) => Refused::Cancelled,
        })
    }

    fn tell_all(&mut self, refusals: &MostlyOne<Refusal>) {
        for Refusal { guard, rejected, .. } in refusals.iter() {
            self.tell_rejected(guard.circuit(), rejected);
        }
    }

    /// The candidate whose turn it is, unless it was given up; `None` after the last turn.
    fn at_turn(&self, turn: usize) -> Option<Option<(usize, Arc<Guard>)>> {
        let Route::OneOf { guards, candidates } = &self.route else { return None };
        let guarded = |candidate| Some((candidate, Arc::clone(guards.get(candidate)?)));
        (turn < guards.len()).then(|| candidates.alive_at(turn).and_then(guarded))
    }

    /// For one service: a look at the circuit, a place, the circuit itself.
    async fn sit_down(&mut self, guard: &Guard) -> Result<Seat, Refused> {
        // An open one fails fast, before any queue.
        guard.circuit().peek().await.map_err(Refused::Circuit)?;
        let place = self.place(guard).await?;
        let permit = self.enter_circuit(guard, Way::LikeAnyone).await.map_err(Refused::Circuit)?;
        Ok(Seat { permit, place })
    }

    /// The same past a circuit that refused, if this root opened it.
    async fn sit_down_by_pass(
        &mut self,
        guard: &Guard,
        rejected: CircuitBreakerError,
    ) -> Result<Result<Seat, CircuitBreakerError>, Refused> {
        if !self.passes.may_have(guard.service()) {
            return Ok(Err(rejected));
        }
        // One turn at a time: who held one while it waits for another could be waited for in a circle.
        self.turns.retain(|turn| turn.service == *guard.service());
        let Some(way) = self.way_past(guard).await? else { return Ok(Err(rejected)) };
        let place = self.place(guard).await?;
        match self.enter_circuit(guard, way).await {
            Ok(permit) => Ok(Ok(Seat { permit, place })),
            Err(probed) if way.is_probed(&probed) => Err(Refused::Probed(probed)),
            Err(others) => Ok(Err(others)),
        }
    }
}

/// What the next attempt would be told, as memory has it, if no candidate's circuit would let it in.
pub(super) fn refusal(
    guards: &MostlyOne<Arc<Guard>>,
    candidates: &Candidates,
    passes: &Passes,
) -> Option<CircuitBreakerError> {
    let mut soonest = None;
    for candidate in candidates.alive() {
        let guard = guards.get(candidate)?;
        let rejected = guard.circuit().rejection().filter(|_| !passes.may_have(guard.service()));
        soonest = Some(sooner(soonest, rejected?));
    }
    soonest
}

/// Of candidates one is enough: it is worth coming back for the first of them.
fn sooner(known: Option<CircuitBreakerError>, other: CircuitBreakerError) -> CircuitBreakerError {
    known.filter(|known| known.retry_after <= other.retry_after).unwrap_or(other)
}
