//! What a failed clone means for retry, breaker and exit code: one row for each.

use vps_breaker::Verdict;
use vps_retry::Class;

use super::{GitError, LineFault};
use crate::classify::{Classify, Kind};
use crate::http::{Judgement, judge_status};

const fn judgement(class: Class, verdict: Verdict, kind: Kind) -> Judgement {
    Judgement { class, verdict, kind }
}

impl GitError {
    /// Its row of the table in `docs/failures.md`.
    fn judge(&self) -> Judgement {
        use Verdict::{Failure, Neutral, Success};
        match self {
            Self::Http(error) => judgement(error.class(), error.verdict(), error.kind()),
            Self::NoSuchHost(error) => judgement(Class::Permanent, error.verdict(), error.kind()),
            Self::Program(error) => judgement(error.class(), Neutral, error.kind()),
            Self::Status { status, retry_after } => judge_status(*status, *retry_after),
            Self::Idle { .. } => judgement(Class::Transient, Failure, Kind::Timeout),
            Self::CutOff | Self::Aborted { .. } => judgement(Class::Transient, Failure, Kind::Failed),
            Self::Connection { fault: LineFault::Broken, .. } => {
                judgement(Class::Transient, Failure, Kind::Failed)
            }
            Self::Connection { fault: LineFault::Offline, .. } => {
                judgement(Class::NotSent, Neutral, Kind::Offline)
            }
            // It answered, and meant it.
            Self::RefNotFound { .. } | Self::Depth { .. } | Self::Unsupported { .. } => {
                judgement(Class::Permanent, Success, Kind::Failed)
            }
            Self::Damaged { again: false, .. } => judgement(Class::Transient, Neutral, Kind::Integrity),
            Self::Damaged { again: true, .. } => judgement(Class::Permanent, Neutral, Kind::Integrity),
            Self::Local { .. } | Self::Occupied { .. } => judgement(Class::Local, Neutral, Kind::Local),
            Self::NotUpdated { .. } | Self::Foreign { .. } | Self::Busy { .. } | Self::HalfUpdated { .. } => {
                judgement(Class::Permanent, Neutral, Kind::Local)
            }
            Self::Modules { kind, .. } => judgement(Class::Permanent, Neutral, *kind),
            Self::Headway(error) => error.judge(),
            Self::Stopped => judgement(Class::Cancelled, Neutral, Kind::Cancelled),
            Self::Connection { .. }
            | Self::Remote { .. }
            | Self::NotGit { .. }
            | Self::Hostile { .. }
            | Self::Checkout { .. }
            | Self::Protocol { .. } => judgement(Class::Permanent, Neutral, Kind::Failed),
        }
    }
}

impl Classify for GitError {
    fn class(&self) -> Class {
        self.judge().class
    }

    fn verdict(&self) -> Verdict {
        self.judge().verdict
    }

    fn kind(&self) -> Kind {
        self.judge().kind
    }

    fn progressed(&self) -> bool {
        matches!(self, Self::Headway(_))
    }

    fn hints(&self) -> Vec<String> {
        self.hints_of()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use http::StatusCode;

    use super::*;

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
        let damaged = |again| GitError::Damaged { why: "checksum".to_owned(), again };
        assert_eq!(damaged(false).class(), Class::Transient);
        assert_eq!(damaged(true).class(), Class::Permanent);
        assert_eq!(damaged(true).kind(), Kind::Integrity);
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
