//! An attempt that one of several candidates serves: the first whose circuit admits.

use std::sync::Arc;

use super::candidates::Candidates;
use super::enter::{Entered, Refused, Seat};
use super::mostly_one::MostlyOne;
use super::route::Route;
use super::run::Run;
use crate::attempt::Members;
use crate::circuit::CircuitBreakerError;
use crate::failure::Failure;
use crate::guard::{BulkheadError, Guard};

impl<E: Failure> Run<'_, E> {
    /// Enters the first candidate whose circuit admits and that has a place.
    pub(super) async fn enter_one(&mut self) -> Result<Entered, Refused> {
        let (mut soonest, mut full) = (None, None);
        let mut turn = 0;
        while let Some(at_turn) = self.at_turn(turn) {
            turn += 1;
            let Some((candidate, guard)) = at_turn else { continue };
            match self.sit_down(&guard).await {
                Ok(seat) => return Ok(self.entered(candidate, Members::default(), MostlyOne::one(seat))),
                Err(Refused::Circuit(rejected)) => soonest = Some(sooner(soonest, rejected)),
                Err(Refused::Bulkhead(error @ BulkheadError::Full { .. })) => full = Some(error),
                Err(stopped) => return Err(stopped),
            }
        }
        Err(match (soonest, full) {
            (Some(rejected), _) => Refused::Circuit(rejected),
            (None, Some(full)) => Refused::Bulkhead(full),
            (None, None) => Refused::Cancelled,
        })
    }

    /// The candidate whose turn it is, unless it was given up; `None` after the last turn.
    fn at_turn(&self, turn: usize) -> Option<Option<(usize, Arc<Guard>)>> {
        let Route::OneOf { guards, candidates } = &self.route else { return None };
        let guarded = |candidate| Some((candidate, Arc::clone(guards.get(candidate)?)));
        (turn < guards.len()).then(|| candidates.alive_at(turn).and_then(guarded))
    }

    /// For one service: a look at the circuit, a place, the circuit itself.
    async fn sit_down(&mut self, guard: &Guard) -> Result<Seat, Refused> {
        self.look(guard).await.map_err(Refused::Circuit)?;
        let place = self.place(guard).await?;
        // The rate limit waits here.
        let permit = self.enter_circuit(guard).await.map_err(Refused::Circuit)?;
        Ok(Seat { permit, place })
    }
}

/// What the next attempt would be told, as memory has it, if no candidate's circuit would let it in.
pub(super) fn refusal(
    guards: &MostlyOne<Arc<Guard>>,
    candidates: &Candidates,
) -> Option<CircuitBreakerError> {
    let mut soonest = None;
    for candidate in candidates.alive() {
        soonest = Some(sooner(soonest, guards.get(candidate)?.circuit().rejection()?));
    }
    soonest
}

/// Of candidates one is enough: it is worth coming back for the first of them.
fn sooner(known: Option<CircuitBreakerError>, other: CircuitBreakerError) -> CircuitBreakerError {
    known.filter(|known| known.retry_after <= other.retry_after).unwrap_or(other)
}
