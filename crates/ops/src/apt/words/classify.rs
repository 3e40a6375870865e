//! Where apt-get's words become a fault. What a fault means is `judge`'s.
//!
//! Exit codes say almost nothing: 100 is every error, and an update that could not reach a mirror ends
//! with 0. So the rows of [`ROWS`] look at the text, and the first that matches decides.

use super::fetched;
use super::rows::{dpkg, machine, packages};
use super::run::{Run, Step};
use super::said::{Message, Said};
use super::status::StatusSummary;
use crate::apt::facts::{Fault, show};
use crate::process::Ended;

/// The table: the first row that knows the run decides. Each is one function, and the order is part of their
/// meaning: what dpkg did comes before what apt-get says of it, and what explains a failure before what only
/// follows from it.
const ROWS: [fn(&Run<'_>) -> Option<Fault>; 24] = [
    dpkg::stopped,
    dpkg::dpkg_died,
    dpkg::disk_full_in_dpkg,
    dpkg::dpkg_failed,
    dpkg::interrupted,
    dpkg::broken_install,
    machine::locked,
    machine::read_only,
    machine::not_root,
    machine::disk_full,
    not_fetched,
    machine::bad_sources,
    machine::bad_configuration,
    packages::version_not_found,
    packages::release_not_found,
    packages::no_candidate,
    packages::not_found,
    packages::unmet_dependencies,
    packages::refused_without_asking,
    dpkg::hook,
    machine::broken_lists,
    indexes_not_fetched,
    missing_archives,
    aborted,
];

/// Why a run failed; `None` if it succeeded.
///
/// An update that could not fetch everything failed, whatever its exit code. Text of an apt-get that we
/// do not know is [`Fault::Unknown`]: shown, and never tried again.
#[must_use]
pub fn fault(step: Step, ended: Ended, said: &Said, status: &StatusSummary) -> Option<Fault> {
    let run = Run::new(step, ended, said, status);
    if ended == Ended::Code(0) {
        let degraded = || not_fetched(&run).or_else(|| indexes_not_fetched(&run));
        return if step == Step::Update { degraded() } else { None };
    }
    Some(ROWS.iter().find_map(|row| row(&run)).unwrap_or_else(|| unknown(&run)))
}

/// Everything that was to be fetched: connections, statuses, digests, signatures, clocks.
fn not_fetched(run: &Run<'_>) -> Option<Fault> {
    fetched::decisive(&fetched::failures(&run.messages), run.step == Step::Update)
}

fn indexes_not_fetched(run: &Run<'_>) -> Option<Fault> {
    let said = |message: &Message<'_>| message.text.contains("index files failed to download");
    run.messages.iter().any(said).then_some(Fault::IndexesNotFetched)
}

fn missing_archives(run: &Run<'_>) -> Option<Fault> {
    run.error("Unable to fetch some archives").map(|_| Fault::MissingArchives)
}

fn aborted(run: &Run<'_>) -> Option<Fault> {
    let asked =
        run.ended == Ended::Code(1) && run.said.lines().any(|line| line.trim_end().ends_with("Abort."));
    asked.then_some(Fault::Aborted)
}

/// What nobody foresaw: its errors, else the end of what it said, else how it ended.
fn unknown(run: &Run<'_>) -> Fault {
    let mut text = run.errors().collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        let mut last: Vec<&str> =
            run.said.stderr.lines().rev().filter(|line| !line.trim().is_empty()).take(5).collect();
        last.reverse();
        text = last.join("; ");
    }
    if text.is_empty() {
        text = match run.ended {
            Ended::Code(code) => format!("it ended with code {code} and said nothing"),
            Ended::Signal(signal) => format!("signal {signal} ended it"),
        };
    }
    Fault::Unknown { text: show::harmless(&text) }
}
