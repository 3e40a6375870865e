//! Secrets are taken out of what a command said.

use secrecy::{ExposeSecret, SecretString};

use crate::process::Kept;

/// What stands where a secret was.
const TAKEN_OUT: &[u8] = b"***";
/// A line of a longer secret is one by itself if it is not shorter.
const SHORTEST_LINE: usize = 8;

/// What was said, without these secrets, and without what may be a piece of one where it was cut.
pub(super) fn scrubbed(kept: &Kept, secrets: &[SecretString]) -> Vec<u8> {
    let patterns = patterns(secrets);
    if kept.left_out == 0 {
        return without(&kept.head, &patterns);
    }
    let piece = patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0);
    let head = kept.head.get(..kept.head.len().saturating_sub(piece)).unwrap_or_default();
    let tail = kept.tail.get(piece.min(kept.tail.len())..).unwrap_or_default();
    let mut text = without(head, &patterns);
    text.extend_from_slice(format!("\n[{} bytes left out]\n", kept.left_out).as_bytes());
    text.extend(without(tail, &patterns));
    text
}

/// A text that is whole, without these secrets.
pub(super) fn without_secrets(text: &[u8], secrets: &[SecretString]) -> Vec<u8> {
    without(text, &patterns(secrets))
}

/// Whether there is one of these secrets in a text, or a line of one.
pub(super) fn holds_any(text: &[u8], secrets: &[SecretString]) -> bool {
    patterns(secrets).iter().any(|pattern| text.windows(pattern.len()).any(|window| window == *pattern))
}

fn patterns(secrets: &[SecretString]) -> Vec<&[u8]> {
    let mut patterns = Vec::new();
    for secret in secrets.iter().map(ExposeSecret::expose_secret) {
        patterns.push(secret.as_bytes());
        patterns.extend(lines_of(secret).map(str::as_bytes));
    }
    patterns.retain(|pattern| !pattern.is_empty());
    patterns
}

/// The lines of a secret that are secrets by themselves.
pub(in crate::plan) fn lines_of(secret: &str) -> impl Iterator<Item = &str> {
    secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE)
}

/// Each byte that belongs to one of them is taken out, also where they overlap.
fn without(text: &[u8], patterns: &[&[u8]]) -> Vec<u8> {
    let mut is_secret = vec![false; text.len()];
    for pattern in patterns {
        for (at, window) in text.windows(pattern.len()).enumerate() {
            if window == *pattern
                && let Some(marks) = is_secret.get_mut(at..at.saturating_add(pattern.len()))
            {
                marks.fill(true);
            }
        }
    }
    let mut clean = Vec::with_capacity(text.len());
    let mut was_secret = false;
    for (byte, is_secret) in text.iter().zip(is_secret) {
        match (was_secret, is_secret) {
            (_, false) => clean.push(*byte),
            (false, true) => clean.extend_from_slice(TAKEN_OUT),
            (true, true) => {}
        }
        was_secret = is_secret;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, secrets: &[&str]) -> String {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        let kept = Kept { head: text.into(), ..Kept::default() };
        String::from_utf8(scrubbed(&kept, &secrets)).unwrap()
    }

    #[test]
    fn no_byte_of_a_secret_is_left_also_where_they_overlap() {
        assert_eq!(of("a canary b", &["canary"]), "a *** b");
        assert_eq!(of("xabcdx", &["abc", "bcd"]), "x***x");
        assert_eq!(of("aaaa", &["aa", ""]), "***");
        assert_eq!(of("nothing", &["some", "\n"]), "nothing");
    }

    #[test]
    fn a_line_of_a_key_is_as_secret_as_the_key() {
        let key = "-----BEGIN\n  0123456789abcdef\n-----END-----\nok\n";
        assert_eq!(of("got 0123456789abcdef, ok", &[key]), "got ***, ok");
    }

    #[test]
    fn what_was_cut_through_is_left_out() {
        let kept = Kept { head: b"head cana".to_vec(), left_out: 7, tail: b"nary tail, canary".to_vec() };
        let clean = scrubbed(&kept, &["canary".into()]);
        assert_eq!(
            String::from_utf8(clean).unwrap(),
            "hea\n[7 bytes left out]\ntail, ***".replace("tail", "ail")
        );
    }
}
