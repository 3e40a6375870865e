//! What it means that an archive was not unpacked. Its rows are in `docs/failures.md`.

use vps_retry::{Blame, Class, Classify, Judgement, Kind};

use super::{Refusal, UnpackError};

impl Classify for UnpackError {
    fn judge(&self) -> Judgement {
        let (class, kind) = match self {
            Self::Refused { why: Refusal::WrongSum, .. }
            | Self::Damaged(_)
            | Self::UnknownFormat { .. }
            | Self::WrongEnding { .. } => (Class::Permanent, Kind::Integrity),
            // As with a hostile tree of a repository: it is what was asked for.
            Self::Refused { .. } | Self::Excess { .. } => (Class::Permanent, Kind::Failed),
            Self::Empty | Self::NothingLeft { .. } => (Class::Permanent, Kind::Invalid),
            Self::NoSpace { .. }
            | Self::Occupied { .. }
            | Self::MountedBelow { .. }
            | Self::NoParent { .. }
            | Self::Disk { .. }
            | Self::Unreadable { .. }
            | Self::Exchanged { .. }
            | Self::NotReplaced { .. } => (Class::Local, Kind::Local),
            Self::Stopped => (Class::Permanent, Kind::Cancelled),
            // A quicker disk, or a longer limit, and it is done: as where hashing it took too long.
            Self::TimedOut => (Class::Transient, Kind::Timeout),
            Self::BrokeDown => (Class::Permanent, Kind::Failed),
        };
        Judgement::new(class, Blame::Elsewhere, kind)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::unpack::{Bound, Damage, Format, Occupied};

    #[test]
    fn every_error_has_its_row() {
        use Class::{Local, Permanent, Transient};
        let (path, name) = (|| "/opt/app".into(), || "a".into());
        let disk = io::ErrorKind::PermissionDenied.into();
        for (error, class, kind) in [
            (UnpackError::Refused { entry: name(), why: Refusal::Parent }, Permanent, Kind::Failed),
            (UnpackError::Refused { entry: name(), why: Refusal::WrongSum }, Permanent, Kind::Integrity),
            (Damage::Truncated.into(), Permanent, Kind::Integrity),
            (UnpackError::UnknownFormat { name: name() }, Permanent, Kind::Integrity),
            (
                UnpackError::WrongEnding { name: name(), ending: Format::Tar, found: Format::Zip },
                Permanent,
                Kind::Integrity,
            ),
            (UnpackError::Excess { bound: Bound::Depth, limit: 1 }, Permanent, Kind::Failed),
            (UnpackError::Empty, Permanent, Kind::Invalid),
            (UnpackError::NothingLeft { strip: 1 }, Permanent, Kind::Invalid),
            (UnpackError::NoSpace { folder: path(), needed: 2, free: 1 }, Local, Kind::Local),
            (UnpackError::Occupied { path: path(), why: Occupied::NotOurs }, Local, Kind::Local),
            (UnpackError::MountedBelow { path: path(), mounted: path() }, Local, Kind::Local),
            (UnpackError::NoParent { path: path() }, Local, Kind::Local),
            (UnpackError::Disk { doing: "write", path: path(), source: disk }, Local, Kind::Local),
            (UnpackError::Unreadable { source: io::ErrorKind::Other.into() }, Local, Kind::Local),
            (UnpackError::Exchanged { path: path() }, Local, Kind::Local),
            (
                UnpackError::NotReplaced { path: path(), kept: path(), source: io::ErrorKind::Other.into() },
                Local,
                Kind::Local,
            ),
            (UnpackError::Stopped, Permanent, Kind::Cancelled),
            (UnpackError::TimedOut, Transient, Kind::Timeout),
            (UnpackError::BrokeDown, Permanent, Kind::Failed),
        ] {
            assert_eq!(error.judge(), Judgement::new(class, Blame::Elsewhere, kind), "{error}");
        }
    }
}
