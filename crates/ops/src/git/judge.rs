//! What a failed clone means for retry, breaker and exit code: one row for each.

use std::time::Duration;

use vps_retry::{Blame, Class, Classify, Judgement, Kind};

use super::GitError;
use super::cause::{AtWork, LineFault};
use super::excess::{Bound, Excess};
use crate::hint::{Advise, Hint};
use crate::http::judge_status;

/// How often we look whether the lock of an update is free: a program that is just being started holds it for a
/// moment, too.
const POLL: Duration = Duration::from_millis(10);

impl Classify for GitError {
    /// Its row of the table in `docs/failures.md`.
    fn judge(&self) -> Judgement {
        use Blame::{Elsewhere, Request, Service};
        match self {
            Self::Http(error) => error.judge(),
            Self::NoSuchHost(error) => Judgement::new(Class::Permanent, error.judge().blame, error.kind()),
            Self::Program(error) => Judgement::new(error.class(), Elsewhere, error.kind()),
            Self::Status { status, retry_after } => judge_status(*status, *retry_after),
            Self::Idle { .. } => Judgement::new(Class::Transient, Service, Kind::Timeout),
            Self::CutOff | Self::Aborted { .. } => Judgement::new(Class::Transient, Service, Kind::Failed),
            Self::Connection { fault: LineFault::Broken, .. } => {
                Judgement::new(Class::Transient, Service, Kind::Failed)
            }
            Self::Connection { fault: LineFault::Offline, .. } => {
                Judgement::new(Class::NotSent, Elsewhere, Kind::Offline)
            }
            // It answered, and meant it.
            Self::RefNotFound { .. } | Self::Depth { .. } | Self::Unsupported { .. } => {
                Judgement::new(Class::Permanent, Request, Kind::Failed)
            }
            Self::Damaged { again: false, .. } => {
                Judgement::new(Class::Transient, Elsewhere, Kind::Integrity)
            }
            Self::Damaged { again: true, .. } => Judgement::new(Class::Permanent, Elsewhere, Kind::Integrity),
            // There is no room for it here.
            Self::TooMuch(Excess { of: Bound::Pack | Bound::Files, .. })
            | Self::Local { .. }
            | Self::Occupied { .. }
            | Self::Odd { .. }
            | Self::Otherwise { .. }
            | Self::Movable { .. }
            | Self::Exchanged { .. } => Judgement::new(Class::Local, Elsewhere, Kind::Local),
            Self::Busy { who: AtWork::Update, .. } => {
                Judgement::new(Class::Busy { poll: POLL }, Elsewhere, Kind::Local)
            }
            Self::NotUpdated { .. }
            | Self::Foreign { .. }
            | Self::Shared { .. }
            | Self::Busy { .. }
            | Self::HalfUpdated { .. } => Judgement::new(Class::Permanent, Elsewhere, Kind::Local),
            Self::Modules { kind, .. } => Judgement::new(Class::Permanent, Elsewhere, *kind),
            Self::Headway(error) => error.judge(),
            Self::Stopped => Judgement::new(Class::Cancelled, Elsewhere, Kind::Cancelled),
            Self::Connection { .. }
            | Self::Remote { .. }
            | Self::NotGit { .. }
            | Self::Greeting { .. }
            | Self::Hostile { .. }
            | Self::TooMuch(_)
            | Self::Checkout { .. }
            | Self::Protocol { .. } => Judgement::new(Class::Permanent, Elsewhere, Kind::Failed),
        }
    }

    fn progressed(&self) -> bool {
        matches!(self, Self::Headway(_))
    }
}

impl Advise for GitError {
    fn hints(&self) -> Vec<Hint> {
        super::hint::of(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use http::StatusCode;

    use super::*;
    use crate::git::Damage;
    use crate::{Failure as _, Verdict};

    fn status(code: u16) -> GitError {
        GitError::Status { status: StatusCode::from_u16(code).unwrap(), retry_after: None }
    }

    #[test]
    fn what_the_server_means_is_final_and_what_passes_is_tried_again() {
        for code in [400, 401, 403, 404, 410] {
            assert_eq!(status(code).class(), Class::Permanent, "{code}");
            assert_eq!(status(code).verdict(), Verdict::Success, "{code}");
        }
        for code in [408, 500, 502, 504] {
            assert_eq!(status(code).class(), Class::Transient, "{code}");
        }
        for code in [429, 503] {
            assert!(matches!(status(code).class(), Class::Throttled { .. }), "{code}");
        }
        assert_eq!(GitError::CutOff.class(), Class::Transient);
    }

    #[test]
    fn headway_is_all_that_differs() {
        let headway = GitError::Headway(Box::new(status(503)));
        assert_eq!(headway.to_string(), status(503).to_string());
        assert_eq!((headway.class(), headway.kind()), (status(503).class(), status(503).kind()));
        assert!(headway.progressed() && !status(503).progressed());
    }

    #[test]
    fn damage_is_fetched_once_more_and_then_told_as_such() {
        let damaged = |again| GitError::Damaged { why: Damage::Said("checksum".to_owned().into()), again };
        assert_eq!(damaged(false).class(), Class::Transient);
        assert_eq!(damaged(true).class(), Class::Permanent);
        assert_eq!(damaged(true).kind(), Kind::Integrity);
    }

    #[test]
    fn too_much_is_final_and_only_room_is_ours() {
        for (of, class, kind) in [
            (Bound::Refs, Class::Permanent, Kind::Failed),
            (Bound::Paths, Class::Permanent, Kind::Failed),
            (Bound::Pack, Class::Local, Kind::Local),
            (Bound::Files, Class::Local, Kind::Local),
        ] {
            let error = GitError::from(Excess::of(of, 1 << 20));
            assert_eq!(
                (error.class(), error.kind(), error.verdict()),
                (class, kind, Verdict::Neutral),
                "{error}"
            );
            assert!(!error.hints().is_empty());
        }
    }

    #[test]
    fn our_own_trouble_is_nobody_elses() {
        let full = GitError::local("write", io::ErrorKind::StorageFull.into());
        assert_eq!(
            (full.class(), full.verdict(), full.kind()),
            (Class::Local, Verdict::Neutral, Kind::Local)
        );
        assert!(!full.hints().is_empty());
    }
}
