//! What a failure means: to the retry, to whoever keeps count of the service's health, to a person.

use core::fmt;

use crate::class::Class;

/// An error that can be judged. [`run`](crate::run()) needs nothing else of it, nor does what is built on
/// top of this crate.
///
/// ```
/// use vps_retry::{Blame, Class, Classify, Judgement, Kind};
///
/// struct NotFound;
/// impl Classify for NotFound {
///     fn judge(&self) -> Judgement {
///         // It answered, and meant it: the request is at fault, and the service is well.
///         Judgement::of(Class::Permanent).blaming(Blame::Request)
///     }
/// }
/// assert_eq!(NotFound.class(), Class::Permanent);
/// assert_eq!(NotFound.judge().kind, Kind::Failed);
/// ```
pub trait Classify {
    /// What the failure means.
    fn judge(&self) -> Judgement;

    /// Whether the attempt gained enough of something resumable not to count as one.
    fn progressed(&self) -> bool {
        false
    }

    /// Whether trying again can help.
    fn class(&self) -> Class {
        self.judge().class
    }

    /// What sort of failure it is.
    fn kind(&self) -> Kind {
        self.judge().kind
    }
}

impl Classify for core::convert::Infallible {
    fn judge(&self) -> Judgement {
        match *self {}
    }
}

/// What a failure means, in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Judgement {
    /// Whether trying again can help.
    pub class: Class,
    /// Who is at fault.
    pub blame: Blame,
    /// What sort of failure it is.
    pub kind: Kind,
    /// Whether it is certain that nothing was done, so that even what must not happen twice may be repeated. A
    /// class alone is certain of that only where nothing was sent.
    pub not_done: bool,
}

impl Judgement {
    /// What a class implies where nothing more is known.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        Self::new(class, Blame::of(class), Kind::of(class))
    }

    /// What the class does not imply.
    #[must_use]
    pub const fn new(class: Class, blame: Blame, kind: Kind) -> Self {
        Self { class, blame, kind, not_done: matches!(class, Class::NotSent) }
    }

    /// The same, by whose answer it is certain that nothing was done: as with HTTP's 429, and a 503 that says
    /// when to come back.
    #[must_use]
    pub const fn not_done(mut self, not_done: bool) -> Self {
        self.not_done = not_done;
        self
    }

    /// The same, with somebody else at fault.
    #[must_use]
    pub const fn blaming(mut self, blame: Blame) -> Self {
        self.blame = blame;
        self
    }

    /// The same, of another kind.
    #[must_use]
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}

impl From<Class> for Judgement {
    fn from(class: Class) -> Self {
        Self::of(class)
    }
}

/// Who is at fault; what a circuit breaker of the service is told by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The service: it counts against it.
    Service,
    /// The request: the service answered, and is well.
    Request,
    /// Our side, the network between, or nobody knows: it says nothing about the service.
    Elsewhere,
}

impl Blame {
    /// Who is at fault by the class alone. What is unknown is permanent and blames nobody.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Transient | Class::NotSent | Class::Throttled { .. } => Self::Service,
            Class::Permanent
            | Class::Busy { .. }
            | Class::Local
            | Class::Cancelled
            | Class::Rejected { .. } => Self::Elsewhere,
        }
    }
}

/// Names the kinds once: the value, its name for programs.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What sort of failure ended an operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "&'static str"))]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $kind,)+
        }

        impl Kind {
            /// Every kind there is, in order.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The kind's name in logs, traces and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// The operation failed, after its attempts or for good.
    Failed = "failed",
    /// It ran out of time.
    Timeout = "timeout",
    /// Its circuit was open and nothing was tried.
    CircuitOpen = "circuit_open",
    /// Too many calls to its service were under way and waiting, and nothing was tried.
    QueueFull = "queue_full",
    /// What arrived was not what was asked for: digest, length.
    Integrity = "integrity",
    /// This machine is at fault: disk full, no permission, lock held.
    Local = "local",
    /// This machine has no network.
    Offline = "offline",
    /// The request itself makes no sense.
    Invalid = "invalid",
    /// Someone stopped it.
    Cancelled = "cancelled",
}

impl From<Kind> for &'static str {
    fn from(kind: Kind) -> Self {
        kind.as_str()
    }
}

impl Kind {
    /// The kind that a class implies where nothing more is known.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Local | Class::Busy { .. } => Self::Local,
            Class::Cancelled => Self::Cancelled,
            Class::Rejected { .. } => Self::CircuitOpen,
            Class::Permanent | Class::Transient | Class::NotSent | Class::Throttled { .. } => Self::Failed,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
