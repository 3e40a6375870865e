//! Passwords from a `.netrc` file.

use std::fmt;

use secrecy::SecretString;
use thiserror::Error;

/// A file that is not netrc. Names the line, never its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetrcError {
    /// A word that means nothing where it stands.
    #[error("line {0} of the netrc file has a word that is not understood")]
    Unexpected(usize),
    /// A keyword without its value.
    #[error("line {0} of the netrc file ends where a value was expected")]
    Incomplete(usize),
}

/// The entries of a netrc file: `machine HOST login USER password SECRET`, `default`, `account`,
/// `macdef`, comments from `#` at the start of a word, values in double quotes.
///
/// ```
/// use vps_ops::http::Netrc;
///
/// let netrc = Netrc::parse("# mine\nmachine example.com\n  login me\n  password \"a b\"").unwrap();
/// assert_eq!(netrc.find("EXAMPLE.com").unwrap().login, "me");
/// assert!(netrc.find("example.org").is_none());
/// ```
#[derive(Clone, Default)]
pub struct Netrc {
    entries: Vec<(Option<String>, NetrcEntry)>,
}

/// What a netrc file says of one host.
#[derive(Clone, Debug, Default)]
pub struct NetrcEntry {
    /// The user.
    pub login: String,
    /// The password.
    pub password: SecretString,
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netrc").field("entries", &self.entries.len()).finish()
    }
}

impl Netrc {
    /// Reads a file's content.
    ///
    /// # Errors
    /// [`NetrcError`] names the first line that is not understood.
    pub fn parse(text: &str) -> Result<Self, NetrcError> {
        let mut netrc = Self::default();
        let mut words = words(text).into_iter();
        while let Some((line, word)) = words.next() {
            let mut value = || words.next().map(|(_, value)| value).ok_or(NetrcError::Incomplete(line));
            let entry = netrc.entries.last_mut().map(|(_, entry)| entry);
            match (word.as_str(), entry) {
                ("machine", _) => netrc.entries.push((Some(value()?), NetrcEntry::default())),
                ("default", _) => netrc.entries.push((None, NetrcEntry::default())),
                ("login", Some(entry)) => entry.login = value()?,
                ("password", Some(entry)) => entry.password = value()?.into(),
                ("account", Some(_)) => drop(value()?),
                _ => return Err(NetrcError::Unexpected(line)),
            }
        }
        Ok(netrc)
    }

    /// The first entry for `host` by its name.
    pub(super) fn find_named(&self, host: &str) -> Option<&NetrcEntry> {
        let is_it = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host));
        self.entries.iter().find(|(name, _)| is_it(name)).map(|(_, entry)| entry)
    }

    /// The first entry for `host`, or the default one, that is `login`'s: who says in a URL which user they are
    /// leaves only the password to the file.
    pub(super) fn find_of(&self, host: &str, login: &[u8]) -> Option<&NetrcEntry> {
        let matches =
            |name: &Option<String>| name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(host));
        let found =
            self.entries.iter().find(|(name, entry)| matches(name) && entry.login.as_bytes() == login);
        found.map(|(_, entry)| entry)
    }

    /// The first entry for `host`, else the default one.
    #[must_use]
    pub fn find(&self, host: &str) -> Option<&NetrcEntry> {
        let matches =
            |name: &Option<String>| name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(host));
        self.entries.iter().find(|(name, _)| matches(name)).map(|(_, entry)| entry)
    }
}

/// The words of a file with their lines; macros and comments are left out.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for (line, content) in text.lines().enumerate() {
        // A macro ends at the first empty line.
        in_macro &= !content.trim().is_empty();
        let mut rest = content.trim_start();
        while !in_macro && !rest.is_empty() && !rest.starts_with('#') {
            let (word, after) = word(rest);
            rest = after.trim_start();
            in_macro = word == "macdef";
            if !in_macro {
                words.push((line + 1, word));
            }
        }
    }
    words
}

/// The first word of a text that begins with one, and what follows it.
fn word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut signs = text.chars();
    let quoted = text.starts_with('"');
    if quoted {
        signs.next();
    }
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted => break,
            sign if !quoted && sign.is_whitespace() => break,
            '\\' => word.extend(signs.next()),
            sign => word.push(sign),
        }
    }
    (word, signs.as_str())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn quotes_escapes_macros_comments_and_default() {
        let text = "machine a login \"x y\" password \"q\\\"q\" # end\nmacdef init\nmachine evil login e\n\n\
                    machine b login u account z password p#1\ndefault login anonymous password none";
        let netrc = Netrc::parse(text).unwrap();
        let find = |host| netrc.find(host).map(|e| (e.login.as_str(), e.password.expose_secret())).unwrap();
        assert_eq!(find("a"), ("x y", "q\"q"));
        assert_eq!(find("b"), ("u", "p#1"));
        assert_eq!(find("evil"), ("anonymous", "none"));
    }

    #[test]
    fn errors_name_the_line_and_nothing_else() {
        assert_eq!(Netrc::parse("machine a\ncanary").unwrap_err(), NetrcError::Unexpected(2));
        assert_eq!(Netrc::parse("login a").unwrap_err(), NetrcError::Unexpected(1));
        assert_eq!(Netrc::parse("machine a\n\npassword").unwrap_err(), NetrcError::Incomplete(3));
        assert!(!format!("{:?}", Netrc::parse("machine a password canary")).contains("canary"));
    }
}
