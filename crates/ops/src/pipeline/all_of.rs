//! An attempt that calls several services at once.

use vps_breaker::Verdict;

use super::enter::{Entered, Refused, Seat, Way};
use super::mostly_one::MostlyOne;
use super::pass::Passes;
use super::route::{Member, Route};
use super::run::Run;
use crate::attempt::Members;
use crate::circuit::CircuitBreakerError;
use crate::env::Mistake;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::service::ServiceName;

/// A member that was refused.
struct Refusal {
    required: bool,
    rejected: CircuitBreakerError,
}

impl Member {
    fn refused(&self, rejected: CircuitBreakerError) -> Refusal {
        Refusal { required: self.required, rejected }
    }
}

impl<E: Failure> Run<'_, E> {
    /// Enters the circuits of all members, each step for all of them before the next. A required one that is
    /// refused gives back what the others gave.
    pub(super) async fn enter_all(&mut self, members: &[Member]) -> Result<Entered, Refused> {
        let (mut refusals, mut willing) = (Vec::new(), Vec::new());
        self.drop_old_turns();
        self.keep_all_turns_or_none(members);
        for member in members {
            let way = match member.guard.circuit().peek().await {
                Ok(()) => Ok(Way::LikeAnyone),
                // Whose circuit this root opened is asked, and not left out.
                Err(rejected) if self.passes.may_have(member.guard.service()) => {
                    self.way_past(&member.guard).await?.ok_or(rejected)
                }
                Err(rejected) => Err(rejected),
            };
            match way {
                Ok(way) => willing.push((member, way)),
                Err(rejected) => {
                    self.tell_rejected(member.guard.circuit(), &rejected);
                    refusals.push(member.refused(rejected));
                }
            }
        }
        if let Some(rejected) = refused(&refusals, willing.is_empty()) {
            return Err(Refused::Circuit(rejected.clone()));
        }
        let mut with_place = Vec::new();
        for (member, way) in willing {
            with_place.push((member, way, self.place(&member.guard).await?));
        }
        let (mut seats, mut probed) = (MostlyOne::new(), None);
        for (member, way, place) in with_place {
            match self.enter_circuit(&member.guard, way).await {
                Ok(permit) => seats.push(Seat { permit, place }),
                // Its end is waited for, and then it is asked.
                Err(rejected) if way.is_probed(&rejected) => probed = probed.or(Some(rejected)),
                Err(rejected) => {
                    self.tell_rejected(member.guard.circuit(), &rejected);
                    refusals.push(member.refused(rejected));
                }
            }
        }
        self.has_earned |= !seats.is_empty();
        let none_left = seats.is_empty() && probed.is_none();
        let refused = refused(&refusals, none_left).cloned().map(Refused::Circuit);
        if let Some(refused) = refused.or(probed.map(Refused::Probed)) {
            give_back(seats).await;
            return Err(refused);
        }
        let left_out = self.leave_out(&refusals);
        let mut admitted: Vec<_> = seats.iter().map(|seat| seat.permit.service().clone()).collect();
        if self.pipeline.env.planted(Mistake::LeftOutMemberCalled) {
            admitted.extend_from_slice(&left_out);
        }
        Ok(self.entered(0, Members::new(admitted, left_out), seats))
    }

    /// Turns are waited for in order of name, so that nobody is waited for in a circle: with one missing, all are
    /// let go of first.
    fn keep_all_turns_or_none(&mut self, members: &[Member]) {
        let opened = members.iter().map(|member| member.guard.service());
        let opened = opened.filter(|service| self.passes.may_have(service)).count();
        if opened > self.turns.len() {
            self.turns.clear();
        }
    }

    /// Tells once of each member that the operation goes on without.
    fn leave_out(&mut self, refusals: &[Refusal]) -> Vec<ServiceName> {
        let mut names: Vec<ServiceName> = Vec::new();
        for Refusal { rejected, .. } in refusals {
            let name = &rejected.service;
            let Route::AllOf(members) = &mut self.route else { continue };
            if members.left_out.insert(name.clone()) {
                self.tell(Some(name.clone()), EventKind::LeftOut { retry_after: rejected.retry_after });
            }
            names.push(name.clone());
        }
        names.sort();
        names
    }
}

async fn give_back(seats: MostlyOne<Seat>) {
    for Seat { permit, .. } in seats {
        permit.settle(Verdict::Neutral).await;
    }
}

/// What the next attempt would be told, as memory has it, if it could not call the members.
pub(super) fn refusal(members: &[Member], passes: &Passes) -> Option<CircuitBreakerError> {
    let others = members.iter().filter(|member| !passes.may_have(member.guard.service()));
    let refusals: Vec<Refusal> =
        others.filter_map(|member| Some(member.refused(member.guard.circuit().rejection()?))).collect();
    refused(&refusals, refusals.len() == members.len()).cloned()
}

/// Why members cannot be called: one of them has to be, and is not let in (the last of these to come
/// back), or there is none left (the first to come back).
fn refused(refusals: &[Refusal], none_left: bool) -> Option<&CircuitBreakerError> {
    let required = refusals.iter().filter(|refusal| refusal.required).map(|refusal| &refusal.rejected);
    let last = required.max_by_key(|rejected| rejected.retry_after);
    last.or_else(|| {
        let all = refusals.iter().filter(|_| none_left).map(|refusal| &refusal.rejected);
        all.min_by_key(|rejected| rejected.retry_after)
    })
}
