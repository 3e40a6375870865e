//! How wide a text is on a terminal, and what of it fits.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The column that the times of steps end in, where there is room.
pub(super) const COLUMNS: usize = 80;

/// Columns that a text takes, which was made fit to be shown.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// What fits into `room` columns, and a sign that there was more.
pub(super) fn cut(text: &str, room: usize, unicode: bool) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let more = if unicode { "…" } else { "..." };
    let left = room.saturating_sub(width(more));
    let mut taken = 0;
    let mut kept = String::new();
    for letter in text.chars() {
        taken += letter.width().unwrap_or(0);
        if taken > left {
            break;
        }
        kept.push(letter);
    }
    kept.extend(more.chars().take(room));
    kept
}

/// The text and blanks behind it, up to so many columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wide_takes_two_columns_and_is_never_halved() {
        assert_eq!((width("名a"), cut("名a", 3, true)), (3, "名a".to_owned()));
        assert_eq!(cut("名前名前", 6, true), "名前…");
        assert_eq!(cut("名前名前", 5, false), "名...");
        assert_eq!((cut("abcdef", 2, false), cut("abcdef", 0, true)), ("..".to_owned(), String::new()));
        assert_eq!((padded("名", 4), padded("abc", 2)), ("名  ".to_owned(), "abc".to_owned()));
    }
}
