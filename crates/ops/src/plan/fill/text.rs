//! Texts: filled in, and held against what they must be.

use std::path::PathBuf;
use std::time::Duration;

use super::{Filler, ITEM};
use crate::foreign::Foreign;
use crate::plan::decode::{At, Number};
use crate::plan::expand::{Piece, Reference, pieces};
use crate::plan::problem::ProblemKind;
use crate::plan::secret_text::{Part, SecretText};
use crate::plan::tree::Spot;
use crate::settings::parse_duration;

/// What a plan may come to: a long value, used often, is no longer a plan.
const MOST_TEXT: usize = 64 << 20;
/// What the names of secrets have before them.
pub(super) const SECRET: &str = "secret.";
/// What there is behind `fact.`.
const FACTS: [&str; 7] = ["os", "os_version", "codename", "arch", "hostname", "container", "root"];

impl Filler<'_> {
    /// A text with what its names stand for; no secret.
    pub(super) fn text(&mut self, at: &At<String>) -> Option<String> {
        if !at.value.contains("${") {
            return self.counted(at.spot, at.value.len()).then(|| at.value.clone());
        }
        let filled = self.secret_text(at)?;
        if filled.secrets().next().is_some() {
            self.problems.add(at.spot, ProblemKind::SecretHere);
            return None;
        }
        filled.plain()
    }

    /// A text with what its names stand for, and secrets by their names.
    pub(super) fn secret_text(&mut self, at: &At<String>) -> Option<SecretText> {
        let (mut parts, mut text, mut is_right) = (Vec::new(), String::new(), true);
        for piece in pieces(&at.value) {
            match piece {
                Piece::Text(as_it_is) => text.push_str(as_it_is),
                Piece::Broken(reference) => {
                    let kind = ProblemKind::Reference { reference: Foreign::new(reference.whole) };
                    self.problems.add(spot_of(at, reference), kind);
                    is_right = false;
                }
                Piece::Name(reference) => match self.meaning(reference) {
                    Some(Part::Text(meant)) => {
                        if !self.counted(at.spot, meant.len()) {
                            return None;
                        }
                        text.push_str(&meant);
                    }
                    Some(secret) => {
                        if !text.is_empty() {
                            parts.push(Part::Text(std::mem::take(&mut text)));
                        }
                        parts.push(secret);
                    }
                    None => {
                        self.undefined(at, reference);
                        is_right = false;
                    }
                },
            }
        }
        if !text.is_empty() || parts.is_empty() {
            parts.push(Part::Text(text));
        }
        (is_right && self.counted(at.spot, at.value.len())).then(|| SecretText::new(parts))
    }

    /// What a name stands for.
    fn meaning(&self, reference: Reference<'_>) -> Option<Part> {
        let text = match reference.name.split_once('.') {
            Some(("secret", name)) => {
                return self.secrets.get(&name.parse().ok()?).cloned().map(Part::Secret);
            }
            Some(("fact", name)) => self.fact(name)?,
            _ if reference.name == ITEM => self.item.clone()?,
            _ => self.vars.get(reference.name)?.clone(),
        };
        Some(Part::Text(text))
    }

    pub(super) fn fact(&self, name: &str) -> Option<String> {
        let facts = self.facts;
        Some(match name {
            "os" => facts.os.clone(),
            "os_version" => facts.os_version.clone(),
            "codename" => facts.codename.clone(),
            "arch" => facts.arch.clone(),
            "hostname" => facts.hostname.clone(),
            "container" => facts.container.to_string(),
            "root" => facts.root.to_string(),
            _ => return None,
        })
    }

    fn undefined(&mut self, at: &At<String>, reference: Reference<'_>) {
        // What is wrong with it was said where it stands.
        if self.wrong_names.contains(reference.name) {
            return;
        }
        let facts = FACTS.map(|name| format!("fact.{name}"));
        let secrets: Vec<String> = self.secrets.iter().map(|name| format!("{SECRET}{name}")).collect();
        let known = self.vars.keys().chain(&facts).chain(&secrets).map(String::as_str);
        let near_name = self.problems.suggest.near(reference.name, known);
        let reference_shown = Foreign::new(reference.whole);
        let kind = ProblemKind::Undefined { reference: reference_shown, near_name };
        self.problems.add(spot_of(at, reference), kind);
    }

    /// Counts what was filled in; too much ends it.
    fn counted(&mut self, spot: Spot, bytes: usize) -> bool {
        let was_too_much = self.bytes > MOST_TEXT;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MOST_TEXT && !was_too_much {
            self.problems.add(spot, ProblemKind::TooMuchText);
        }
        self.bytes <= MOST_TEXT
    }

    /// A text that is not empty, in one line.
    pub(super) fn line(&mut self, at: &At<String>) -> Option<String> {
        let text = self.text(at)?;
        if text.is_empty() {
            self.problems.add(at.spot, ProblemKind::EmptyText);
            return None;
        }
        if text.chars().any(char::is_control) {
            self.problems.add(at.spot, ProblemKind::Control);
            return None;
        }
        Some(text)
    }

    /// The same in one word.
    pub(super) fn word(&mut self, at: &At<String>) -> Option<String> {
        let text = self.line(at)?;
        if text.contains(char::is_whitespace) {
            self.problems.add(at.spot, ProblemKind::NotAWord { given: Foreign::bounded(&text, 80) });
            return None;
        }
        Some(text)
    }

    /// An argument of a program: anything but the one character that none can have.
    pub(super) fn argument(&mut self, at: &At<String>) -> Option<String> {
        let text = self.text(at)?;
        if text.contains('\0') {
            self.problems.add(at.spot, ProblemKind::Control);
            return None;
        }
        Some(text)
    }

    pub(super) fn words(&mut self, list: &[At<String>]) -> Vec<String> {
        list.iter().filter_map(|at| self.word(at)).collect()
    }

    /// A path from the plan's folder.
    pub(super) fn path(&mut self, at: &At<String>) -> Option<PathBuf> {
        let text = self.line(at)?;
        Some(self.in_folder(&text))
    }

    pub(super) fn in_folder(&self, text: &str) -> PathBuf {
        // What `.` stands for is taken out, so that equal paths are equal.
        self.folder.join(text).components().collect()
    }

    /// The path of a file, from the plan's folder.
    pub(super) fn file_path(&mut self, at: &At<String>) -> Option<PathBuf> {
        let text = self.line(at)?;
        let path = self.in_folder(&text);
        // `.` at its end is no part of the path any more.
        let is_folder = text.ends_with('/') || text == "." || text.ends_with("/.");
        if is_folder || path.file_name().is_none() {
            self.problems.add(at.spot, ProblemKind::NotAFile { path: Foreign::of_path(&path) });
            return None;
        }
        Some(path)
    }

    /// The path of a folder that is one thing's alone, from the plan's folder.
    pub(super) fn folder_path(&mut self, at: &At<String>) -> Option<PathBuf> {
        let path = self.path(at)?;
        if path.file_name().is_none() {
            self.problems.add(at.spot, ProblemKind::NotAPath);
            return None;
        }
        Some(path)
    }

    pub(super) fn duration(&mut self, at: &At<String>) -> Option<Duration> {
        let text = self.line(at)?;
        match parse_duration(&text) {
            Ok(Duration::ZERO) => {
                self.problems.add(at.spot, ProblemKind::NoTime);
                None
            }
            Ok(duration) => Some(duration),
            Err(invalid) => {
                self.problems.add(at.spot, ProblemKind::Duration(invalid));
                None
            }
        }
    }

    /// A number that fits.
    pub(super) fn number(&mut self, at: &At<Number>, least: u32, most: u32) -> Option<u32> {
        let given = &at.value.0;
        // Rust takes `+5`, too, which plans have no other way to write for.
        let digits = Some(given).filter(|given| given.bytes().all(|digit| digit.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok());
        let fits = number.filter(|number| (least..=most).contains(number));
        if fits.is_none() {
            let kind = ProblemKind::Range { given: Foreign::bounded(given, 80), least, most };
            self.problems.add(at.spot, kind);
        }
        fits
    }
}

/// Where a name stands, as near as can be told.
pub(super) fn spot_of(at: &At<String>, reference: Reference<'_>) -> Spot {
    match at.begins {
        Some(begins) => {
            let length = u32::try_from(reference.whole.chars().count()).unwrap_or(1);
            at.spot.part(begins.saturating_add(reference.from), length)
        }
        None => at.spot,
    }
}
