//! A repository of packages, and what a module is told.

use serde_json::{Map, Value};

use super::Filler;
use super::keys::is_meant;
use crate::download::Algorithm;
use crate::foreign::Foreign;
use crate::plan::action::{Action, AptKey, AptKeyCheck, AptKeySource, AptRepository};
use crate::plan::decode::{At, Field, OneOrMore};
use crate::plan::document::{AptKeyText, AptRepositoryText, StepText, Told, ToldValue};
use crate::plan::problem::ProblemKind;

const TYPES: &[&str] = &["deb", "deb-src"];

impl Filler<'_> {
    pub(super) fn apt_repository(&mut self, at: &At<AptRepositoryText>, step: &StepText) -> Option<Action> {
        let text = &at.value;
        let uris =
            text.uris.get().map(|uris| self.items(uris).iter().filter_map(|uri| self.url(uri)).collect());
        let suites = self.list(&text.suites);
        let components = self.list(&text.components);
        let are_paths = suites.iter().any(|suite| suite.ends_with('/'));
        match text.components.key() {
            None if !are_paths && !suites.is_empty() && !is_meant("components", &text.meant) => {
                self.problems.add(at.spot, ProblemKind::MissingKey { key: "components" });
            }
            Some(spot) if are_paths => {
                let (first, second) = ("suites", "components");
                self.problems.add(spot, ProblemKind::Together { first, second });
            }
            _ => {}
        }
        let types = match text.types.get() {
            None => vec!["deb".to_owned()],
            Some(types) => {
                let mut read = Vec::new();
                for at in self.items(types) {
                    let Some(given) = self.word(at) else { continue };
                    if TYPES.contains(&&*given) {
                        read.push(given);
                    } else {
                        self.problems.none_of(at.spot, &given, TYPES);
                    }
                }
                read
            }
        };
        let architectures = self.list(&text.architectures);
        let key = text.key.get().and_then(|key| self.apt_key(key));
        let name = match text.name.get() {
            Some(name) => self.word(name).map(|text| (text, name.spot)),
            None => {
                let id = step.id.get()?;
                let item = self.item.as_ref().map(|item| format!("-{item}")).unwrap_or_default();
                Some((format!("{}{item}", id.value), id.spot))
            }
        };
        let (name, spot) = name?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.chars().all(allowed) || name.starts_with('.') {
            self.problems.add(spot, ProblemKind::FileName { given: Foreign::bounded(&name, 80) });
            return None;
        }
        let uris = uris?;
        Some(Action::AptRepository(AptRepository {
            name,
            types,
            uris,
            suites,
            components,
            architectures,
            key: key?,
        }))
    }

    /// Words of a line of apt's, which a blank would end.
    fn list(&mut self, field: &Field<OneOrMore>) -> Vec<String> {
        let Some(list) = field.get() else { return Vec::new() };
        let words = self.items(list);
        self.words(words)
    }

    fn apt_key(&mut self, at: &At<AptKeyText>) -> Option<AptKey> {
        let AptKeyText { url, file, text, sha256, fingerprint, meant } = &at.value;
        self.just_one(at.spot, &[("url", url.key()), ("file", file.key()), ("text", text.key())], meant);
        self.at_most_one(&[("sha256", sha256.key()), ("fingerprint", fingerprint.key())]);
        let check = if let Some(sha256) = sha256.get() {
            // `sha256:HEX`, of which the digits are kept.
            let digest = self.digest(Algorithm::Sha256, sha256)?;
            let digits = digest.split_once(':').map_or(digest.as_str(), |(_, digits)| digits);
            AptKeyCheck::Sha256(digits.to_owned())
        } else if let Some(at) = fingerprint.get() {
            AptKeyCheck::Fingerprint(self.fingerprint(at)?)
        } else {
            AptKeyCheck::AsGiven
        };
        let is_unchecked = sha256.key().or(fingerprint.key()).is_none()
            && !["sha256", "fingerprint"].iter().any(|key| is_meant(key, meant));
        if url.key().is_some() && is_unchecked {
            self.problems.add(at.spot, ProblemKind::UncheckedKey);
        }
        let source = if let Some(url) = url.get() {
            AptKeySource::Url(self.url(url)?)
        } else if let Some(file) = file.get() {
            AptKeySource::File(self.file_path(file)?)
        } else {
            let text = text.get()?;
            if text.value.trim().is_empty() {
                self.problems.add(text.spot, ProblemKind::EmptyText);
            }
            AptKeySource::Text(text.value.clone())
        };
        Some(AptKey { source, check })
    }

    /// As gpg shows it, with blanks or without.
    fn fingerprint(&mut self, at: &At<String>) -> Option<String> {
        let digits: String = self.line(at)?.chars().filter(|c| !c.is_whitespace()).collect();
        let is_one = matches!(digits.len(), 40 | 64) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_one {
            self.problems.add(at.spot, ProblemKind::Fingerprint);
        }
        is_one.then(|| digits.to_ascii_uppercase())
    }

    /// What a module is told, filled in.
    pub(super) fn told(&mut self, told: &Told) -> Option<Value> {
        Some(match &told.0 {
            ToldValue::Plain(value) => value.clone(),
            ToldValue::Text(at) => Value::String(self.text(at)?),
            ToldValue::List(items) => {
                let all: Vec<_> = items.iter().map(|item| self.told(item)).collect();
                Value::Array(all.into_iter().collect::<Option<_>>()?)
            }
            ToldValue::Map(entries) => {
                let all: Vec<_> = entries.iter().map(|(key, value)| (key, self.told(value))).collect();
                let all = all.into_iter().map(|(key, value)| Some((key.clone(), value?)));
                Value::Object(all.collect::<Option<Map<_, _>>>()?)
            }
        })
    }
}
