//! What apt-get writes to its status descriptor (`APT::Status-Fd`), line by line.

use std::str::FromStr;

use crate::apt::facts::PackageFailure;

/// One line of the status descriptor.
///
/// ```
/// use vps_ops::apt::{Doing, StatusLine};
///
/// let line = StatusLine::parse("pmstatus:nginx:11.1111:Unpacking nginx (amd64)").unwrap();
/// let StatusLine::Package { package, percent, doing, .. } = line else { panic!() };
/// assert_eq!((&*package, percent, doing), ("nginx", 11_111, Doing::Unpacking));
/// assert_eq!(StatusLine::parse("anything else"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusLine {
    /// Files are fetched. apt-get repeats the last line while nothing comes: only a change is progress.
    Download {
        /// The file, counted from 1.
        item: u64,
        /// Of all files, in thousandths of a percent.
        percent: u32,
        /// In words.
        text: String,
    },
    /// dpkg works. From the first of these on, nothing may be killed.
    Package {
        /// The package, or `dpkg-exec` where dpkg is started.
        package: String,
        /// Of dpkg's work, in thousandths of a percent; it starts from 0 again after the download.
        percent: u32,
        /// What is done.
        doing: Doing,
        /// In words.
        text: String,
    },
    /// dpkg failed with a package.
    Error {
        /// The package, or the archive's path.
        package: String,
        /// Why.
        text: String,
    },
    /// dpkg found a configuration file that was changed here.
    Conffile {
        /// Which.
        path: String,
    },
}

/// What dpkg does with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doing {
    /// dpkg is started.
    RunningDpkg,
    /// About to unpack.
    Preparing,
    /// Files are laid out.
    Unpacking,
    /// Its files are there.
    Installing,
    /// About to configure.
    PreparingToConfigure,
    /// Its script runs.
    Configuring,
    /// Done.
    Installed,
    /// Being removed or purged.
    Removing,
    /// Gone.
    Removed,
    /// A trigger runs.
    Triggering,
    /// Something else.
    Other,
}

/// The first of these that a text starts with; longer ones first.
const DOINGS: [(&str, Doing); 13] = [
    ("Running dpkg", Doing::RunningDpkg),
    ("Running post-installation trigger", Doing::Triggering),
    ("Preparing to configure", Doing::PreparingToConfigure),
    ("Preparing for removal", Doing::Removing),
    ("Preparing to completely remove", Doing::Removing),
    ("Preparing", Doing::Preparing),
    ("Unpacking", Doing::Unpacking),
    ("Installing", Doing::Installing),
    ("Configuring", Doing::Configuring),
    ("Installed", Doing::Installed),
    ("Removing", Doing::Removing),
    ("Completely removed", Doing::Removed),
    ("Removed", Doing::Removed),
];

impl StatusLine {
    /// `None` for a line that is no status, or of a kind that says nothing to us.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.trim_end_matches(['\r', '\n']).split_once(':')?;
        let (subject, percent, text) = fields(rest)?;
        match kind {
            "dlstatus" => {
                Some(Self::Download { item: u64::from_str(subject).ok()?, percent, text: text.into() })
            }
            "pmstatus" => {
                let doing = DOINGS.iter().find(|(start, _)| text.starts_with(start));
                Some(Self::Package {
                    package: subject.into(),
                    percent,
                    doing: doing.map_or(Doing::Other, |(_, doing)| *doing),
                    text: text.into(),
                })
            }
            "pmerror" => Some(Self::Error { package: subject.into(), text: text.into() }),
            "pmconffile" => Some(Self::Conffile { path: subject.into() }),
            _ => None,
        }
    }
}

/// Subject, percent and text. The subject may hold colons itself (`libc6:i386`, a path), so the
/// percent is looked for.
fn fields(rest: &str) -> Option<(&str, u32, &str)> {
    for (at, _) in rest.match_indices(':') {
        let (subject, after) = rest.split_at_checked(at)?;
        let (number, text) = after.strip_prefix(':')?.split_once(':')?;
        if let Some(percent) = thousandths(number) {
            return (!subject.is_empty()).then_some((subject, percent, text.trim()));
        }
    }
    None
}

/// `30.9609` is 30960. More than 100 is 100: the number is for a bar, and never worth an error.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once(['.', ','])?;
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    let whole = whole.parse::<u32>().unwrap_or(100);
    Some(whole.saturating_mul(1000).saturating_add(digits.parse().ok()?).min(100_000))
}

/// What of a run's status lines decides what its end means.
///
/// ```
/// use vps_ops::apt::{StatusLine, StatusSummary};
///
/// let mut status = StatusSummary::default();
/// status.see(&StatusLine::parse("dlstatus:1:0.0000:Retrieving file 1 of 2").unwrap());
/// assert!(!status.pm_started);
/// status.see(&StatusLine::parse("pmstatus:dpkg-exec:0.0000:Running dpkg").unwrap());
/// assert!(status.pm_started);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusSummary {
    /// Whether dpkg was started: the point of no return.
    pub pm_started: bool,
    /// What dpkg failed with, in its order.
    pub errors: Vec<PackageFailure>,
}

impl StatusSummary {
    /// Failures that are remembered of one run.
    const MOST: usize = 100;

    /// Takes note of a line.
    pub fn see(&mut self, line: &StatusLine) {
        match line {
            StatusLine::Download { .. } => {}
            StatusLine::Package { .. } | StatusLine::Conffile { .. } => self.pm_started = true,
            StatusLine::Error { package, text } => {
                self.pm_started = true;
                if self.errors.len() < Self::MOST {
                    self.errors.push(PackageFailure::read(package, text));
                }
            }
        }
    }

    /// Of a whole text of lines.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut summary = Self::default();
        text.lines().filter_map(StatusLine::parse).for_each(|line| summary.see(&line));
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read() {
        let package = |line: &str| match StatusLine::parse(line) {
            Some(StatusLine::Package { package, percent, doing, .. }) => (package, percent, doing),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(
            StatusLine::parse("dlstatus:2:30.9609:Retrieving file 2 of 2 (5s remaining)"),
            Some(StatusLine::Download {
                item: 2,
                percent: 30_960,
                text: "Retrieving file 2 of 2 (5s remaining)".into()
            })
        );
        for (text, doing) in [
            ("Running dpkg", Doing::RunningDpkg),
            ("Preparing x (amd64)", Doing::Preparing),
            ("Unpacking x (amd64)", Doing::Unpacking),
            ("Installing x (amd64)", Doing::Installing),
            ("Preparing to configure x (amd64)", Doing::PreparingToConfigure),
            ("Configuring x (amd64)", Doing::Configuring),
            ("Installed x (amd64)", Doing::Installed),
            ("Preparing for removal of x (amd64)", Doing::Removing),
            ("Removing x (amd64)", Doing::Removing),
            ("Removed x (amd64)", Doing::Removed),
            ("Running post-installation trigger man-db", Doing::Triggering),
            ("Noting disappearance of x", Doing::Other),
        ] {
            assert_eq!(
                package(&format!("pmstatus:x:100.0000:{text}")),
                ("x".into(), 100_000, doing),
                "{text}"
            );
        }
        assert_eq!(package("pmstatus:libc6:i386:1.5:Configuring libc6 (i386)").0, "libc6:i386");
        assert_eq!(
            StatusLine::parse(
                "pmconffile:/etc/lab.conf:40.0000:'/etc/lab.conf' '/etc/lab.conf.dpkg-new' 1 1 "
            ),
            Some(StatusLine::Conffile { path: "/etc/lab.conf".into() })
        );
    }

    #[test]
    fn an_error_keeps_its_colons() {
        let line = "pmerror:/var/cache/a_1%3a2_all.deb:20.0000:cannot copy './x' to '/y': failed: (No space)";
        let Some(StatusLine::Error { package, text }) = StatusLine::parse(line) else { panic!() };
        assert_eq!(package, "/var/cache/a_1%3a2_all.deb");
        assert_eq!(text, "cannot copy './x' to '/y': failed: (No space)");
    }

    #[test]
    fn garbage_is_no_status() {
        for line in [
            "",
            ":",
            "::",
            "pmstatus",
            "pmstatus:",
            "pmstatus:a",
            "pmstatus:a:b",
            "pmstatus:a:1:b",
            "pmstatus::1.0:b",
            "dlstatus:x:1.0:b",
            "dlstatus:1:-1.0:b",
            "dlstatus:1:.5:b",
            "media-change:1.0:a",
            "other:a:1.0:b",
            "dlstatus:99999999999999999999999:1.0:b",
        ] {
            assert_eq!(StatusLine::parse(line), None, "{line:?}");
        }
        for huge in ["dlstatus:1:99999999999999.0:b", "dlstatus:1:250.0:b"] {
            assert!(matches!(StatusLine::parse(huge), Some(StatusLine::Download { percent: 100_000, .. })));
        }
    }

    #[test]
    fn a_flood_of_errors_is_bounded() {
        let text = "pmerror:a:1.0:b\n".repeat(1000);
        let summary = StatusSummary::of(&text);
        assert_eq!((summary.pm_started, summary.errors.len()), (true, StatusSummary::MOST));
    }
}
