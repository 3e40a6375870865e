//! The text of a file of sources: what a plan says of a repository, in apt's words, with nothing else slipped in.

use std::path::{Path, PathBuf};

use thiserror::Error;
use url::Url;

use super::super::action::AptRepository;
use crate::foreign::Foreign;

/// What cannot be written into a file of sources, or named so.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum InvalidSource {
    #[error("`{name}` names no file of sources: apt reads those of letters, digits, `-`, `_` and `.` only")]
    Name { name: Foreign },
    #[error("`{value}` cannot stand under `{field}`: it is one word, without spaces, quotes and line breaks")]
    Value { field: &'static str, value: Foreign },
    #[error("nothing stands under `{field}`")]
    Nothing { field: &'static str },
    #[error("`{uri}` is no place of a repository, or has a user or password in it")]
    Uri { uri: Foreign },
    #[error("`{word}` is neither `deb` nor `deb-src`")]
    Type { word: Foreign },
    #[error("a suite that ends in `/` has no components, all others have")]
    Components,
}

/// A file of sources, checked.
#[derive(Debug)]
pub(super) struct Source<'a> {
    action: &'a AptRepository,
    stem: String,
}

impl<'a> Source<'a> {
    /// What the plan says of it.
    pub(super) fn of(action: &'a AptRepository) -> Result<Self, InvalidSource> {
        // A step of a list is called `app[one]`.
        let stem = action.name.replace('[', "-").replace(']', "");
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if stem.is_empty() || stem.starts_with('.') || !stem.chars().all(is_allowed) {
            return Err(InvalidSource::Name { name: action.name.as_str().into() });
        }
        let AptRepository { types, uris, suites, components, architectures, .. } = action;
        if let Some(word) = types.iter().find(|word| !matches!(word.as_str(), "deb" | "deb-src")) {
            return Err(InvalidSource::Type { word: word.as_str().into() });
        }
        for (field, values, must) in [
            ("uris", uris, true),
            ("suites", suites, true),
            ("components", components, false),
            ("architectures", architectures, false),
        ] {
            if must && values.is_empty() {
                return Err(InvalidSource::Nothing { field });
            }
            if let Some(value) = values.iter().find(|value| !is_word(value)) {
                return Err(InvalidSource::Value { field, value: value.as_str().into() });
            }
        }
        if let Some(uri) = uris.iter().find(|uri| !is_place(uri)) {
            return Err(InvalidSource::Uri { uri: uri.as_str().into() });
        }
        if suites.iter().any(|suite| suite.ends_with('/') != components.is_empty()) {
            return Err(InvalidSource::Components);
        }
        Ok(Self { action, stem })
    }

    /// Its file, on the machine.
    pub(super) fn file(&self) -> PathBuf {
        Path::new("/etc/apt/sources.list.d").join(format!("{}.sources", self.stem))
    }

    /// The file of its key, by how that is written.
    pub(super) fn key_file(&self, ending: &str) -> PathBuf {
        Path::new("/etc/apt/keyrings").join(format!("{}.{ending}", self.stem))
    }

    /// What stands in it.
    pub(super) fn text(&self, key: &Path) -> String {
        let AptRepository { types, uris, suites, components, architectures, .. } = self.action;
        let types = if types.is_empty() { "deb".to_owned() } else { types.join(" ") };
        let mut text = format!("Types: {types}\nURIs: {}\nSuites: {}\n", uris.join(" "), suites.join(" "));
        for (field, values) in [("Components", components), ("Architectures", architectures)] {
            if !values.is_empty() {
                text.push_str(&format!("{field}: {}\n", values.join(" ")));
            }
        }
        text.push_str(&format!("Signed-By: {}\n", key.display()));
        text
    }
}

/// Whether apt reads it as one word that means itself.
fn is_word(value: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "#\"'\\[]<>,;".contains(c);
    !value.is_empty() && !value.starts_with(['-', '+']) && !value.chars().any(is_odd)
}

fn is_place(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.username().is_empty() && url.password().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action() -> AptRepository {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        AptRepository {
            name: "docker".into(),
            uris: words("https://download.example.com/linux/debian"),
            suites: words("bookworm bookworm-updates"),
            components: words("stable"),
            architectures: words("amd64"),
            ..AptRepository::default()
        }
    }

    #[test]
    fn a_source_is_written_as_apt_reads_it() {
        let action = action();
        let source = Source::of(&action).unwrap();
        assert_eq!(source.file(), Path::new("/etc/apt/sources.list.d/docker.sources"));
        let text = "Types: deb\nURIs: https://download.example.com/linux/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: stable\nArchitectures: amd64\n\
                    Signed-By: /etc/apt/keyrings/docker.asc\n";
        assert_eq!(source.text(&source.key_file("asc")), text);
        let listed = AptRepository { name: "repo[a.b]".into(), ..action.clone() };
        assert_eq!(Source::of(&listed).unwrap().key_file("gpg"), Path::new("/etc/apt/keyrings/repo-a.b.gpg"));
    }

    #[test]
    fn a_value_cannot_become_another_field_word_or_file() {
        type Change = fn(&mut AptRepository);
        let changes: [(&str, Change); 16] = [
            ("a line break in a place", |a| a.uris = vec!["https://a.example.com/\nTrusted:yes".into()]),
            ("a line break in a suite", |a| a.suites = vec!["x\nTrusted:yes".into()]),
            ("a return", |a| a.suites = vec!["x\rTrusted:yes".into()]),
            ("a tab", |a| a.suites = vec!["x\ty".into()]),
            ("a character that is not seen", |a| a.components = vec!["x\u{b}y".into()]),
            ("two words", |a| a.suites = vec!["x y".into()]),
            ("an option", |a| a.components = vec!["[trusted=yes]".into()]),
            ("a removal", |a| a.architectures = vec!["-amd64".into()]),
            ("a remark", |a| a.components = vec!["#".into()]),
            ("an empty word", |a| a.components = vec![String::new()]),
            ("no suite", |a| a.suites = Vec::new()),
            ("no component", |a| a.components = Vec::new()),
            ("a password", |a| a.uris = vec!["https://u:p@a.example.com/".into()]),
            ("no place", |a| a.uris = vec!["example.com".into()]),
            ("another sort", |a| a.types = vec!["deb\nTrusted:yes".into()]),
            ("another folder", |a| a.name = "../x".into()),
        ];
        for (what, change) in changes {
            let mut action = action();
            change(&mut action);
            assert!(Source::of(&action).is_err(), "{what} was taken");
        }
        let mut flat = action();
        (flat.suites, flat.components) = (vec!["./".into()], Vec::new());
        assert!(Source::of(&flat).is_ok());
    }
}
