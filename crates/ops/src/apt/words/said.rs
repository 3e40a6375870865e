//! What apt-get and dpkg printed, taken apart into messages.

use crate::process::Captured;

/// What a run printed. Ask for it with `LC_ALL=C.UTF-8`: every message is translated otherwise.
///
/// ```
/// use vps_ops::apt::{Said, Severity};
///
/// let said = Said::new(b"", b"E: Unable to locate package nginxx\n");
/// let message = &said.messages()[0];
/// assert_eq!((message.severity, &*message.text), (Severity::Error, "Unable to locate package nginxx"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// How bad apt-get finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// `E:`.
    Error,
    /// `W:`.
    Warning,
    /// `N:`.
    Notice,
    /// `Err:3 ...`: what could not be fetched, the reason in the lines below.
    Fetch,
}

/// One message with the lines that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// Its first line, without the sign.
    pub text: &'a str,
    /// The first of the indented lines below it, empty where there is none.
    pub below: &'a str,
}

impl From<Captured> for Said {
    fn from(captured: Captured) -> Self {
        Self { stdout: captured.stdout, stderr: captured.stderr }
    }
}

/// What a message starts with. apt 3 writes the words in full where its output is the new one.
const SIGNS: [(&str, Severity); 6] = [
    ("E: ", Severity::Error),
    ("W: ", Severity::Warning),
    ("N: ", Severity::Notice),
    ("Error: ", Severity::Error),
    ("Warning: ", Severity::Warning),
    ("Notice: ", Severity::Notice),
];

/// Messages that are looked at of one run.
pub(super) const MOST: usize = 2000;

impl Said {
    /// Of bytes: what is no text is replaced.
    #[must_use]
    pub fn new(stdout: &[u8], stderr: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { stdout: text(stdout), stderr: text(stderr) }
    }

    /// Every line: standard error's first, for apt-get's own words are there. A carriage return ends a
    /// line too: on a terminal, dpkg writes over its own.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.stderr.split(['\n', '\r']).chain(self.stdout.split(['\n', '\r']))
    }

    /// apt-get's messages, standard error's first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message<'_>> {
        let mut found = Vec::new();
        let mut lines = self.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((severity, text)) = signed(line) else { continue };
            let below = lines.peek().filter(|next| next.starts_with(' ')).map_or("", |next| next.trim());
            found.push(Message { severity, text: text.trim(), below });
            if found.len() == MOST {
                break;
            }
        }
        found
    }
}

fn signed(line: &str) -> Option<(Severity, &str)> {
    if let Some((number, text)) = line.strip_prefix("Err:").and_then(|rest| rest.split_once(' ')) {
        return number.bytes().all(|b| b.is_ascii_digit()).then_some((Severity::Fetch, text));
    }
    SIGNS.iter().find_map(|(sign, severity)| Some((*severity, line.strip_prefix(sign)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_line_below() {
        let said = Said::new(
            b"Get:1 x\nErr:2 http://example.com stable InRelease\n  404  Not Found\nErr:x no\n",
            b"W: first\nnoise\nE: second\n   because\n   of this\nN: third\nError: fourth",
        );
        let found: Vec<_> = said.messages().iter().map(|m| (m.severity, m.text, m.below)).collect();
        assert_eq!(
            found,
            [
                (Severity::Warning, "first", ""),
                (Severity::Error, "second", "because"),
                (Severity::Notice, "third", ""),
                (Severity::Error, "fourth", ""),
                (Severity::Fetch, "http://example.com stable InRelease", "404  Not Found"),
            ]
        );
    }
}
