//! Where apt-get's words become a fault. What a fault means is `judge`'s.
//!
//! Exit codes say almost nothing: 100 is every error, and an update that could not reach a mirror ends
//! with 0. So the rows of [`ROWS`] look at the text, and the first that matches decides.

use std::path::PathBuf;

use super::dpkg::NO_SPACE;
use super::fetched;
use super::said::{Message, Said, Severity};
use super::status::StatusSummary;
use crate::apt::facts::{Fault, Lock, PackageFailure, PackageTrouble, show};
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
struct Run<'a> {
    step: Step,
    ended: Ended,
    said: &'a Said,
    status: &'a StatusSummary,
    /// Taken apart once, for a package's script may have said a lot.
    messages: Vec<Message<'a>>,
    failures: Vec<PackageFailure>,
}

/// The table: the first row that knows the run decides. Each is one function below, in this order.
const ROWS: [fn(&Run<'_>) -> Option<Fault>; 24] = [
    stopped,
    dpkg_died,
    disk_full_in_dpkg,
    dpkg_failed,
    interrupted,
    broken_install,
    locked,
    read_only,
    not_root,
    disk_full,
    not_fetched,
    bad_sources,
    bad_configuration,
    version_not_found,
    release_not_found,
    no_candidate,
    not_found,
    unmet_dependencies,
    refused_without_asking,
    hook,
    broken_lists,
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
    let run =
        Run { step, ended, said, status, messages: said.messages(), failures: dpkg_failures(said, status) };
    if ended == Ended::Code(0) {
        let degraded = || not_fetched(&run).or_else(|| indexes_not_fetched(&run));
        return if step == Step::Update { degraded() } else { None };
    }
    Some(ROWS.iter().find_map(|row| row(&run)).unwrap_or_else(|| unknown(&run)))
}

impl<'a> Run<'a> {
    /// apt-get's first error that contains `words`.
    fn error(&self, words: &str) -> Option<&'a str> {
        self.errors().find(|text| text.contains(words))
    }

    /// As [`error`](Self::error), as long as dpkg was not started: from then on a package's script may
    /// say anything, apt-get's own words included.
    fn early(&self, words: &str) -> Option<&'a str> {
        self.error(words).filter(|_| !self.status.pm_started)
    }

    fn errors(&self) -> impl Iterator<Item = &'a str> {
        self.messages.iter().filter(|message| message.severity == Severity::Error).map(|message| message.text)
    }
}

/// What dpkg failed with: its status lines know more than its text.
fn dpkg_failures(said: &Said, status: &StatusSummary) -> Vec<PackageFailure> {
    let told = if status.errors.is_empty() { &said.dpkg_failures() } else { &status.errors };
    let shown = |failure: &PackageFailure| {
        PackageFailure::read(&show::bounded(&failure.package, 200), &show::harmless(&failure.text))
    };
    told.iter().map(shown).collect()
}

// A signal from outside. A shell in between turns it into a code, and then nothing was said.
fn stopped(run: &Run<'_>) -> Option<Fault> {
    let signal = match run.ended {
        Ended::Signal(signal) => signal,
        Ended::Code(code @ 129..=192) if run.error("").is_none() => code - 128,
        Ended::Code(_) => return None,
    };
    Some(Fault::Stopped { signal, in_dpkg: run.status.pm_started })
}

fn dpkg_died(run: &Run<'_>) -> Option<Fault> {
    let died = run.error("dpkg exited unexpectedly").or_else(|| run.error("dpkg received a"));
    died.map(|_| Fault::DpkgDied)
}

fn disk_full_in_dpkg(run: &Run<'_>) -> Option<Fault> {
    run.failures.iter().find_map(|failure| match &failure.trouble {
        PackageTrouble::DiskFull { path } => Some(Fault::DiskFull { path: path.clone() }),
        _ => None,
    })
}

fn dpkg_failed(run: &Run<'_>) -> Option<Fault> {
    // Wherever dpkg lies, and whatever its code.
    let said = run.error("dpkg returned an error code").is_some_and(|text| text.starts_with("Sub-process "));
    let is_dpkgs = said || (run.step == Step::Repair && !run.failures.is_empty());
    is_dpkgs.then(|| Fault::DpkgFailed { failures: run.failures.clone() })
}

fn interrupted(run: &Run<'_>) -> Option<Fault> {
    run.early("dpkg was interrupted, you must manually run").map(|_| Fault::Interrupted)
}

fn broken_install(run: &Run<'_>) -> Option<Fault> {
    let text = run.early("--fix-broken install").or_else(|| run.early("apt-get -f install"))?;
    Some(Fault::BrokenInstall { text: unmet(run).unwrap_or_else(|| show::harmless(text)) })
}

fn locked(run: &Run<'_>) -> Option<Fault> {
    if run.status.pm_started { None } else { Lock::held(run.said).map(Fault::Locked) }
}

// Before the missing right, for apt-get asks `are you root?` here too.
fn read_only(run: &Run<'_>) -> Option<Fault> {
    run.error("Read-only file system").map(|text| Fault::ReadOnly { path: absolute_path(text) })
}

fn not_root(run: &Run<'_>) -> Option<Fault> {
    if run.said.stderr.lines().any(|line| line.contains("operation requires superuser privilege")) {
        return Some(Fault::NotRoot { path: "/var/lib/dpkg".into() });
    }
    let text = run
        .early("Permission denied)")
        .or_else(|| run.early("are you root?"))
        .or_else(|| run.early("Operation not permitted)"))?;
    Some(Fault::NotRoot { path: absolute_path(text).unwrap_or_else(|| "/var/lib/dpkg".into()) })
}

fn disk_full(run: &Run<'_>) -> Option<Fault> {
    if let Some(text) = run.error("enough free space in ") {
        return Some(Fault::DiskFull { path: absolute_path(text) });
    }
    let text = NO_SPACE.iter().find_map(|words| run.error(words))?;
    Some(Fault::DiskFull { path: absolute_path(text) })
}

/// Everything that was to be fetched: connections, statuses, digests, signatures, clocks.
fn not_fetched(run: &Run<'_>) -> Option<Fault> {
    fetched::decisive(&fetched::failures(&run.messages), run.step == Step::Update)
}

fn bad_sources(run: &Run<'_>) -> Option<Fault> {
    // The last is what follows any of the others.
    let known = [
        "Malformed entry ",
        "Malformed stanza ",
        "Malformed line ",
        "is not known on ",
        "Conflicting values set for option",
        "The list of sources",
    ];
    let text = known.iter().find_map(|words| run.error(words))?;
    let (_, number) =
        ["Malformed entry ", "Malformed stanza ", "Malformed line ", " on line ", " on stanza "]
            .iter()
            .find_map(|words| text.split_once(words))
            .unwrap_or(("", ""));
    let line = number.split(' ').next().and_then(|number| number.parse().ok());
    Some(Fault::BadSources { file: absolute_path(text), line, text: show::harmless(text) })
}

fn bad_configuration(run: &Run<'_>) -> Option<Fault> {
    let known = [
        "is not understood",
        "requires an argument",
        "Syntax error ",
        "Unknown error executing",
        "Invalid operation",
        "The method driver ",
        "Option -",
    ];
    let text = known.iter().find_map(|words| run.early(words))?;
    Some(Fault::BadConfiguration { text: show::harmless(text) })
}

fn version_not_found(run: &Run<'_>) -> Option<Fault> {
    let text = run.early("Version '")?;
    let [version, package] = quoted(text)?;
    text.contains("was not found").then_some(Fault::VersionNotFound { package, version })
}

fn release_not_found(run: &Run<'_>) -> Option<Fault> {
    if let Some(text) = run.early("is invalid for APT::Default-Release") {
        let release = text.split('\'').nth(1).map(show::harmless).unwrap_or_default();
        return Some(Fault::ReleaseNotFound { release, package: None });
    }
    let text = run.early("Release '")?;
    let [release, package] = quoted(text)?;
    text.contains("was not found").then_some(Fault::ReleaseNotFound { release, package: Some(package) })
}

fn no_candidate(run: &Run<'_>) -> Option<Fault> {
    let packages = names(run, |text| {
        text.strip_suffix(" has no installation candidate")?.strip_prefix("Package '")?.strip_suffix('\'')
    });
    (!packages.is_empty()).then_some(Fault::NoCandidate { packages })
}

fn not_found(run: &Run<'_>) -> Option<Fault> {
    let packages = names(run, |text| text.strip_prefix("Unable to locate package "));
    (!packages.is_empty()).then_some(Fault::NotFound { packages })
}

fn unmet_dependencies(run: &Run<'_>) -> Option<Fault> {
    // apt 3's own solver: `Unable to satisfy dependencies. Reached two conflicting assignments`.
    let text =
        ["you have held broken packages", "pkgProblemResolver::Resolve", "Unable to satisfy dependencies"]
            .iter()
            .find_map(|words| run.early(words))?;
    Some(Fault::UnmetDependencies { text: unmet(run).unwrap_or_else(|| show::harmless(text)) })
}

/// What `-y` does not answer for.
fn refused_without_asking(run: &Run<'_>) -> Option<Fault> {
    let says = |words: &str| run.early(words);
    if says("Held packages were changed").is_some() {
        return Some(Fault::Held);
    }
    if says("unauthenticated packages").or_else(|| says("could not be authenticated")).is_some() {
        return Some(Fault::Unauthenticated);
    }
    if says("Essential packages were removed").or_else(|| says("essential system-critical")).is_some() {
        return Some(Fault::WouldRemoveEssential);
    }
    let text = says("Packages were downgraded")
        .or_else(|| says("but remove is disabled"))
        .or_else(|| says("was used without --force-yes"))?;
    Some(Fault::WouldDoMore { text: show::harmless(text) })
}

fn hook(run: &Run<'_>) -> Option<Fault> {
    let text = run.error("Problem executing scripts").or_else(|| run.error("Failure running script"))?;
    Some(Fault::Hook { text: show::harmless(text) })
}

fn broken_lists(run: &Run<'_>) -> Option<Fault> {
    let known = [
        "Problem with MergeList",
        "Encountered a section with no Package: header",
        "could not be parsed or opened",
    ];
    let text = known.iter().find_map(|words| run.early(words))?;
    Some(Fault::BrokenLists { text: show::harmless(text) })
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

/// The names that apt-get's errors have where `name` looks, each once.
fn names<'a>(run: &Run<'a>, name: impl Fn(&'a str) -> Option<&'a str>) -> Vec<String> {
    let mut found = Vec::new();
    for text in run.errors().filter(|_| !run.status.pm_started) {
        let shown = name(text).map(|name| show::bounded(name, 100));
        if let Some(shown) = shown.filter(|shown| !found.contains(shown) && found.len() < 100) {
            found.push(shown);
        }
    }
    found
}

/// The lines that say what is missing: they are on standard output, below a headline.
fn unmet(run: &Run<'_>) -> Option<String> {
    let mut lines = run.said.stdout.lines().skip_while(|line| !line.contains("have unmet dependencies"));
    lines.next()?;
    let found: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).map(str::trim).take(20).collect();
    (!found.is_empty()).then(|| show::harmless(&found.join("; ")))
}

/// The first two texts between single quotes.
fn quoted(text: &str) -> Option<[String; 2]> {
    let mut parts = text.split('\'').skip(1).step_by(2).map(show::harmless);
    Some([parts.next()?, parts.next()?])
}

/// The first word that is an absolute path.
fn absolute_path(text: &str) -> Option<PathBuf> {
    let mut words = text.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', '\'', '"', ':']));
    let word = words.find(|word| word.starts_with('/'))?;
    Some(PathBuf::from(show::harmless(word.strip_suffix("/.").unwrap_or(word))))
}
