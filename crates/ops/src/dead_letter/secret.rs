//! Whether a word of a command line looks like a secret. What looks like none may be one all the same: no program
//! knows. But the usual ways to give one away are known.

use std::borrow::Cow;

use crate::http::{safe_urls, safe_word};

/// What the name of an option, a variable or a header has in it whose value is a secret.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api-key",
    "api_key",
    "accesskey",
    "access-key",
    "access_key",
    "credential",
    "private-key",
    "authorization",
];
/// What the name of an option ends in that names the place of a secret, not the secret.
const PLACES: [&str; 7] = ["file", "path", "stdin", "fd", "env", "dir", "url"];
/// What secrets of well-known makers begin with.
const BEGINNINGS: [&str; 12] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "ASIA",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "-----BEGIN",
];

/// Whether any of these words looks like a secret, or has one in it.
pub(super) fn has_secret<'w>(words: impl Iterator<Item = Cow<'w, str>>) -> bool {
    let (mut wants_secret, mut is_user) = (false, false);
    for word in words {
        if wants_secret && !word.starts_with('-') || is_user && word.contains(':') {
            return true;
        }
        wants_secret = false;
        // As curl takes it, with the password behind the colon.
        is_user = ["-u", "--user", "--proxy-user"].contains(&&*word);
        // A script is one word to us and many to a shell.
        let mut parts = word.split(is_between).filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            if is_secret(part) {
                return true;
            }
            if !names_secret(part) {
                continue;
            }
            match parts.peek() {
                Some(next) if !next.starts_with('-') => return true,
                Some(_) => {}
                None => wants_secret = true,
            }
        }
        if safe_urls(&word) != word {
            return true;
        }
    }
    false
}

fn is_between(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\'' | '"' | ';' | '|' | '&' | '(' | ')' | '<' | '>' | '`')
}

/// `--token=x`, `PASSWORD=x`, `user:password`, `ghp_x`.
fn is_secret(part: &str) -> bool {
    let (name, value) = part.split_once(['=', ':']).unwrap_or((part, ""));
    let is_given = !value.is_empty() && is_name_of_secret(name);
    let begins = |text: &str| BEGINNINGS.iter().any(|beginning| text.starts_with(beginning));
    is_given || begins(part) || begins(value) || safe_word(part) != part
}

/// Whether what follows is a secret: `--password x`, `Authorization: x`, `Bearer x`.
fn names_secret(part: &str) -> bool {
    if ["bearer", "basic"].iter().any(|scheme| part.eq_ignore_ascii_case(scheme)) {
        return true;
    }
    let is_option = part.starts_with('-') || part.ends_with([':', '=']);
    is_option && is_name_of_secret(part.trim_end_matches([':', '=']))
}

fn is_name_of_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|word| name.contains(word)) && !PLACES.iter().any(|place| name.ends_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(line: &[&str]) -> bool {
        has_secret(line.iter().map(|word| Cow::Borrowed(*word)))
    }

    #[test]
    fn the_usual_ways_to_give_a_secret_away_are_known() {
        for line in [
            &["curl", "-H", "Authorization: Bearer canary"][..],
            &["curl", "-H", "X-Api-Key: canary"],
            &["curl", "-u", "me:canary", "https://example.com/"],
            &["curl", "https://me:canary@example.com/"],
            &["curl", "https://example.com/?t=canary"],
            &["mysql", "--password=canary"],
            &["x", "--token", "canary"],
            &["env", "DB_PASSWORD=canary", "x"],
            &["sh", "-c", "DB_PASSWORD=canary x"],
            &["sh", "-c", "curl -H 'Authorization: Bearer canary' https://example.com/"],
            &["sh", "-c", "x --client-secret canary"],
            &["git", "clone", "me:canary@host:a"],
            &["x", "ghp_canary"],
            &["x", "--key=AKIACANARY"],
        ] {
            assert!(looks(line), "{line:?}");
        }
    }

    #[test]
    fn what_names_the_place_of_a_secret_is_none() {
        for line in [
            &["sh", "-c", "exit 7"][..],
            &["curl", "-fsSO", "https://example.com/f"],
            &["x", "--password-file", "/etc/x", "--token-file=/etc/y"],
            &["docker", "login", "--password-stdin"],
            &["git", "clone", "git@host:a"],
            &["x", "--token", "--verbose"],
            &["sort", "-u", "file"],
            &["touch", "-d", "10:30", "tokens"],
        ] {
            assert!(!looks(line), "{line:?}");
        }
    }
}
