//! Text of apt-get's made fit for a screen: on one line, with no passwords, and escaped and bounded as all
//! [`Foreign`] words are.

use crate::foreign::Foreign;
pub(in crate::apt) use crate::http::{safe_urls, strip_user};

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
