//! What is wrong with this machine: its locks, rights, disks, sources and configuration.

use std::path::PathBuf;

use crate::apt::facts::{Fault, Lock, show};
use crate::apt::words::dpkg::NO_SPACE;
use crate::apt::words::run::Run;

pub(in crate::apt::words) fn locked(run: &Run<'_>) -> Option<Fault> {
    if run.status.pm_started { None } else { Lock::held(run.said).map(Fault::Locked) }
}

// Before the missing right, for apt-get asks `are you root?` here too.
pub(in crate::apt::words) fn read_only(run: &Run<'_>) -> Option<Fault> {
    run.error("Read-only file system").map(|text| Fault::ReadOnly { path: absolute_path(text) })
}

pub(in crate::apt::words) fn not_root(run: &Run<'_>) -> Option<Fault> {
    if run.said.stderr.lines().any(|line| line.contains("operation requires superuser privilege")) {
        return Some(Fault::NotRoot { path: "/var/lib/dpkg".into() });
    }
    let text = run
        .early("Permission denied)")
        .or_else(|| run.early("are you root?"))
        .or_else(|| run.early("Operation not permitted)"))?;
    Some(Fault::NotRoot { path: absolute_path(text).unwrap_or_else(|| "/var/lib/dpkg".into()) })
}

pub(in crate::apt::words) fn disk_full(run: &Run<'_>) -> Option<Fault> {
    if let Some(text) = run.error("enough free space in ") {
        return Some(Fault::DiskFull { path: absolute_path(text) });
    }
    let text = NO_SPACE.iter().find_map(|words| run.error(words))?;
    Some(Fault::DiskFull { path: absolute_path(text) })
}

pub(in crate::apt::words) fn bad_sources(run: &Run<'_>) -> Option<Fault> {
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

pub(in crate::apt::words) fn bad_configuration(run: &Run<'_>) -> Option<Fault> {
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

pub(in crate::apt::words) fn broken_lists(run: &Run<'_>) -> Option<Fault> {
    let known = [
        "Problem with MergeList",
        "Encountered a section with no Package: header",
        "could not be parsed or opened",
    ];
    let text = known.iter().find_map(|words| run.early(words))?;
    Some(Fault::BrokenLists { text: show::harmless(text) })
}

/// The first word that is an absolute path.
fn absolute_path(text: &str) -> Option<PathBuf> {
    let mut words = text.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', '\'', '"', ':']));
    let word = words.find(|word| word.starts_with('/'))?;
    Some(PathBuf::from(show::harmless(word.strip_suffix("/.").unwrap_or(word)).as_str()))
}
