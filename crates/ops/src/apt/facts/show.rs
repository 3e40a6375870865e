//! Text of apt-get's made fit for a screen: on one line, with no passwords, and escaped and bounded as all
//! [`Foreign`] words are.

use std::borrow::Cow;

use crate::foreign::Foreign;

/// Characters of one message that are shown.
const LONGEST: usize = 600;

/// `text` on one line, with what would move a cursor or hide text escaped, and its URLs made safe.
pub(in crate::apt) fn harmless(text: &str) -> Foreign {
    bounded(text, LONGEST)
}

/// As [`harmless`], with `longest` characters at most.
pub(in crate::apt) fn bounded(text: &str, longest: usize) -> Foreign {
    // Four bytes are the longest character; a huge text is cut before it is looked at.
    let near = text.floor_char_boundary(longest.saturating_mul(4).saturating_add(4096));
    let (start, rest) = text.split_at_checked(near).unwrap_or((text, ""));
    let mut line = String::with_capacity(start.len());
    for word in safe_urls(start).split([' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !rest.is_empty() {
        line.push('…');
    }
    Foreign::bounded(&line, longest)
}

/// `text` with every URL in it free of user, password, and query.
pub(in crate::apt) fn safe_urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>'));
        let (url, tail) = end.and_then(|end| after.split_at_checked(end)).unwrap_or((after, ""));
        shown.push_str(without_user(url.split(['?', '#']).next().unwrap_or_default()));
        if url.contains(['?', '#']) {
            shown.push_str("?****");
        }
        rest = tail;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// A URL without user and password.
pub(in crate::apt) fn strip_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", without_user(rest)),
        None => url.to_owned(),
    }
}

/// What follows `scheme://`, without user and password.
fn without_user(url: &str) -> &str {
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    if let Some((_, host)) = authority.rsplit_once('@') {
        let user = authority.len().saturating_sub(host.len());
        return url.get(user..).unwrap_or_default();
    }
    // A password with an unescaped `/` in it: what looks like a port is none.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port.trim_end_matches(']'));
    match path.rsplit_once('@') {
        Some((_, host)) if !port.bytes().all(|b| b.is_ascii_hexdigit()) => host,
        _ => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_wherever_it_hides() {
        for (text, shown) in [
            ("get http://me:canary@example.com/a?t=canary#canary now", "get http://example.com/a?**** now"),
            ("'http://canary@example.com:80/a'", "'http://example.com:80/a'"),
            ("http://me:can/ary@example.com/a", "http://example.com/a"),
            ("http://a@b:canary@example.com/", "http://example.com/"),
            ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
            ("http://x/?canary http://y:canary@z", "http://x/?**** http://z"),
            ("nothing://", "nothing://"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn what_moves_the_cursor_is_escaped_and_what_never_ends_is_cut() {
        assert_eq!(harmless("a\r\n\x1b[31mb\u{202e}c\u{0}\td"), "a \\u{1b}[31mb\\u{202e}c\\u{0} d");
        let huge = "é".repeat(100_000);
        assert_eq!(harmless(&huge).chars().count(), LONGEST + 1);
        assert_eq!(bounded("abc", 3), "abc");
        assert_eq!(bounded("abcd", 3), "abc…");
        assert_eq!(bounded(&format!("{}x", " ".repeat(9000)), 3), "…");
    }
}
