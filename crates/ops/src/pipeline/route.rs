//! Whose guards an operation's attempts pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use vps_retry::Budget;

use super::candidates::Candidates;
use super::mostly_one::MostlyOne;
use super::request::Services;
use crate::guard::{CircuitBreakerManager, Guard};
use crate::service::ServiceName;

/// Whose guards an operation's attempts pass; each variant is entered in a function of its own.
pub(super) enum Route {
    /// Nobody's: on this machine. Its retries have an allowance of their own.
    Nobody(Arc<Budget>),
    /// That of the first candidate whose circuit admits.
    OneOf { guards: MostlyOne<Arc<Guard>>, candidates: Candidates },
    /// Those of all members at once.
    AllOf(Members),
}

/// The services that each attempt calls beside each other.
pub(super) struct Members {
    /// In order of name.
    pub(super) each: Arc<[Member]>,
    /// Those that were said to be left out.
    pub(super) left_out: BTreeSet<ServiceName>,
}

/// A service that is called beside others.
pub(super) struct Member {
    pub(super) guard: Arc<Guard>,
    pub(super) required: bool,
}

impl Route {
    pub(super) fn of(services: &Services, guards: &CircuitBreakerManager) -> Self {
        match services {
            Services::OneOf(services) if services.is_empty() => {
                Self::Nobody(Arc::new(guards.general_budget()))
            }
            Services::OneOf(services) => Self::OneOf {
                guards: services.iter().map(|service| guards.guard(service)).collect(),
                candidates: Candidates::new(services.len()),
            },
            Services::AllOf(wanted) => {
                let guarded = wanted
                    .iter()
                    .map(|member| Member { guard: guards.guard(&member.service), required: member.required });
                Self::AllOf(Members { each: guarded.collect(), left_out: BTreeSet::new() })
            }
        }
    }

    /// A candidate's service; nobody's, and with members nobody's in particular.
    pub(super) fn service_of(&self, candidate: usize) -> Option<ServiceName> {
        match self {
            Self::OneOf { guards, .. } => guards.get(candidate).map(|guard| guard.service().clone()),
            Self::Nobody(_) | Self::AllOf(_) => None,
        }
    }

    /// Whose allowance a retry is taken from: the candidate's; with members that of the first that must be
    /// called.
    pub(super) fn budget(&self, candidate: usize) -> Arc<Budget> {
        let guard = match self {
            Self::Nobody(budget) => return Arc::clone(budget),
            Self::OneOf { guards, .. } => guards.get(candidate),
            Self::AllOf(Members { each, .. }) => {
                each.iter().find(|member| member.required).or(each.first()).map(|member| &member.guard)
            }
        };
        guard.map(|guard| Arc::clone(guard.budget())).unwrap_or_default()
    }

    /// An attempt went to `candidate`.
    pub(super) fn tried(&mut self, candidate: usize) {
        if let Self::OneOf { candidates, .. } = self {
            candidates.tried(candidate);
        }
    }

    /// The one after `failed` is next.
    pub(super) fn after(&mut self, failed: usize) {
        if let Self::OneOf { candidates, .. } = self {
            candidates.after(failed);
        }
    }

    /// Gives `candidate` up for good; says whether another one is left.
    pub(super) fn give_up(&mut self, candidate: usize) -> bool {
        match self {
            Self::OneOf { candidates, .. } => candidates.give_up(candidate),
            Self::Nobody(_) | Self::AllOf(_) => false,
        }
    }

    /// Whether the next attempt goes to somebody who was never asked, so that no pause is owed to anyone.
    pub(super) fn next_is_fresh(&self) -> bool {
        match self {
            Self::OneOf { candidates, .. } => candidates.next_is_fresh(),
            Self::Nobody(_) | Self::AllOf(_) => false,
        }
    }
}
