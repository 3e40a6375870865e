//! What a failed download means to the retry, to the breaker and for the exit code: its rows of the
//! table in `docs/failures.md`. What concerns connections and statuses is in the rows of `http::judge`.

use std::collections::BTreeMap;
use std::time::Duration;

use vps_retry::{Blame, Class, Classify, Judgement, Kind};

use super::error::{DownloadError, Fault, PROGRESS};
use crate::http::{Fact, judge_status};

impl Classify for DownloadError {
    fn judge(&self) -> Judgement {
        self.judgement()
    }

    fn progressed(&self) -> bool {
        self.is_kept() && self.gained() >= PROGRESS
    }
}

/// How often we look whether another process is done.
const POLL: Duration = Duration::from_secs(1);

/// What an operation remembers of its earlier attempts, since some failures may be tried once more only.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Attempts that brought a wrong file.
    wrong_files: u32,
    /// Attempts that found no such host, for each source.
    unknown_names: BTreeMap<usize, u32>,
}

impl Seen {
    /// Takes note of a failure of a source, and says what it means this time.
    pub(super) fn judge(&mut self, candidate: usize, fault: &Fault) -> Judgement {
        let mut judgement = judge(fault);
        let once_more = match fault {
            Fault::Digest { .. } | Fault::Length { .. } | Fault::UnaskedPart => &mut self.wrong_files,
            Fault::Http(error) if error.fact() == Fact::NameUnknown => {
                self.unknown_names.entry(candidate).or_default()
            }
            _ => return judgement,
        };
        *once_more += 1;
        if *once_more > 1 {
            judgement.class = Class::Permanent;
        }
        judgement
    }
}

fn judge(fault: &Fault) -> Judgement {
    let (class, blame, kind) = match fault {
        Fault::Http(error) => return error.judge(),
        Fault::Status { status, retry_after } => return judge_status(*status, *retry_after),
        Fault::TooSlow { .. } => (Class::Transient, Blame::Service, Kind::Timeout),
        Fault::UnaskedPart | Fault::Length { .. } | Fault::Digest { .. } => {
            (Class::Transient, Blame::Elsewhere, Kind::Integrity)
        }
        Fault::Unlisted(_) | Fault::UnreadableList(_) => {
            (Class::Permanent, Blame::Elsewhere, Kind::Integrity)
        }
        Fault::TooLarge { .. } => (Class::Permanent, Blame::Elsewhere, Kind::Failed),
        Fault::Invalid(_) => (Class::Permanent, Blame::Elsewhere, Kind::Invalid),
        Fault::NoParent { .. }
        | Fault::NotReplaceable { .. }
        | Fault::ForeignFolder { .. }
        | Fault::Disk { .. }
        | Fault::Exchanged { .. }
        | Fault::NoSpace { .. }
        | Fault::NoRoom { .. } => (Class::Local, Blame::Elsewhere, Kind::Local),
        Fault::Busy { .. } => (Class::Busy { poll: POLL }, Blame::Elsewhere, Kind::Local),
    };
    Judgement::new(class, blame, kind)
}

#[cfg(test)]
mod tests {
    use std::io;

    use http::StatusCode;

    use super::*;
    use crate::download::{ChecksumError, InvalidRequest};
    use crate::http::HttpError;

    /// Every fault, with its row.
    fn table() -> Vec<(Fault, Class, Blame, Kind)> {
        let checksum = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let digest = Fault::Digest { expected: checksum, got: "1".repeat(64).into() };
        let invalid = InvalidRequest::ForeignScheme { argument: "URL".into(), scheme: "ftp".into() };
        let full = Fault::NoSpace { folder: "/".into(), needed: 2, free: 1 };
        let disk =
            Fault::Disk { doing: "write", path: "/x".into(), source: io::ErrorKind::StorageFull.into() };
        let busy = Class::Busy { poll: Duration::from_secs(1) };
        let local = |fault| (fault, Class::Local, Blame::Elsewhere, Kind::Local);
        let wrong = |fault| (fault, Class::Transient, Blame::Elsewhere, Kind::Integrity);
        let list = |fault| (fault, Class::Permanent, Blame::Elsewhere, Kind::Integrity);
        vec![
            wrong(digest),
            wrong(Fault::Length { expected: 1, got: 2 }),
            wrong(Fault::UnaskedPart),
            list(Fault::Unlisted(ChecksumError::NotListed("f".into()))),
            list(Fault::UnreadableList(io::ErrorKind::InvalidData.into())),
            local(full),
            local(Fault::NoRoom { folder: "/".into(), limit: 2, reserve: 1 }),
            local(disk),
            local(Fault::NoParent { folder: "/x".into() }),
            local(Fault::Exchanged { path: "/x".into() }),
            local(Fault::ForeignFolder { path: "/x".into(), owner: 7 }),
            local(Fault::NotReplaceable { path: "/x".into(), what: "a FIFO" }),
            (Fault::Busy { path: "/x".into() }, busy, Blame::Elsewhere, Kind::Local),
            (Fault::Invalid(invalid), Class::Permanent, Blame::Elsewhere, Kind::Invalid),
            (Fault::TooLarge { limit: 1 }, Class::Permanent, Blame::Elsewhere, Kind::Failed),
            (
                Fault::TooSlow { min_speed: 1, window: Duration::from_secs(30) },
                Class::Transient,
                Blame::Service,
                Kind::Timeout,
            ),
            (
                Fault::Status { status: StatusCode::NOT_FOUND, retry_after: None },
                Class::Permanent,
                Blame::Request,
                Kind::Failed,
            ),
            (Fault::Http(HttpError::new(Fact::Refused)), Class::NotSent, Blame::Service, Kind::Failed),
        ]
    }

    #[test]
    fn every_fault_has_its_row() {
        for (fault, class, blame, kind) in table() {
            let got = judge(&fault);
            assert_eq!((got.class, got.blame, got.kind), (class, blame, kind), "{fault}");
        }
    }

    #[test]
    fn a_wrong_file_is_fetched_once_more_and_then_never() {
        let (mut seen, wrong) = (Seen::default(), Fault::Length { expected: 1, got: 2 });
        assert_eq!(seen.judge(0, &wrong).class, Class::Transient);
        assert_eq!(seen.judge(0, &Fault::UnaskedPart).class, Class::Permanent);
        assert_eq!(seen.judge(0, &wrong).kind, Kind::Integrity);
    }

    #[test]
    fn an_unknown_name_is_asked_for_twice() {
        let (mut seen, fault) = (Seen::default(), Fault::Http(HttpError::new(Fact::NameUnknown)));
        assert_eq!(seen.judge(0, &fault).class, Class::NotSent);
        assert_eq!(seen.judge(0, &fault).class, Class::Permanent);
        assert_eq!(seen.judge(1, &fault).class, Class::NotSent, "each mirror has its own name");
    }
}
