//! From events to numbers: what is known of operations under way, and what was counted since the last writing.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use vps_breaker::Tick;
use vps_retry::{Class, Kind};

use super::figures::{NO_CLASS, Outcome, ServiceTotals, add};
use crate::event::{Event, EventKind, OperationId};
use crate::service::ServiceName;

/// Services counted by name between two writings; what comes beyond is counted together.
const MOST_PENDING: usize = 1_000;

/// Whose numbers they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// Of an operation that called no service, or several at once.
    Nobody,
    /// Of services that are not told apart.
    Others,
    Service(ServiceName),
}

#[derive(Debug, Default)]
pub(super) struct Counting {
    under_way: HashMap<OperationId, UnderWay>,
    pub(super) pending: BTreeMap<Whose, ServiceTotals>,
    /// Whether the store is given what was pending, and has not said yet that it has it.
    pub(super) is_on_its_way: bool,
}

/// What is known of an operation until it ends.
#[derive(Debug, Default)]
struct UnderWay {
    /// Whom it, or the last part of it, called last.
    service: Option<ServiceName>,
    /// When the attempt under way began, and whom it calls.
    attempt: Option<(Tick, Option<ServiceName>)>,
    /// Bytes that the attempt received, as far as they are counted.
    received: u64,
    /// Whether the last attempt failed, of several, in a way that another might not have.
    has_used_all: bool,
}

impl Counting {
    pub(super) fn see(&mut self, event: &Event<'_>) {
        let (id, service) = (event.id, &event.service);
        let kind = event.operation.kind.as_str();
        match &event.kind {
            EventKind::Started => drop(self.under_way.insert(id, UnderWay::default())),
            EventKind::AttemptStarted { .. } => {
                let known = self.under_way.entry(id).or_default();
                known.attempt = Some((event.at, service.clone()));
                known.received = 0;
                known.has_used_all = false;
                self.calls(event, service);
            }
            EventKind::AttemptFailed { number, of, class, kind: sort, took, .. } => {
                let known = self.under_way.entry(id).or_default();
                known.attempt = None;
                let may_help = matches!(class, Class::Transient | Class::NotSent | Class::Throttled { .. });
                known.has_used_all = may_help && *number > 1 && number >= of;
                self.attempt(service.clone(), kind, outcome(*sort), class.as_str(), *took);
            }
            EventKind::Retrying { after, .. } => self.of(service.clone()).paused(*after),
            EventKind::CircuitMoved { transition } => {
                self.of(service.clone()).moved(transition.from.as_str(), transition.to.as_str());
            }
            EventKind::CircuitRejected { .. } => {
                add(&mut self.of(service.clone()).rejected, 1);
                self.calls(event, service);
            }
            EventKind::Progress { done, resumed_from, .. } => {
                let known = self.under_way.entry(id).or_default();
                let received = done.saturating_sub(*resumed_from);
                let more = received.saturating_sub(known.received);
                known.received = received;
                if more > 0 {
                    add(&mut self.of(service.clone()).received_bytes, more);
                }
            }
            EventKind::Succeeded { took, .. } => self.end(event, Outcome::Success, *took),
            EventKind::Failed(failed) => self.end(event, outcome(failed.kind), failed.took),
            EventKind::Waiting { .. }
            | EventKind::LeftOut { .. }
            | EventKind::Files { .. }
            | EventKind::Step { .. }
            | EventKind::Note { .. }
            | EventKind::Warning { .. } => {}
        }
    }

    /// Notes whom an operation calls, for itself and for what it is a part of.
    fn calls(&mut self, event: &Event<'_>, service: &Option<ServiceName>) {
        if service.is_none() {
            return;
        }
        for id in [event.id, event.root.id] {
            if let Some(known) = self.under_way.get_mut(&id) {
                known.service.clone_from(service);
            }
        }
    }

    fn end(&mut self, event: &Event<'_>, outcome: Outcome, took: Duration) {
        let known = self.under_way.remove(&event.id).unwrap_or_default();
        let kind = event.operation.kind.as_str();
        if let Some((began, service)) = known.attempt {
            // It succeeded, or was dropped before it could fail.
            let class = if outcome == Outcome::Success { NO_CLASS } else { Class::Cancelled.as_str() };
            let ended = if outcome == Outcome::Success { outcome } else { Outcome::Failure };
            self.attempt(service, kind, ended, class, event.at.since(began));
        }
        let service = event.service.clone().or(known.service);
        let totals = self.of(service);
        if known.has_used_all && matches!(outcome, Outcome::Failure | Outcome::Timeout) {
            add(&mut totals.retries_exhausted, 1);
        }
        let totals = totals.kind(kind);
        totals.operations.count(outcome);
        totals.durations.add(took);
    }

    fn attempt(
        &mut self,
        service: Option<ServiceName>,
        kind: &'static str,
        outcome: Outcome,
        class: &'static str,
        took: Duration,
    ) {
        let totals = self.of(service).kind(kind);
        totals.attempts.entry(class.into()).or_default().count(outcome);
        totals.attempt_durations.add(took);
    }

    /// Whether no operation is under way.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    fn of(&mut self, service: Option<ServiceName>) -> &mut ServiceTotals {
        let whose = service.map_or(Whose::Nobody, Whose::Service);
        let is_full = self.pending.len() >= MOST_PENDING && !self.pending.contains_key(&whose);
        self.pending.entry(if is_full { Whose::Others } else { whose }).or_default()
    }
}

/// Adds what was counted of each to what there is.
pub(super) fn merge(all: &mut BTreeMap<Whose, ServiceTotals>, more: BTreeMap<Whose, ServiceTotals>) {
    for (whose, totals) in more {
        all.entry(whose).or_default().plus(&totals);
    }
}

fn outcome(kind: Kind) -> Outcome {
    match kind {
        Kind::Timeout => Outcome::Timeout,
        Kind::CircuitOpen | Kind::QueueFull => Outcome::Rejected,
        _ => Outcome::Failure,
    }
}
