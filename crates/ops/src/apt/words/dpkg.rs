//! What dpkg says it failed with.

use std::path::PathBuf;

use super::said::{MOST, Said};
use crate::apt::facts::{PackageFailure, PackageTrouble, show};
use crate::foreign::Foreign;

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

/// Lines of a script that are shown: what it said last is most often why.
const LINES: usize = 6;

impl Said {
    /// What a package's script printed before dpkg gave it up: its errors in front of dpkg's own, and the rest
    /// below the line in which dpkg began with it.
    pub(super) fn printed_by(&self, package: &str) -> Vec<Foreign> {
        let gives_up = format!("dpkg: error processing package {package} (");
        let archive = format!("dpkg: error processing archive {package} (");
        let begins = format!("Setting up {package} (");
        let lines = |text: &'_ str| -> Vec<Foreign> {
            text.split(['\n', '\r']).map(|line| show::bounded(line, 200)).collect()
        };
        let ends = |line: &Foreign| line.starts_with(&gives_up) || line.starts_with(&archive);
        let mut stderr = lines(&self.stderr);
        let end = stderr.iter().position(ends);
        stderr.truncate(end.unwrap_or(0));
        let start = stderr.iter().rposition(|line| is_dpkgs(line)).map_or(0, |at| at.saturating_add(1));
        let mut printed = lines(&self.stdout);
        // On a terminal dpkg's own words are on standard output too.
        let from = printed.iter().rposition(|line| line.starts_with(&begins));
        printed = match from {
            Some(from) => printed.split_off(from.saturating_add(1)),
            None => Vec::new(),
        };
        let to = printed.iter().position(|line| is_dpkgs(line)).unwrap_or(printed.len());
        printed.truncate(to);
        printed.extend(stderr.split_off(start));
        printed.retain(|line| !line.is_empty());
        let last = printed.len().saturating_sub(LINES);
        printed.split_off(last)
    }
}

/// Whether dpkg or apt-get says it, and not a script.
fn is_dpkgs(line: &str) -> bool {
    const STARTS: [&str; 11] = [
        "dpkg: ",
        "Setting up ",
        "Unpacking ",
        "Preparing to unpack ",
        "Selecting previously ",
        "(Reading database",
        "Processing triggers ",
        "Errors were encountered",
        "E: ",
        "Removing ",
        "debconf: delaying ",
    ];
    STARTS.iter().any(|start| line.starts_with(start))
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
    fn what_a_script_printed_is_kept_apart_from_dpkgs_words() {
        let said = Said::new(
            b"Setting up aa (1.0) ...\nnot mine\nSetting up lab-boot (1.0) ...\nupdate-initramfs: Generating\n\
              Errors were encountered while processing:\n lab-boot\n",
            b"aa's own\ndpkg: warning: x\ngzip: stdout: No space left on device\nfailed for /boot/initrd.img\n\
              dpkg: error processing package lab-boot (--configure):\n script returned error exit status 1\n\
              E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
        );
        assert_eq!(
            said.printed_by("lab-boot"),
            [
                "update-initramfs: Generating",
                "gzip: stdout: No space left on device",
                "failed for /boot/initrd.img"
            ]
        );
        assert!(said.printed_by("bb").is_empty());
        let many = format!("{}dpkg: error processing package bb (--configure):\n", "line\n".repeat(99));
        assert_eq!(Said::new(b"", many.as_bytes()).printed_by("bb").len(), LINES);
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
