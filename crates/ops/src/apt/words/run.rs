//! A run of apt-get or dpkg that ended, and where to look in what it said.

use super::said::{Message, Said, Severity};
use super::status::StatusSummary;
use crate::apt::facts::{PackageFailure, PackageTrouble, show};
use crate::foreign::Foreign;
use crate::process::Ended;

/// What apt-get or dpkg was run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `apt-get update`.
    Update,
    /// `apt-get install --print-uris`.
    Plan,
    /// `apt-get install --download-only`.
    Fetch,
    /// `apt-get install --no-download`.
    Install,
    /// `dpkg --configure -a`, `apt-get -f install`.
    Repair,
}

/// A run that ended, as the rows see it.
pub(super) struct Run<'a> {
    pub(super) step: Step,
    pub(super) ended: Ended,
    pub(super) said: &'a Said,
    pub(super) status: &'a StatusSummary,
    /// Taken apart once, for a package's script may have said a lot.
    pub(super) messages: Vec<Message<'a>>,
    pub(super) failures: Vec<PackageFailure>,
}

impl<'a> Run<'a> {
    pub(super) fn new(step: Step, ended: Ended, said: &'a Said, status: &'a StatusSummary) -> Self {
        Self { step, ended, said, status, messages: said.messages(), failures: dpkg_failures(said, status) }
    }

    /// apt-get's first error that contains `words`.
    pub(super) fn error(&self, words: &str) -> Option<&'a str> {
        self.errors().find(|text| text.contains(words))
    }

    /// As [`error`](Self::error), as long as dpkg was not started: from then on a package's script may
    /// say anything, apt-get's own words included.
    pub(super) fn early(&self, words: &str) -> Option<&'a str> {
        self.error(words).filter(|_| !self.status.pm_started)
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = &'a str> {
        self.messages.iter().filter(|message| message.severity == Severity::Error).map(|message| message.text)
    }

    /// The lines that say what is missing: they are on standard output, below a headline.
    pub(super) fn unmet(&self) -> Option<Foreign> {
        let mut lines = self.said.stdout.lines().skip_while(|line| !line.contains("have unmet dependencies"));
        lines.next()?;
        let found: Vec<&str> =
            lines.take_while(|line| line.starts_with(' ')).map(str::trim).take(20).collect();
        (!found.is_empty()).then(|| show::harmless(&found.join("; ")))
    }
}

/// What dpkg failed with: its status lines know more than its text.
fn dpkg_failures(said: &Said, status: &StatusSummary) -> Vec<PackageFailure> {
    let told = if status.errors.is_empty() { &said.dpkg_failures() } else { &status.errors };
    let shown = |failure: &PackageFailure| {
        let shown =
            PackageFailure::read(&show::bounded(&failure.package, 200), &show::harmless(&failure.text));
        match shown.trouble {
            // What was printed is dpkg's own question.
            PackageTrouble::ConffilePrompt => shown,
            _ => PackageFailure { printed: said.printed_by(&failure.package), ..shown },
        }
    };
    told.iter().map(shown).collect()
}
