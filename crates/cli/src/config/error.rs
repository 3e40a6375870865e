//! What is wrong with a configuration: file, line, key, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use thiserror::Error;
use vps_ops::foreign::shown;
use vps_ops::settings::InvalidSettings;

use super::origin::{self, Origin};
use super::place::Tree;

/// A configuration that cannot be used. Nothing was touched.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("the configuration file {} cannot be read", shown(path))]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// One line for each fault, and those of a file's text as it stands there.
    #[error("{0}")]
    Wrong(String),
}

impl ConfigError {
    /// What the parser says about a file: place, key, and the lines around it.
    pub(super) fn file(path: &Path, text: &str, error: &serde_saphyr::Error) -> Self {
        let path = shown(path).to_string();
        let said = error.to_string();
        let (first, snippet) = said.split_once('\n').unwrap_or((&said, ""));
        let mut first = plainly(first.strip_prefix("error: ").unwrap_or(first));
        if let Some(key) = error.location().and_then(|place| Tree::of(text).key_at(place))
            && let Some((place, what)) = first.split_once(": ")
        {
            first = format!("{place}: `{key}`: {what}");
        }
        let snippet = plainly(snippet).replace("<input>", &path);
        let report = format!("{path}: {first}\n{snippet}");
        Self::Wrong(report.trim_end().to_owned())
    }

    /// What is wrong with the value of one variable. What was found and expected is in figment's and serde's
    /// words, which are all they give.
    pub(super) fn variable(name: &str, error: &figment::Error) -> Self {
        let what = match &error.kind {
            Kind::UnknownField(field, known) => {
                format!("there is no key `{field}`; there are {}", known.join(", "))
            }
            Kind::InvalidType(found, expected) if expected.starts_with("struct ") => {
                format!("found {found}, expected a group of keys")
            }
            Kind::InvalidType(found, expected) if expected.starts_with('u') => {
                format!("found {found}, expected a whole number")
            }
            Kind::InvalidType(found, expected) if expected == "a boolean" => {
                format!("found {found}, expected true or false")
            }
            Kind::InvalidValue(found, expected) if expected.starts_with('u') => {
                format!("found {found}, expected a whole number")
            }
            Kind::InvalidType(found, expected) => format!("found {found}, expected {expected}"),
            kind => kind.to_string(),
        };
        Self::Wrong(format!("environment variable {name}: {what}"))
    }

    /// What only shows when all is merged.
    pub(super) fn merged(figment: &Figment, error: &figment::Error) -> Self {
        let faults = error.clone().into_iter().map(|fault| {
            let key = fault.path.join(".");
            format!("{}: `{key}`: {}", origin::of(figment, &key), fault.kind)
        });
        Self::Wrong(faults.collect::<Vec<_>>().join("\n"))
    }

    /// Values that make no sense: file and line, or variable, and key.
    pub(super) fn out_of_range(
        figment: &Figment,
        invalid: &InvalidSettings,
        texts: &[(PathBuf, String)],
    ) -> Self {
        let faults = invalid.0.iter().map(|fault| {
            // The default is not what is wrong with two keys that do not go together.
            let keys = std::iter::once(&fault.key).chain(&fault.related);
            let key =
                keys.clone().find(|key| origin::of(figment, key) != Origin::BuiltIn).unwrap_or(&fault.key);
            format!("{}: {fault}", place(figment, key, texts))
        });
        Self::Wrong(faults.collect::<Vec<_>>().join("\n"))
    }
}

/// The file and line, or the variable, that a key has its value from.
fn place(figment: &Figment, key: &str, texts: &[(PathBuf, String)]) -> String {
    let origin = origin::of(figment, key);
    let line = match &origin {
        Origin::Variable(name) => return format!("environment variable {name}"),
        Origin::File(path) => {
            let text = texts.iter().rev().find(|(read, _)| read == path);
            text.and_then(|(_, text)| Tree::of(text).line_of(key))
        }
        Origin::BuiltIn => None,
    };
    line.map_or_else(|| origin.to_string(), |line| format!("{origin}: line {line}"))
}

/// The parser's words for programmers, in words for everyone.
fn plainly(text: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("budget breached: Documents { documents: 2 }", "only one document is read"),
        ("invalid type: unit value", "found nothing"),
        (", set DuplicateKeyPolicy in Options if acceptable", ""),
        (" rejected by the configured policy", " is not allowed"),
        ("invalid boolean (strict mode expects true/false)", "expected true or false"),
        ("expected mapping start", "expected a group of keys"),
        ("invalid u32", "expected a whole number"),
        ("invalid u8", "expected a whole number up to 255"),
    ];
    let text = WORDS.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
    let lines = text.lines().map(|line| match line.split_once("budget breached: ") {
        // Which of our limits it was tells a reader nothing.
        Some((before, _)) => {
            format!("{before}this is more than a configuration needs (aliases, depth, size)")
        }
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
