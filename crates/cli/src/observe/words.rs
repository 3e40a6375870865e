//! The seed's words for what happens, with signs where the terminal can show them.

use std::time::Duration;

/// Words, with or without emoji. The meaning is always in the words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    unicode: bool,
}

impl Words {
    pub(crate) fn new(unicode: bool) -> Self {
        Self { unicode }
    }

    fn sign<'s>(self, emoji: &'s str, ascii: &'s str) -> &'s str {
        if self.unicode { emoji } else { ascii }
    }

    pub(crate) fn started(self, name: &str, target: &str) -> String {
        match name {
            "apt_update" => "Updating APT package lists (with retry protection)...".to_owned(),
            _ => format!("{} (with retry protection)...", gerund(target)),
        }
    }

    pub(crate) fn succeeded(self, name: &str, attempts: u32) -> String {
        let ok = self.sign("✅", "[ok]");
        match (attempts, name) {
            (2.., _) => format!("{ok} Operation succeeded after {attempts} attempts"),
            (_, "apt_update") => format!("{ok} APT update successful"),
            (_, "apt_install") => format!("{ok} Packages installed"),
            (_, "download") => format!("{ok} Download successful"),
            _ => format!("{ok} Operation successful"),
        }
    }

    pub(crate) fn attempt_failed(self, number: u32, error: &str) -> String {
        format!("{} Attempt {number} failed: {}", self.sign("⚠️ ", "[warn]"), capitalised(error))
    }

    pub(crate) fn retrying(self, after: Duration, left: u32) -> String {
        let retries = if left == 1 { "retry" } else { "retries" };
        format!(
            "{} Retrying in {:.1}s... ({left} {retries} left)",
            self.sign("🔄", "[retry]"),
            after.as_secs_f64()
        )
    }

    pub(crate) fn circuit_open(self, service: &str) -> String {
        format!("{} Circuit breaker open: {service}", self.sign("🚨", "[open]"))
    }

    pub(crate) fn all_failed(self, attempts: u32) -> String {
        format!("{} All {attempts} attempts failed", self.sign("❌", "[failed]"))
    }
}

fn capitalised(text: &str) -> String {
    // An address is written as it is.
    if text.split_whitespace().next().is_some_and(|word| word.contains("://")) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `download X` becomes `Downloading X`.
fn gerund(action: &str) -> String {
    match action.split_once(' ') {
        Some(("run", rest)) => format!("Running {rest}"),
        Some(("install", rest)) => format!("Installing {rest}"),
        Some(("download", rest)) => format!("Downloading {rest}"),
        _ => capitalised(action),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_seven_lines_word_for_word() {
        let words = Words::new(true);
        let said = [
            words.started("apt_update", "update package lists"),
            words.succeeded("apt_update", 1),
            words.attempt_failed(1, "connection timeout"),
            words.retrying(Duration::from_millis(1_200), 2),
            words.succeeded("apt_update", 2),
            words.circuit_open("apt_repository"),
            words.all_failed(3),
        ];
        let seed = [
            "Updating APT package lists (with retry protection)...",
            "✅ APT update successful",
            "⚠️  Attempt 1 failed: Connection timeout",
            "🔄 Retrying in 1.2s... (2 retries left)",
            "✅ Operation succeeded after 2 attempts",
            "🚨 Circuit breaker open: apt_repository",
            "❌ All 3 attempts failed",
        ];
        assert_eq!(said, seed);
        let ascii = Words::new(false);
        assert_eq!(ascii.all_failed(3), "[failed] All 3 attempts failed");
        assert_eq!(ascii.attempt_failed(1, "x"), "[warn] Attempt 1 failed: X");
    }
}
