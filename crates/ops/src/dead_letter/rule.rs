//! Which ends of an operation leave a letter.

use vps_retry::{Class, Kind};

use super::letter::EndedBy;
use crate::event::Failed;

/// What ended it, where that leaves a letter. None is left by
/// - what somebody stopped,
/// - what made no sense as it was asked for,
/// - what failed for good with nothing done, as a program that is not there,
/// - what this machine kept from beginning: no permission, no folder. Where somebody only held a lock, or where it was
///   under way already, it does.
pub(super) fn ended_by(failed: &Failed) -> Option<EndedBy> {
    match failed.kind {
        Kind::Cancelled | Kind::Invalid => None,
        Kind::CircuitOpen | Kind::QueueFull => Some(EndedBy::Circuit),
        Kind::Local if !failed.attempted && !matches!(failed.class, Class::Busy { .. }) => None,
        _ if failed.class == Class::Permanent && failed.not_done => None,
        _ => Some(EndedBy::Failure),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn failed(kind: Kind, class: Class, attempted: bool, not_done: bool) -> Failed {
        let failed = Failed::new(1, Duration::ZERO, kind, "no".to_owned());
        Failed { class, attempted, not_done, ..failed }
    }

    #[test]
    fn each_end_has_its_row() {
        use Kind::{Cancelled, CircuitOpen, Integrity, Invalid, Local, Offline, QueueFull, Timeout};
        let refused = Class::Rejected { retry_after: Duration::ZERO };
        let busy = Class::Busy { poll: Duration::ZERO };
        for (kind, class, attempted, not_done, ends) in [
            (Cancelled, Class::Cancelled, true, false, None),
            (Cancelled, Class::Transient, true, false, None),
            (Invalid, Class::Permanent, false, false, None),
            (Local, Class::Local, false, false, None),
            (Local, Class::Local, true, false, Some(EndedBy::Failure)),
            (Local, busy, false, false, Some(EndedBy::Failure)),
            (Kind::Failed, Class::Permanent, false, true, None),
            (Kind::Failed, Class::Permanent, true, false, Some(EndedBy::Failure)),
            (Kind::Failed, Class::NotSent, true, true, Some(EndedBy::Failure)),
            (Kind::Failed, Class::Transient, false, false, Some(EndedBy::Failure)),
            (Timeout, Class::Transient, true, false, Some(EndedBy::Failure)),
            (Integrity, Class::Permanent, true, false, Some(EndedBy::Failure)),
            (Offline, Class::NotSent, true, false, Some(EndedBy::Failure)),
            (CircuitOpen, refused, false, false, Some(EndedBy::Circuit)),
            (QueueFull, refused, false, false, Some(EndedBy::Circuit)),
        ] {
            assert_eq!(ended_by(&failed(kind, class, attempted, not_done)), ends, "{kind} {class}");
        }
    }
}
