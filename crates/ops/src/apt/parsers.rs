//! What apt-get, dpkg, indexes and files of sources say, given as anything at all.

use std::path::PathBuf;

use super::error::AptError;
use super::facts::{AptConfig, Installed, Lock, Plan, Repository, SourceFile, parse_all};
use super::words::{
    Left, Said, StatusLine, StatusSummary, Step, archives, configured, fault, hosts_with_password,
    repositories, without_lines, without_stanzas,
};
use crate::process::Ended;

/// What a parser made of some bytes: a word or two that tell inputs apart which lead to different places, and the
/// texts that a person would come to see.
type Made = (String, Vec<String>);

/// A parser's name, and the parser.
type Parser = (&'static str, fn(&[u8]) -> Made);

/// The parsers, by name.
pub(crate) const PARSERS: &[Parser] = &[
    ("apt_status", status),
    ("apt_said", said),
    ("apt_plan", plan),
    ("apt_archives", uris),
    ("apt_installed", installed),
    ("apt_index_targets", index_targets),
    ("apt_release_files", release_files),
    ("apt_config", config),
    ("apt_sources", sources),
    ("apt_passwords", passwords),
    ("apt_packages", packages),
];

/// Two repositories that what was said may be about.
const KNOWN: &str =
    "Repo-URI: http://repo.test:8080/main/\nRelease: stable\n\nRepo-URI: file:/repo/\nRelease: ./\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first word of what `Debug` shows.
fn kind(shown: &impl std::fmt::Debug) -> String {
    format!("{shown:?}").chars().take_while(|one| one.is_alphabetic()).collect()
}

fn silent(shape: impl Into<String>) -> Made {
    (shape.into(), Vec::new())
}

fn status(bytes: &[u8]) -> Made {
    let summary = StatusSummary::of(&text(bytes));
    let found = StatusLine::parse(&text(bytes));
    if let Some(StatusLine::Package { percent, .. }) = &found {
        assert!(*percent <= 1_000_000, "{percent}");
    }
    let line = found.map_or_else(String::new, |line| kind(&line));
    silent(format!("{line} {} {}", summary.pm_started, summary.errors.len().min(2)))
}

/// Standard output up to a NUL, then standard error.
fn said(bytes: &[u8]) -> Made {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (stdout, stderr) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let said = Said::new(stdout, stderr);
    let (mut words, mut shown) = (Vec::new(), Vec::new());
    for step in [Step::Update, Step::Plan, Step::Fetch, Step::Install, Step::Repair] {
        if let Some(fault) = fault(step, Ended::Code(100), &said, &StatusSummary::default()) {
            words.push(kind(&fault));
            shown.push(AptError::Fault(fault).to_string());
        }
    }
    for result in repositories(&said, &Repository::parse(KNOWN)) {
        shown.extend(result.state.fault().map(ToString::to_string));
        words.push(kind(&result.state));
    }
    shown.extend(Lock::held(&said).map(|lock| lock.to_string()));
    words.dedup();
    (words.join(" "), shown)
}

fn plan(bytes: &[u8]) -> Made {
    match Plan::parse(&text(bytes)) {
        Ok(plan) => {
            let counts = [plan.installed.len(), plan.removed.len(), plan.archives.len()];
            silent(counts.map(|count| count.min(2).to_string()).join(" "))
        }
        Err(error) => (kind(&error.reason), vec![error.to_string()]),
    }
}

fn uris(bytes: &[u8]) -> Made {
    match archives(&text(bytes)) {
        Ok(found) => {
            for archive in &found {
                let name = &archive.filename;
                assert!(name.ends_with(".deb") && !name.contains('/') && !name.starts_with('.'), "{name:?}");
            }
            let has_digest = found.iter().any(|archive| archive.hash.is_some());
            silent(format!("{} {has_digest}", found.len().min(3)))
        }
        Err(error) => (kind(&error.reason), vec![error.to_string()]),
    }
}

fn installed(bytes: &[u8]) -> Made {
    let text = text(bytes);
    let of_file = Installed::of_status(&text, [&*text]);
    assert!(of_file.iter().all(|package| !package.name.is_empty() && !package.name.contains('\n')));
    let found = Installed::parse(&text);
    silent((format!("{found:?}").len().min(400) / 100).to_string())
}

fn index_targets(bytes: &[u8]) -> Made {
    let found = Repository::parse(&text(bytes));
    // A password before a host is taken out.
    let authority =
        |uri: &str| uri.split_once("://").and_then(|(_, rest)| Some(rest.split('/').next()?.to_owned()));
    let shows = |uri: &str| authority(uri).is_some_and(|authority| authority.contains('@'));
    assert!(!found.iter().any(|one| shows(&one.uri)), "{found:?}");
    let hosts = found.iter().filter(|one| one.host.is_some()).count();
    silent(format!("{} {}", found.len().min(3), hosts.min(2)))
}

fn release_files(bytes: &[u8]) -> Made {
    let both = text(bytes);
    let (uris, index) = both.split_once('\0').unwrap_or((&both, ""));
    let found = configured(uris, &[], |_| Some(index.to_owned()));
    silent(found.len().min(3).to_string())
}

fn config(bytes: &[u8]) -> Made {
    let config = AptConfig::parse(&text(bytes));
    let own = url::Url::parse("http://a.example.com/x.deb").map(|url| config.own_way_to(&url).is_some());
    assert!(!config.lists().as_os_str().is_empty() && !config.cache().as_os_str().is_empty());
    silent(format!("{} {own:?}", config.values.len().min(3)))
}

fn sources(bytes: &[u8]) -> Made {
    let before = text(bytes);
    let left = [Left { uri: "http://a.example.com/debian/" }];
    let (lines, stanzas) = (without_lines(&before, &left), without_stanzas(&before, &left));
    // What is left out once is out, but for how lines end.
    let again = (without_lines(&lines, &left), without_stanzas(&stanzas, &left));
    assert!(again.0.lines().eq(lines.lines().map(|line| line.trim_end_matches('\r'))), "{lines:?}");
    assert!(again.1.lines().eq(stanzas.lines().map(|line| line.trim_end_matches('\r'))), "{stanzas:?}");
    let source = SourceFile { path: PathBuf::from("/etc/apt/sources.list"), text: before.clone() };
    let uris = "'http://a.example.com/debian/dists/stable/InRelease' a_InRelease 0 \n";
    let named = configured(uris, &[source], |_| None);
    let is_named = named.iter().any(|one| format!("{one:?}").contains("sources.list"));
    silent(format!("{} {} {is_named}", lines == before, stanzas == before))
}

fn passwords(bytes: &[u8]) -> Made {
    silent(hosts_with_password(&text(bytes)).len().min(3).to_string())
}

fn packages(bytes: &[u8]) -> Made {
    let text = text(bytes);
    match parse_all(text.split_whitespace()) {
        Ok(specs) => {
            for spec in &specs {
                let said = spec.to_string();
                assert!(!said.starts_with(['-', '/', '.']), "{said:?} is an option or a file");
            }
            silent(specs.len().min(3).to_string())
        }
        Err(error) => ("invalid".into(), error.to_string().lines().map(str::to_owned).collect()),
    }
}
