//! Bytes of a terminal as keys. Pure.

use super::message::Key;

const ESCAPE: u8 = 0x1b;
/// Longer than any sequence of a key: what does not end by then is none.
const LONGEST: usize = 32;

/// What was read and is no whole key yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    pending: Vec<u8>,
}

impl Keys {
    /// The keys that are whole with these bytes.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while let Some((key, taken)) = first(&self.pending) {
            keys.push(key);
            self.pending.drain(..taken);
        }
        keys
    }

    /// Whether there is a beginning of a key: the escape key alone, or one whose rest is on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing more comes: what the beginning is then.
    pub(crate) fn give_up(&mut self) -> Option<Key> {
        let pending = std::mem::take(&mut self.pending);
        match pending.as_slice() {
            [] => None,
            [ESCAPE] => Some(Key::Esc),
            _ => Some(Key::Other),
        }
    }
}

/// The first key, and how many bytes it has; nothing while its end is missing.
fn first(bytes: &[u8]) -> Option<(Key, usize)> {
    match bytes {
        [] => None,
        [ESCAPE] => None,
        [ESCAPE, ESCAPE, ..] => Some((Key::Esc, 1)),
        // In application mode, the arrows.
        [ESCAPE, b'O', rest @ ..] => {
            let last = rest.first()?;
            Some((named(*last, &[]), 3))
        }
        [ESCAPE, b'[', rest @ ..] => sequence(rest).map(|(key, taken)| (key, taken + 2)),
        // With Alt.
        [ESCAPE, rest @ ..] => first(rest).map(|(_, taken)| (Key::Other, taken + 1)),
        [b'\r' | b'\n', ..] => Some((Key::Enter, 1)),
        [0x7f | 0x08, ..] => Some((Key::Backspace, 1)),
        [control @ 1..=26, ..] => Some((Key::Ctrl(char::from(control - 1 + b'a')), 1)),
        [0..=31, ..] => Some((Key::Other, 1)),
        _ => letter(bytes),
    }
}

/// What stands behind `ESC [`: parameters, and a letter or `~`.
fn sequence(rest: &[u8]) -> Option<(Key, usize)> {
    let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte));
    match end {
        Some(end) => {
            let (parameters, last) = (rest.get(..end)?, rest.get(end)?);
            Some((named(*last, parameters), end + 1))
        }
        None if rest.len() > LONGEST => Some((Key::Other, rest.len())),
        None => None,
    }
}

fn named(last: u8, parameters: &[u8]) -> Key {
    match (last, parameters) {
        (b'A', b"") => Key::Up,
        (b'B', b"") => Key::Down,
        (b'H', b"") | (b'~', b"1" | b"7") => Key::Home,
        (b'F', b"") | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        (b'M', b"") => Key::Enter,
        _ => Key::Other,
    }
}

/// A letter of UTF-8; what is none is passed over.
fn letter(bytes: &[u8]) -> Option<(Key, usize)> {
    let length = match bytes.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((Key::Other, 1)),
    };
    let Some(whole) = bytes.get(..length) else {
        // What cannot go on as a letter need not be waited for.
        let is_letter = bytes.iter().skip(1).all(|byte| (0x80..=0xbf).contains(byte));
        return (!is_letter).then_some((Key::Other, 1));
    };
    match std::str::from_utf8(whole).ok().and_then(|text| text.chars().next()) {
        Some(letter) if !letter.is_control() => Some((Key::Char(letter), length)),
        Some(_) => Some((Key::Other, length)),
        None => Some((Key::Other, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut reader = Keys::default();
        let mut keys = reader.read(bytes);
        keys.extend(reader.give_up());
        keys
    }

    #[test]
    fn keys_are_known_in_both_modes_of_a_terminal() {
        assert_eq!(keys(b"\x1b[A\x1b[B\x1bOA\x1bOB"), [Key::Up, Key::Down, Key::Up, Key::Down]);
        assert_eq!(keys(b"\x1b[5~\x1b[6~"), [Key::PageUp, Key::PageDown]);
        assert_eq!(keys(b"\x1b[H\x1b[F\x1b[1~\x1b[4~"), [Key::Home, Key::End, Key::Home, Key::End]);
        assert_eq!(keys(b"\r\x7f\x03\x1a"), [Key::Enter, Key::Backspace, Key::Ctrl('c'), Key::Ctrl('z')]);
        assert_eq!(keys("jä€".as_bytes()), [Key::Char('j'), Key::Char('ä'), Key::Char('€')]);
    }

    #[test]
    fn an_arrow_that_comes_in_pieces_is_no_escape() {
        let mut reader = Keys::default();
        assert_eq!(reader.read(b"\x1b"), []);
        assert!(reader.is_waiting());
        assert_eq!(reader.read(b"["), []);
        assert_eq!(reader.read(b"A"), [Key::Up]);
        assert!(!reader.is_waiting());
        assert_eq!(reader.read(b"\x1b"), []);
        assert_eq!(reader.give_up(), Some(Key::Esc));
        assert_eq!(reader.give_up(), None);
    }

    #[test]
    fn what_is_no_key_of_ours_does_nothing_and_takes_nothing_along() {
        assert_eq!(keys(b"\x1b[1;5Aj"), [Key::Other, Key::Char('j')]);
        assert_eq!(keys(b"\x1bq"), [Key::Other], "Alt-q is not q");
        assert_eq!(keys(b"\x1b[200~q"), [Key::Other, Key::Char('q')]);
        assert_eq!(keys(&[0xff, b'j', 0xc3]), [Key::Other, Key::Char('j'), Key::Other]);
        assert_eq!(keys(b"\x1b\x1b"), [Key::Esc, Key::Esc]);
    }

    #[test]
    fn bytes_of_any_sort_end() {
        let mut reader = Keys::default();
        for round in 0..2_000u32 {
            let byte = round.wrapping_mul(2_654_435_761).to_be_bytes();
            reader.read(&byte);
            assert!(reader.pending.len() < 64, "{:?}", reader.pending);
        }
        reader.read(&[b"\x1b[".as_slice(), &[b'1'; 500]].concat());
        assert!(!reader.is_waiting(), "a sequence without an end is none");
    }
}
