//! As much of HTML as our page is written in.
#![allow(clippy::string_slice, reason = "what is cut at is one byte")]

/// One tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) is_end: bool,
    /// What stands between it and the next tag.
    pub(super) text: String,
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// They have no end.
const VOID: [&str; 4] = ["meta", "link", "br", "!doctype"];

/// The tags of a document, in which each that begins ends where it should.
pub(super) fn tags(text: &str) -> Vec<Tag> {
    let (mut rest, mut found, mut open) = (text, Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        let (inner, after) = until_end(&rest[at + 1..]);
        rest = after;
        let text = rest.split('<').next().unwrap_or_default().trim().to_owned();
        let tag = Tag { text, ..read(inner) };
        if tag.is_end {
            assert_eq!(open.pop().as_deref(), Some(tag.name.as_str()), "{open:?}");
        } else if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        found.push(tag);
    }
    assert!(open.is_empty(), "{open:?}");
    found
}

/// What is within a tag, quoted ends aside, and what follows it.
fn until_end(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return (&text[..at], &text[at + 1..]),
            '<' if !is_quoted => panic!("a tag in a tag: {text}"),
            _ => {}
        }
    }
    panic!("a tag without an end: {text}");
}

fn read(inner: &str) -> Tag {
    let (is_end, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    let (name, mut rest) = inner.split_once([' ', '\n']).unwrap_or((inner, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Tag { name: name.to_ascii_lowercase(), attributes, is_end, text: String::new() };
        }
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let value = match after.strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').unwrap();
                rest = after;
                value
            }
            None => {
                assert!(!after.starts_with('='), "a value without quotes: {inner}");
                rest = after;
                ""
            }
        };
        attributes.push((key.to_ascii_lowercase(), value.to_owned()));
    }
}

#[test]
#[should_panic(expected = "a tag in a tag")]
fn what_is_not_escaped_is_noticed() {
    tags("<p><b <i>x</i></p>");
}
