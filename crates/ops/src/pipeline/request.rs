//! What the pipeline is asked to do.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::RetryStrategy;

use super::mostly_one::MostlyOne;
use super::pass::Passes;
use crate::circuit_wait::CircuitWait;
use crate::event::Root;
use crate::operation::{Operation, OperationKind, Role, Target};
use crate::service::ServiceName;
use crate::settings::{Options, ServicePolicy};

/// Whose circuits an attempt enters.
#[derive(Clone, Debug)]
pub(super) enum Services {
    /// That of the first one that admits; with none at all no circuit is asked.
    OneOf(MostlyOne<ServiceName>),
    /// Those of all at once, in order of name, each once.
    AllOf(Vec<Wanted>),
}

/// A service that an attempt reads among others.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) service: ServiceName,
    pub(super) required: bool,
}

/// The root that an operation is a part of, and the passes that its parts share.
#[derive(Clone, Debug)]
pub(crate) struct Under {
    pub(crate) root: Root,
    pub(crate) passes: Passes,
}

/// An operation's name, its services and its limits.
///
/// It has either candidates ([`service`](Self::service)), of which one serves an attempt, or members
/// ([`member`](Self::member)), which all do; the kind that was named last holds.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) operation: Operation,
    pub(super) services: Services,
    pub(super) ends_by_itself: bool,
    pub(crate) strategy: RetryStrategy,
    pub(crate) total: Option<Duration>,
    pub(crate) attempt: Option<Duration>,
    pub(crate) idle: Duration,
    /// The caller's; without one nobody can stop it.
    pub(crate) cancel: Option<CancellationToken>,
    /// What it is a part of.
    pub(crate) under: Option<Under>,
    pub(crate) wait_for_circuit: CircuitWait,
    pub(crate) is_asked_for: bool,
    /// When its time began, where that was before its first attempt was thought of.
    pub(crate) began: Option<Tick>,
}

impl Request {
    /// An operation of that kind on `target`, which must hold no secret.
    ///
    /// Without [`service`](Self::service) no circuit is asked; without [`total`](Self::total) there is
    /// no deadline; the strategy is the seed's.
    #[must_use]
    pub fn new(kind: OperationKind, target: impl Into<Target>) -> Self {
        Self::of(Operation::new(kind, target))
    }

    /// The same of an operation that says more of itself.
    #[must_use]
    pub fn of(operation: Operation) -> Self {
        Self {
            operation,
            services: Services::OneOf(MostlyOne::new()),
            ends_by_itself: false,
            strategy: RetryStrategy::new(),
            total: None,
            attempt: None,
            idle: Duration::from_secs(30),
            cancel: None,
            under: None,
            is_asked_for: false,
            wait_for_circuit: CircuitWait::No,
            began: None,
        }
    }

    /// Adds a candidate: the service whose circuit is asked. The first one that admits is tried.
    #[must_use]
    pub fn service(mut self, service: ServiceName) -> Self {
        match &mut self.services {
            Services::OneOf(services) => services.push(service),
            Services::AllOf(_) => self.services = Services::OneOf(MostlyOne::one(service)),
        }
        self
    }

    /// Adds a member: a service that each attempt calls beside the others, as a refresh of package
    /// lists reads every repository. Each attempt enters all their circuits at once.
    ///
    /// One that is refused is left out of the attempt if it is not `required`, and stops the attempt if
    /// it is; when all are refused there is no attempt either. [`Attempt::members`](crate::Attempt)
    /// says who was let in, and is told how each of them did. Named twice, a service is one member, and
    /// required if it was so once.
    #[must_use]
    pub fn member(mut self, service: ServiceName, required: bool) -> Self {
        let mut members = match self.services {
            Services::AllOf(members) => members,
            Services::OneOf(_) => Vec::new(),
        };
        match members.binary_search_by(|known| known.service.cmp(&service)) {
            Ok(index) => {
                if let Some(known) = members.get_mut(index) {
                    known.required |= required;
                }
            }
            Err(index) => members.insert(index, Wanted { service, required }),
        }
        self.services = Services::AllOf(members);
        self
    }

    /// The operation must not be dropped half-way, as a package manager's must not once it writes: on
    /// cancel and at the limits its attempt is not dropped but waited for, and its result is taken as it
    /// is. A success counts even after the deadline; an error is its own and not a time-out.
    ///
    /// In return the operation promises to end by itself: soon after
    /// [`attempt.cancel`](crate::Attempt::cancel) and at [`attempt.deadline`](crate::Attempt::deadline)
    /// where it can be stopped, else as soon as what cannot be stopped is done, and to return an error
    /// that says so if it stopped early. Nothing else ends it: one that breaks the promise hangs for
    /// ever. The future of [`run`](super::Pipeline::run) must then not be dropped either.
    #[must_use]
    pub fn ends_by_itself(mut self) -> Self {
        self.ends_by_itself = true;
        self
    }

    /// How it is retried.
    #[must_use]
    pub fn strategy(mut self, strategy: RetryStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The limit of the whole operation, waiting included.
    #[must_use]
    pub fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }

    /// The limit of each attempt.
    #[must_use]
    pub fn attempt(mut self, limit: Duration) -> Self {
        self.attempt = Some(limit);
        self
    }

    /// How long a service may be silent before it counts as stuck (30 s).
    #[must_use]
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Stops it when cancelled: in an attempt, in a pause, in a wait.
    #[must_use]
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Whether an open circuit is waited for, if that fits the limit, instead of stopping (no): `true`, or how long in
    /// all.
    #[must_use]
    pub fn wait_for_circuit(mut self, wait: impl Into<CircuitWait>) -> Self {
        self.wait_for_circuit = wait.into();
        self
    }

    /// As `policy` says, and `options` over it: retries, silence, waiting, who may stop it.
    pub(crate) fn under(self, policy: &ServicePolicy, options: &Options) -> Self {
        self.strategy(policy.retry)
            .idle(policy.timeouts.idle)
            .wait_for_circuit(options.wait_for_circuit)
            .asked_for(policy.is_asked_for)
            .cancel(options.cancel.clone())
    }

    /// Makes it a step of a larger operation, or a look, which changes nothing.
    pub(crate) fn part_of(mut self, under: &Under, role: Role) -> Self {
        self.under = Some(under.clone());
        self.operation.role = role;
        self
    }

    /// Whether somebody asked for just so many attempts: then no allowance for retries cuts them.
    #[must_use]
    pub fn asked_for(mut self, asked: bool) -> Self {
        self.is_asked_for = asked;
        self
    }

    /// What the operation is.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.operation
    }
}
