//! What apt-get cannot or will not install.

use crate::apt::facts::{Fault, show};
use crate::apt::words::run::Run;
use crate::foreign::Foreign;

pub(in crate::apt::words) fn version_not_found(run: &Run<'_>) -> Option<Fault> {
    let text = run.early("Version '")?;
    let [version, package] = quoted(text)?;
    text.contains("was not found").then_some(Fault::VersionNotFound { package, version })
}

pub(in crate::apt::words) fn release_not_found(run: &Run<'_>) -> Option<Fault> {
    if let Some(text) = run.early("is invalid for APT::Default-Release") {
        let release = text.split('\'').nth(1).map(show::harmless).unwrap_or_default();
        return Some(Fault::ReleaseNotFound { release, package: None });
    }
    let text = run.early("Release '")?;
    let [release, package] = quoted(text)?;
    text.contains("was not found").then_some(Fault::ReleaseNotFound { release, package: Some(package) })
}

pub(in crate::apt::words) fn no_candidate(run: &Run<'_>) -> Option<Fault> {
    let packages = names(run, |text| {
        text.strip_suffix(" has no installation candidate")?.strip_prefix("Package '")?.strip_suffix('\'')
    });
    let others = packages.iter().find_map(|package| instead(run, package));
    others.or_else(|| (!packages.is_empty()).then_some(Fault::NoCandidate { packages }))
}

/// What standard output says of a package that cannot be had, below a headline.
fn instead(run: &Run<'_>, package: &str) -> Option<Fault> {
    let named = Foreign::new(package);
    let provided_by = below(run, &format!("Package {package} is a virtual package provided by:"), "");
    if !provided_by.is_empty() {
        return Some(Fault::Virtual { package: named, provided_by });
    }
    let headline = format!("Package {package} is not available, but is referred to by another package.");
    let by = below(run, &headline, "However the following packages replace it:");
    (!by.is_empty()).then_some(Fault::Replaced { package: named, by })
}

/// The names in the indented lines below a line, or below a later one of the same paragraph.
fn below(run: &Run<'_>, headline: &str, then: &str) -> Vec<Foreign> {
    let mut lines = run.said.stdout.lines().skip_while(|line| line.trim_end() != headline).skip(1);
    if !then.is_empty() && !lines.by_ref().take(4).any(|line| line.trim_end() == then) {
        return Vec::new();
    }
    let mut found: Vec<Foreign> = Vec::new();
    for line in lines.take_while(|line| line.starts_with("  ")) {
        // A version follows: `  name 1.0`, `   name (1.0)`.
        let name = line.split_whitespace().next().map(|name| show::bounded(name, 100));
        found.extend(name.filter(|name| !found.contains(name) && found.len() < 20));
    }
    found
}

pub(in crate::apt::words) fn not_found(run: &Run<'_>) -> Option<Fault> {
    let packages = names(run, |text| text.strip_prefix("Unable to locate package "));
    (!packages.is_empty()).then_some(Fault::NotFound { packages })
}

pub(in crate::apt::words) fn unmet_dependencies(run: &Run<'_>) -> Option<Fault> {
    // apt 3's own solver: `Unable to satisfy dependencies. Reached two conflicting assignments`.
    let text =
        ["you have held broken packages", "pkgProblemResolver::Resolve", "Unable to satisfy dependencies"]
            .iter()
            .find_map(|words| run.early(words))?;
    Some(Fault::UnmetDependencies { text: run.unmet().unwrap_or_else(|| show::harmless(text)) })
}

/// What `-y` does not answer for.
pub(in crate::apt::words) fn refused_without_asking(run: &Run<'_>) -> Option<Fault> {
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

/// The names that apt-get's errors have where `name` looks, each once.
fn names<'a>(run: &Run<'a>, name: impl Fn(&'a str) -> Option<&'a str>) -> Vec<Foreign> {
    let mut found = Vec::new();
    for text in run.errors().filter(|_| !run.status.pm_started) {
        let shown = name(text).map(|name| show::bounded(name, 100));
        if let Some(shown) = shown.filter(|shown| !found.contains(shown) && found.len() < 100) {
            found.push(shown);
        }
    }
    found
}

/// The first two texts between single quotes.
fn quoted(text: &str) -> Option<[Foreign; 2]> {
    let mut parts = text.split('\'').skip(1).step_by(2).map(show::harmless);
    Some([parts.next()?, parts.next()?])
}
