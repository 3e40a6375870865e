//! Names that a plan gives: variables and secrets.

use std::collections::BTreeMap;

use super::text::SECRET;
use super::{Filler, ITEM};
use crate::foreign::Foreign;
use crate::plan::decode::At;
use crate::plan::document::{Document, SecretText};
use crate::plan::expand::{Piece, pieces};
use crate::plan::ids::{SecretName, StepId};
use crate::plan::problem::{HintKind, ProblemKind};
use crate::plan::step::SecretSource;
use crate::plan::tree::Spot;

/// What a shell would take for its own, and what stands for an item of `each`.
const RESERVED: [&str; 5] = [ITEM, "PATH", "HOME", "LANG", "IFS"];
const LONGEST_NAME: usize = 64;

impl Filler<'_> {
    pub(super) fn read_vars(&mut self, document: &Document) {
        for (name, value) in document.vars.get().into_iter().flat_map(|vars| &vars.value.0) {
            let given = || Foreign::bounded(&name.value, 80);
            let wrong = if !is_variable(&name.value) {
                Some(ProblemKind::VariableName { given: given() })
            } else if RESERVED.contains(&&*name.value) {
                Some(ProblemKind::ReservedName { given: given() })
            } else {
                None
            };
            match (wrong, value) {
                (None, Some(value)) => {
                    self.stays_as_it_is(value);
                    self.vars.insert(name.value.clone(), value.value.clone());
                }
                (wrong, _) => {
                    self.wrong_names.insert(name.value.clone());
                    if let Some(kind) = wrong {
                        self.problems.add(name.spot, kind);
                    }
                }
            }
        }
    }

    /// Whoever writes a reference into a value may expect it to be filled in, too.
    pub(super) fn stays_as_it_is(&mut self, value: &At<String>) {
        let first = pieces(&value.value).find_map(|piece| match piece {
            Piece::Name(reference) => Some(reference),
            _ => None,
        });
        if let Some(reference) = first {
            let kind = HintKind::NotLookedThrough { reference: Foreign::new(reference.whole) };
            self.hints.push((value.spot, kind));
        }
    }

    pub(super) fn read_secrets(&mut self, document: &Document) -> BTreeMap<SecretName, SecretSource> {
        let mut sources = BTreeMap::new();
        for (name, source) in document.secrets.get().into_iter().flat_map(|secrets| &secrets.value.0) {
            let source = source.as_ref().and_then(|source| self.source(source));
            match (name.value.parse::<SecretName>(), source) {
                (Ok(known), Some(source)) => {
                    self.secrets.insert(known.clone());
                    sources.insert(known, source);
                }
                (read, _) => {
                    self.wrong_names.insert(format!("{SECRET}{}", name.value));
                    if let Err(reason) = read {
                        let given = Foreign::bounded(&name.value, 80);
                        self.problems.add(name.spot, ProblemKind::Id { given, reason });
                    }
                }
            }
        }
        sources
    }

    fn source(&mut self, source: &At<SecretText>) -> Option<SecretSource> {
        let SecretText { file, credential, env, meant } = &source.value;
        let keys = [("file", file.key()), ("credential", credential.key()), ("env", env.key())];
        self.just_one(source.spot, &keys, meant);
        if let Some(file) = file.get() {
            return self.file_path(file).map(SecretSource::File);
        }
        if let Some(credential) = credential.get() {
            // It is a file's name in a folder.
            let name = self.word(credential)?;
            if name.contains('/') || name.starts_with('.') {
                self.problems.add(credential.spot, ProblemKind::NotAPath);
                return None;
            }
            return Some(SecretSource::Credential(name));
        }
        let env = env.get()?;
        let name = self.word(env)?;
        self.env_name(&name, env.spot).then_some(SecretSource::Env(name))
    }

    pub(super) fn id(&mut self, text: &str, spot: Spot) -> Option<StepId> {
        match text.parse() {
            Ok(id) => Some(id),
            Err(reason) => {
                self.problems.add(spot, ProblemKind::Id { given: Foreign::bounded(text, 80), reason });
                None
            }
        }
    }

    pub(super) fn env_name(&mut self, name: &str, spot: Spot) -> bool {
        let is = !name.is_empty() && !name.contains(['=', '\0']) && !name.chars().any(char::is_whitespace);
        if !is {
            self.problems.add(spot, ProblemKind::EnvName { given: Foreign::bounded(name, 80) });
        }
        is
    }
}

/// A name that a shell takes, too.
pub(super) fn is_variable(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= LONGEST_NAME
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(allowed)
}
