//! What a step is at, in words: for the row that it has while it runs.

use std::time::Duration;

use vps_ops::operation::{Operation, OperationKind};
use vps_ops::plan::ActionKind;

/// A step of which no more is known than what it does.
pub(crate) const fn step(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Packages => "installing",
        ActionKind::AptRepository => "setting it up",
        ActionKind::Download => "downloading",
        ActionKind::Git => "cloning",
        ActionKind::File => "writing",
        ActionKind::Command => "running",
        ActionKind::Systemd => "asking systemd",
        ActionKind::Gate => "asking",
        _ => "at work",
    }
}

/// A part that says nothing of itself while it goes on.
pub(crate) fn phase(operation: &Operation) -> String {
    let target = operation.target.as_str();
    let plain = match operation.kind {
        OperationKind::Download => "connecting",
        OperationKind::AptUpdate => "reading the package lists",
        OperationKind::AptInstall => "installing",
        OperationKind::AptPrefetch | OperationKind::GitPrefetch => "fetching",
        OperationKind::AptSetup => "looking at apt's sources",
        OperationKind::AptLook => "looking at what is installed",
        OperationKind::AptPlan => "resolving the packages",
        OperationKind::AptRoom => "making room for the packages",
        OperationKind::AptCopy => return format!("copying {target}"),
        OperationKind::AptFetch => return format!("apt-get fetches {target}"),
        OperationKind::AptRepair => "configuring what an earlier run left",
        OperationKind::AptUnpack => "dpkg installs the packages",
        OperationKind::GitClone => "cloning",
        OperationKind::GitUpdate => "updating the clone",
        OperationKind::GitLook => "looking at what is there",
        OperationKind::GitFetch => "asking for the commits",
        OperationKind::GitCommit => "writing the clone to the disk",
        OperationKind::GitSweep => "removing what earlier clones left",
        OperationKind::GitBegin => "waiting for its turn at the clone",
        OperationKind::GitFinish => "finishing an earlier update",
        OperationKind::GitSync => "writing the update to the disk",
        OperationKind::GitPlace => "putting the update in place",
        OperationKind::Run => "running",
        // What a module named itself.
        OperationKind::Execute if !target.is_empty() => return target.to_owned(),
        _ => "at work",
    };
    plain.to_owned()
}

/// `0:41`, `1:02:03`.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

/// `31.2 of 94.0 MiB`, or as much of it as is known.
pub(crate) fn bytes(done: u64, total: Option<u64>) -> String {
    let unit = Unit::of(total.unwrap_or(done).max(done));
    match total.filter(|total| *total >= done) {
        Some(total) => {
            // Half of a tenth more, to be rounded as it is elsewhere.
            let all = total.saturating_add((1_u64 << unit.shift) / 20);
            format!("{} of {} {}", unit.count(done), unit.count(all), unit.name)
        }
        None => format!("{} {}", unit.count(done), unit.name),
    }
}

/// `8.1 MiB/s`.
pub(crate) fn speed(bytes_per_second: u64) -> String {
    let unit = Unit::of(bytes_per_second);
    format!("{} {}/s", unit.count(bytes_per_second), unit.name)
}

struct Unit {
    name: &'static str,
    shift: u32,
}

impl Unit {
    const fn of(bytes: u64) -> Self {
        let (name, shift) = match bytes {
            0..0x400 => ("B", 0),
            0x400..0x10_0000 => ("KiB", 10),
            0x10_0000..0x4000_0000 => ("MiB", 20),
            _ => ("GiB", 30),
        };
        Self { name, shift }
    }

    /// With one place behind the point, rounded down: what is not all there is not told as if it were.
    fn count(&self, bytes: u64) -> String {
        if self.shift == 0 {
            return bytes.to_string();
        }
        let tenths = bytes.saturating_mul(10) >> self.shift;
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_unit_and_are_never_rounded_to_all_of_them() {
        let mib = 1 << 20;
        assert_eq!(bytes(mib * 125 / 4, Some(mib * 94)), "31.2 of 94.0 MiB");
        assert_eq!(bytes(mib * 94 - 1, Some(mib * 94)), "93.9 of 94.0 MiB");
        assert_eq!(bytes(0, Some(7)), "0 of 7 B");
        assert_eq!(bytes(299_999, Some(300_000)), "292.9 of 293.0 KiB");
        assert_eq!(bytes(mib * 5, Some(mib)), "5.0 MiB", "more than there was to be");
        assert_eq!((bytes(2_048, None), speed(900)), ("2.0 KiB".to_owned(), "900 B/s".to_owned()));
    }

    #[test]
    fn a_clock_runs() {
        let of = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!([of(0), of(41), of(3_599), of(3_723)], ["0:00", "0:41", "59:59", "1:02:03"]);
    }
}
