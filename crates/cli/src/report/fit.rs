//! The last place before a screen, a log, a pipe or a report: whatever is written as a message goes through here, so
//! that what slipped in as it came, from a library's error or a name, moves no cursor and forges no line.

use std::borrow::Cow;

use serde_json::{Map, Value};
use vps_ops::foreign::escaped;

/// One line of a message; our own colours are put around it afterwards.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text)
}

/// Lines of ours: what ends them is, and nothing else that is not seen.
pub(crate) fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(escaped).collect();
    lines.join("\n")
}

/// The same value with every text in it fit to be shown by whoever reads it out.
pub(crate) fn json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(json).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (escaped(&key).into_owned(), json(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[test]
    fn a_message_is_one_line_and_a_text_has_only_our_own() {
        assert_eq!(line("a\nINFO: b\x1b[2J"), r"a\nINFO: b\u{1b}[2J");
        assert_eq!(lines("a\u{202e}\nb\rc\n"), "a\\u{202e}\nb\\rc\n");
    }

    #[test]
    fn no_text_in_a_value_is_left_out() {
        let before = value!({"a\u{9b}": ["b\n", {"c": "\u{202e}"}, 1, null, true]});
        assert_eq!(json(before), value!({r"a\u{9b}": [r"b\n", {"c": r"\u{202e}"}, 1, null, true]}));
    }
}
