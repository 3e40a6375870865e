//! What there is to be seen, made once for all who ask within the same second.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use vps_ops::env::Env;
use vps_ops::watch::{Board, Watch};

use crate::report::{document, one_line};

/// While nothing counts down, what is shown is at most so many seconds old.
const CALM: u64 = 10;

/// A watch, and what was made of it last.
#[derive(Debug)]
pub(crate) struct Views {
    watch: Arc<Watch>,
    env: Env,
    /// Tells this process from the one before it, whose versions began anew, too.
    nonce: u64,
    board: Mutex<Option<Shown<Arc<Board>>>>,
    json: Mutex<Option<Shown<Bytes>>>,
}

/// Something made of what there was to see at one moment.
#[derive(Debug)]
struct Shown<T> {
    version: u64,
    second: u64,
    it: T,
}

impl Views {
    pub(crate) fn new(env: &Env, watch: Arc<Watch>) -> Self {
        let (board, json) = (Mutex::new(None), Mutex::new(None));
        Self { watch, nonce: env.next_u64(), env: env.clone(), board, json }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// All there is to see, not older than a second.
    pub(crate) fn board(&self) -> Arc<Board> {
        self.shown(&self.board, |_| Arc::new(self.watch.board()))
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> Bytes {
        self.shown(&self.json, |before| {
            // Gone before the next is made, so that there are never two; that one is about as long.
            let length = before.map_or(0, |before| before.len());
            json(&document::Health::of_watch(&self.watch), length)
        })
    }

    /// A name for what is to be seen, which is another one once that is something else. A weak one: ages and times
    /// count on below it, for at most ten seconds, or not at all where one counts down.
    pub(super) fn tag(&self) -> String {
        let (version, second) = (self.watch.version(), self.env.wall().as_secs());
        let (kind, slot) = if self.watch.is_counting() { ('c', second) } else { ('q', second / CALM) };
        format!("W/\"{:016x}-{version}-{kind}{slot}\"", self.nonce)
    }

    /// What is shown, made anew by `make` of what was shown before, where something changed or its second is over.
    fn shown<T: Clone>(&self, last: &Mutex<Option<Shown<T>>>, make: impl FnOnce(Option<T>) -> T) -> T {
        let (version, second) = (self.watch.version(), self.env.wall().as_secs());
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = last.as_ref().filter(|shown| (shown.version, shown.second) == (version, second))
        {
            return shown.it.clone();
        }
        let before = last.take().map(|shown| shown.it);
        last.insert(Shown { version, second, it: make(before) }).it.clone()
    }
}

/// As `health --json` prints it, in one line, which is expected to be of about this length.
fn json(document: &document::Health<'_>, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + length / 32);
    match serde_json::to_writer(&mut bytes, document) {
        // What is plain needs no escaping, which would take longer than all the rest.
        Ok(()) if is_plain(&bytes) => bytes.into(),
        _ => one_line(document).into(),
    }
}

/// Whether nothing in it does something else than to be seen.
fn is_plain(json: &[u8]) -> bool {
    // Nearly always there is no escape at all, and block by block that is known at once.
    let is_seen = |block: &[u8]| {
        block.iter().fold(true, |all, &byte| all & (0x20..0x7f).contains(&byte) & (byte != b'\\'))
    };
    if json.chunks(256).all(is_seen) {
        return true;
    }
    let mut before = 0;
    json.iter().all(|&byte| {
        let is_escape = before == b'\\' && byte != b'"' && byte != b'\\';
        before = byte;
        (0x20..0x7f).contains(&byte) && !is_escape
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_escaped_for_people_is_known_in_json() {
        let plain = |text: &str| is_plain(serde_json::to_string(text).unwrap().as_bytes());
        for text in ["", "a \"word\"", "C:\\", "<b>", "\\\\\""] {
            assert!(plain(text), "{text:?}");
        }
        for text in ["a\nb", "\u{1b}[2J", "\u{202e}", "\u{7f}", "\u{9b}", "ü"] {
            assert!(!plain(text), "{text:?}");
        }
    }
}
