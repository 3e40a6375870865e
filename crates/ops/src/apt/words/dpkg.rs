//! What dpkg says it failed with.

use std::path::PathBuf;

use super::said::{MOST, Said};
use crate::apt::facts::{PackageFailure, PackageTrouble};

/// How dpkg, apt-get and the system below them say that a disk is full.
pub(super) const NO_SPACE: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

impl Said {
    /// What dpkg says it failed with, each with its reason.
    #[must_use]
    pub fn dpkg_failures(&self) -> Vec<PackageFailure> {
        let mut found = Vec::new();
        let mut lines = self.lines().peekable();
        while let Some(line) = lines.next() {
            // Not at the start: a question that nobody answered stands in front.
            let Some((_, what)) = line.split_once("dpkg: error processing ") else { continue };
            let what = what.split_once(' ').map_or(what, |(_, name)| name);
            let package = what.split(" (--").next().unwrap_or(what).trim_end_matches(':');
            let text = lines.peek().filter(|next| next.starts_with(' ')).map_or("", |next| next.trim());
            found.push(PackageFailure::read(package, text));
            if found.len() == MOST {
                break;
            }
        }
        found
    }
}

impl PackageFailure {
    /// Of dpkg's words about a package.
    pub(super) fn read(package: &str, text: &str) -> Self {
        let trouble = if NO_SPACE.iter().any(|words| text.contains(words)) {
            PackageTrouble::DiskFull { path: quoted_path(text) }
        } else if text.contains("conffile prompt") {
            PackageTrouble::ConffilePrompt
        } else {
            PackageTrouble::Other
        };
        Self::new(package, text, trouble)
    }
}

/// The last absolute path between single quotes: dpkg names the file in the archive first.
fn quoted_path(text: &str) -> Option<PathBuf> {
    let found = text.split('\'').skip(1).step_by(2).filter(|path| path.starts_with('/')).last()?;
    Some(PathBuf::from(found.strip_suffix(".dpkg-new").unwrap_or(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkgs_errors_are_found_behind_a_question_and_a_carriage_return() {
        let said = Said::new(
            b"*** x.conf [default=N] ? dpkg: error processing package lab-conf (--configure):\r\n end of file\r\n\
              dpkg: error processing archive /a/b_1%3a2_all.deb (--unpack):\n cannot copy\n",
            b"",
        );
        let found = said.dpkg_failures();
        assert_eq!((&*found[0].package, &*found[0].text), ("lab-conf", ""));
        assert_eq!((&*found[1].package, &*found[1].text), ("/a/b_1%3a2_all.deb", "cannot copy"));
    }

    #[test]
    fn what_its_words_mean_is_read_once() {
        let trouble = |text| PackageFailure::read("aa", text).trouble;
        let full = "cannot copy extracted data for './usr/share/x' to '/usr/share/x.dpkg-new': failed to write (No space left on device)";
        assert_eq!(trouble(full), PackageTrouble::DiskFull { path: Some("/usr/share/x".into()) });
        assert_eq!(trouble("end of file on stdin at conffile prompt"), PackageTrouble::ConffilePrompt);
        assert_eq!(trouble("script returned error exit status 7"), PackageTrouble::Other);
    }
}
