//! What a failure means for the next attempt.

use core::fmt;
use core::time::Duration;

/// Whether trying again can help, and what it takes.
///
/// ```
/// use vps_retry::Class;
///
/// assert!(Class::NotSent.is_retried_always());
/// assert_eq!(Class::Transient.to_string(), "transient");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// It will fail again: stop.
    Permanent,
    /// It may work the next time.
    Transient,
    /// Nothing was sent, so trying again is safe even for what must not happen twice.
    NotSent,
    /// The other side asked to slow down.
    Throttled {
        /// How long it asked to wait; a floor, never undercut.
        at_least: Option<Duration>,
    },
    /// Somebody holds a lock: look again, it costs no attempt.
    Busy {
        /// How often to look.
        poll: Duration,
    },
    /// This machine is at fault: stop.
    Local,
    /// The caller stopped it.
    Cancelled,
    /// Our own circuit or limit refused it; not an attempt, not a failure.
    Rejected {
        /// When it is worth another try.
        retry_after: Duration,
    },
}

impl Class {
    /// Whether even an operation that must not happen twice may be repeated.
    #[must_use]
    pub const fn is_retried_always(self) -> bool {
        matches!(self, Self::NotSent | Self::Throttled { at_least: Some(_) })
    }

    /// The class's name in logs and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::NotSent => "not_sent",
            Self::Throttled { .. } => "throttled",
            Self::Busy { .. } => "busy",
            Self::Local => "local",
            Self::Cancelled => "cancelled",
            Self::Rejected { .. } => "rejected",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
