//! How an attempt is let in past a guard, and what the guard is told when it is over.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use vps_breaker::{OutageId, Settled, State, Verdict, Why};
use vps_retry::Budget;

use super::mostly_one::MostlyOne;
use super::pass::{Passes, Turn};
use super::place::Place;
use super::route::Route;
use super::run::Run;
use crate::attempt::Members;
use crate::circuit::{Circuit, CircuitBreakerError, Outcome, Permit, opened};
use crate::env::Mistake;
use crate::event::{Awaited, EventKind};
use crate::failure::Failure;
use crate::guard::{BulkheadError, Guard};
use crate::service::ServiceName;

/// An attempt that was let in. It must live exactly as long as the attempt.
pub(super) struct Entered {
    pub(super) candidate: usize,
    pub(super) members: Members,
    pub(super) budget: Arc<Budget>,
    seats: MostlyOne<Seat>,
    /// What it was as a whole, once that is known.
    whole: Option<Verdict>,
}

/// What a call to one service needs; given back in this order.
pub(super) struct Seat {
    pub(super) permit: Permit,
    pub(super) place: Place,
}

/// Why an attempt was not let in.
pub(super) enum Refused {
    /// The caller stopped it.
    Cancelled,
    Circuit(CircuitBreakerError),
    /// The time was over before its turn came.
    OutOfTime,
    /// Somebody probes the circuit that we opened: worth another look.
    Probed(CircuitBreakerError),
    Bulkhead(BulkheadError),
}

/// How a circuit is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    LikeAnyone,
    /// By the pass of whose attempt opened it.
    ByPass(OutageId),
}

impl Way {
    /// Whether a refusal is a probe's of somebody else, which a holder of a pass waits for.
    pub(super) fn is_probed(self, rejected: &CircuitBreakerError) -> bool {
        matches!(self, Self::ByPass(_)) && rejected.rejected.why() == Why::Probing
    }
}

impl Entered {
    /// Whose attempt it is, where it is one service's.
    pub(super) fn service(&self) -> Option<ServiceName> {
        let only = self.seats.get(0).filter(|_| self.members.admitted().is_empty());
        only.map(|seat| seat.permit.service().clone())
    }

    /// What a service's circuit is told if nobody waits for the end.
    fn known_verdict(&self, service: &ServiceName) -> Option<Verdict> {
        match self.whole {
            Some(whole) => Some(self.members.verdict(service, whole)),
            None => self.members.reported(service),
        }
    }

    /// The permits whose slots must be renewed.
    pub(super) fn probes(&self) -> impl Iterator<Item = &Permit> {
        self.seats.iter().map(|seat| &seat.permit).filter(|permit| permit.is_probe())
    }
}

/// Dropped half-way: who is known to be well or ill is told so; the rest is as old as it is.
impl Drop for Entered {
    fn drop(&mut self) {
        while let Some(Seat { permit, place }) = self.seats.take_first() {
            let verdict = self.known_verdict(permit.service());
            permit.abandon(verdict);
            drop(place);
        }
    }
}

impl<E: Failure> Run<'_, E> {
    /// Passes the guards of the route. What is refused on the way costs no attempt.
    pub(super) async fn enter(&mut self) -> Result<Entered, Refused> {
        if self.cancel.is_cancelled() {
            return Err(Refused::Cancelled);
        }
        match &self.route {
            Route::Nobody(_) => Ok(self.entered(0, Members::default(), MostlyOne::new())),
            Route::OneOf { .. } => self.enter_one().await,
            Route::AllOf(members) => {
                let each = Arc::clone(&members.each);
                self.enter_all(&each).await
            }
        }
    }

    pub(super) fn entered(&mut self, candidate: usize, members: Members, seats: MostlyOne<Seat>) -> Entered {
        self.refused.clear();
        self.has_earned = true;
        if !seats.is_empty() {
            self.passes.attempted();
        }
        Entered { candidate, members, budget: self.route.budget(candidate), seats, whole: None }
    }

    /// The circuit itself, once there is a place.
    pub(super) async fn enter_circuit(
        &mut self,
        guard: &Guard,
        way: Way,
    ) -> Result<Permit, CircuitBreakerError> {
        let Way::ByPass(outage) = way else {
            let permit = guard.circuit().try_enter().await?;
            self.let_in(guard, &permit);
            return Ok(permit);
        };
        match guard.circuit().try_enter_by_pass(outage).await {
            Ok(permit) => {
                if !permit.is_opener() && !permit.is_probe() {
                    // It has closed meanwhile.
                    self.give_up_pass(guard.service(), outage);
                }
                self.let_in(guard, &permit);
                Ok(permit)
            }
            Err(rejected) => {
                if rejected.rejected.why() == Why::Open {
                    // Another outage, which others began.
                    self.give_up_pass(guard.service(), outage);
                }
                Err(rejected)
            }
        }
    }

    fn let_in(&self, guard: &Guard, permit: &Permit) {
        if !self.has_earned {
            // An operation earns once, however often it is let in.
            guard.budget().deposit();
        }
        if let Some(transition) = permit.transition() {
            self.tell(Some(permit.service().clone()), EventKind::CircuitMoved { transition });
        }
    }

    /// How to get past a circuit that refuses and that this root opened: at its turn. `None` where it turns out
    /// that others opened it.
    pub(super) async fn way_past(&mut self, guard: &Guard) -> Result<Option<Way>, Refused> {
        let service = guard.service();
        self.drop_old_turns();
        if let Some(turn) = self.turns.iter().find(|turn| turn.service == *service) {
            return Ok(Some(Way::ByPass(turn.outage)));
        }
        // Who waited for a turn of an outage that is over waits for one of the next, if that is this root's too.
        while self.passes.has(service) {
            if let Some(turn) = self.wait_for_turn(service).await? {
                let way = Way::ByPass(turn.outage);
                self.turns.push(turn);
                return Ok(Some(way));
            }
        }
        // There is no turn any more once the circuit has closed.
        Ok(guard.circuit().peek().await.is_ok().then_some(Way::LikeAnyone))
    }

    /// Lets go of turns of outages that are over.
    pub(super) fn drop_old_turns(&mut self) {
        self.turns.retain(|turn| self.passes.is_current(turn));
    }

    async fn wait_for_turn(&mut self, service: &ServiceName) -> Result<Option<Turn>, Refused> {
        let passes = self.passes.clone();
        let mut turn = pin!(passes.turn(service));
        let at_once = poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await;
        if let Poll::Ready(turn) = at_once {
            return Ok(turn);
        }
        let what = Awaited::Circuit { service: service.clone() };
        self.wait(Some(service.clone()), Duration::ZERO, what);
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Refused::Cancelled),
            turn = turn => Ok(turn),
            () = self.limit(self.deadline) => Err(Refused::OutOfTime),
        }
    }

    fn give_up_pass(&mut self, service: &ServiceName, outage: OutageId) {
        self.passes.give_up(service, outage);
        self.turns.retain(|turn| turn.service != *service);
    }

    /// Counts and tells of a refusal, once until an attempt is let in.
    pub(super) fn tell_rejected(&mut self, circuit: &Circuit, rejected: &CircuitBreakerError) {
        if self.refused.insert(rejected.service.clone()) {
            circuit.refused();
            let kind = EventKind::CircuitRejected { retry_after: rejected.retry_after };
            self.tell(Some(rejected.service.clone()), kind);
        }
    }

    /// What the next attempt would be told, as memory has it, if no circuit would let it in.
    pub(super) fn would_be_refused(&self) -> Option<CircuitBreakerError> {
        self.refusal(&self.passes)
    }

    /// What the next operation would be told, which has no pass of ours.
    pub(super) fn next_would_be_refused(&self) -> Option<CircuitBreakerError> {
        self.refusal(&Passes::default())
    }

    fn refusal(&self, passes: &Passes) -> Option<CircuitBreakerError> {
        match &self.route {
            Route::Nobody(_) => None,
            Route::OneOf { guards, candidates } => super::one_of::refusal(guards, candidates, passes),
            Route::AllOf(members) => super::all_of::refusal(&members.each, passes),
        }
    }

    /// Tells of a circuit that moved. Whose attempt opened it may go on.
    fn moved(&mut self, service: ServiceName, settled: Settled) {
        let Settled::Moved(transition) = settled else { return };
        match (opened(settled), transition.outage) {
            (Some(outage), _) => self.passes.grant(&service, outage),
            (None, Some(outage)) if transition.to == State::Closed => self.give_up_pass(&service, outage),
            (None, _) => {}
        }
        self.tell(Some(service), EventKind::CircuitMoved { transition });
    }

    /// Tells the circuits how the attempt ended, and lets the next ones in.
    ///
    /// Dropped half-way it still tells all of them.
    pub(super) async fn settle(&mut self, mut entered: Entered, whole: Verdict) {
        let env = self.pipeline.env.clone();
        entered.whole = Some(whole);
        while let Some(Seat { permit, place }) = entered.seats.take_first() {
            let service = permit.service().clone();
            let alike = env.planted(Mistake::MembersSettledAlike);
            let verdict = if alike { whole } else { entered.members.verdict(&service, whole) };
            match permit.settle_or_late(verdict).await {
                Outcome::Known(settled) => self.moved(service, settled),
                Outcome::Late(late) if verdict == Verdict::Failure => self.passes.expect(&service, late),
                Outcome::Late(_) => {}
            }
            // Only now does the place go: who comes in next must meet what this attempt did to the circuit.
            env.let_go(place, Mistake::PlaceLeaked);
        }
    }
}
