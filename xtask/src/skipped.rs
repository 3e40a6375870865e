//! Tests that were skipped: how many, why, and whether a machine that checks changes may skip them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Where the tests note what they skip.
pub(crate) const VARIABLE: &str = "VPS_CONFIGURATOR_SKIPPED";

/// How the reasons begin for which a test may be skipped even where everything has to be checked: what no package
/// brings, what only a run that takes its time does, the shells and `groff`, whose part of those tests is small, and Prometheus'
/// checker, which is fetched where packages can be had.
const ALLOWED: [&str; 14] = [
    "uses the internet",
    "takes long",
    "there is no internet here",
    "nobody here knows that `git.invalid` does not exist",
    "another user cannot start the program here",
    "there is no `zsh` here",
    "there is no `fish` here",
    "there is no `groff` here",
    "there is no IPv6 here",
    "localhost has no IPv6 here",
    "there is no `promtool` here",
    // A whole init system is not installed for a test, and a container may allow none.
    "there is no systemd here",
    "a systemd of its own cannot be started here",
    "its words are those of another systemd",
];

/// A whole browser is asked for only by a run of everything, and there it has to be.
const BROWSER: &str = "there is no `chromium`";

/// An empty list of skipped tests.
pub(crate) fn begin() -> Result<PathBuf> {
    let path = paths::target().join("skipped");
    fs::create_dir_all(paths::target())?;
    fs::write(&path, "").with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// Prints how many were skipped and why. Under `CI=true` a reason that is not allowed is an error, and where it was `all`
/// that has to be checked a browser that is missing is one everywhere.
#[expect(clippy::print_stdout, reason = "this is a command line")]
pub(crate) fn end(path: &PathBuf, all: bool) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let reasons = by_reason(&text);
    let count: usize = reasons.values().map(Vec::len).sum();
    println!("\n{count} {} skipped", if count == 1 { "test was" } else { "tests were" });
    for (reason, tests) in &reasons {
        println!("  {}: {reason} ({})", tests.len(), tests.join(", "));
    }
    let is_checked = std::env::var("CI").is_ok_and(|value| value == "true");
    if all && reasons.keys().any(|reason| reason.starts_with(BROWSER)) {
        bail!("everything was to be checked, and {BROWSER}: install Debian's chromium and chromium-driver");
    }
    let not_allowed = not_allowed(&reasons);
    if is_checked && !not_allowed.is_empty() {
        bail!("CI=true, and tests were skipped that must run here: {}", not_allowed.join("; "));
    }
    Ok(())
}

fn by_reason(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (test, reason) in text.lines().filter_map(|line| line.split_once('\t')) {
        let tests = reasons.entry(reason).or_default();
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    reasons
}

fn not_allowed<'r>(reasons: &BTreeMap<&'r str, Vec<&str>>) -> Vec<&'r str> {
    let is_allowed =
        |reason: &&str| ALLOWED.iter().chain([&BROWSER]).any(|allowed| reason.starts_with(allowed));
    reasons.keys().filter(|reason| !is_allowed(reason)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_counts_once_and_only_the_named_reasons_are_allowed() {
        let text = "a::b\tthere is no internet here\nc\t`gpg` is not on this machine\na::b\tthere is no internet here\n\
                    d\tthere is no `chromium` with its `chromedriver` here\n";
        let reasons = by_reason(text);
        assert_eq!(reasons["there is no internet here"], ["a::b"]);
        assert_eq!(not_allowed(&reasons), ["`gpg` is not on this machine"]);
        assert!(by_reason("garbage\n").is_empty());
    }

    #[test]
    fn a_run_of_everything_needs_the_browser() {
        let place = tempfile::tempdir().unwrap();
        let list = place.path().join("skipped");
        fs::write(&list, "d\tthere is no `chromium` with its `chromedriver` here\n").unwrap();
        assert!(end(&list, false).is_ok());
        assert!(end(&list, true).unwrap_err().to_string().contains("chromium-driver"));
        fs::write(&list, "d\ttakes long\n").unwrap();
        assert!(end(&list, true).is_ok());
    }
}
