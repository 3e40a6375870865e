//! What there is to be seen, made once for all who ask within the same second.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use vps_ops::env::Env;
use vps_ops::watch::{Board, Watch};

use crate::report::{document, one_line};

/// While nothing counts down, what is shown is at most so many seconds old.
const CALM: u64 = 10;

/// The board of a watch, and what is made of it.
#[derive(Debug)]
pub(crate) struct Views {
    watch: Arc<Watch>,
    env: Env,
    /// Tells this process from the one before it, whose versions began anew, too.
    nonce: u64,
    last: Mutex<Option<Shown>>,
}

/// All of one moment.
#[derive(Clone, Debug)]
struct Shown {
    version: u64,
    second: u64,
    /// Whether what is shown is another thing each second: an open circuit, an operation that is under way.
    is_counting: bool,
    board: Arc<Board>,
    json: Option<Bytes>,
}

impl Views {
    pub(crate) fn new(env: &Env, watch: Arc<Watch>) -> Self {
        Self { watch, nonce: env.next_u64(), env: env.clone(), last: Mutex::new(None) }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// All there is to see, not older than a second.
    pub(crate) fn board(&self) -> Arc<Board> {
        self.with_shown(1, |shown| Arc::clone(&shown.board))
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> Bytes {
        self.with_shown(1, |shown| {
            let board = &shown.board;
            shown.json.get_or_insert_with(|| json(board)).clone()
        })
    }

    /// A name for what is to be seen, which is another one once that is something else. A weak one: ages and times
    /// count on below it, for at most ten seconds, or not at all where one counts down.
    pub(super) fn tag(&self) -> String {
        let (version, is_counting) = self.with_shown(CALM, |shown| (shown.version, shown.is_counting));
        let second = self.env.wall().as_secs();
        let (kind, slot) = if is_counting { ('c', second) } else { ('q', second / CALM) };
        format!("W/\"{:016x}-{version}-{kind}{slot}\"", self.nonce)
    }

    /// Calls `then` with what is shown, made anew where something changed, or its seconds are over.
    fn with_shown<T>(&self, seconds: u64, then: impl FnOnce(&mut Shown) -> T) -> T {
        let (version, second) = (self.watch.version(), self.env.wall().as_secs());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = last.as_ref().is_some_and(|shown| {
            let seconds = if shown.is_counting { 1 } else { seconds };
            shown.version == version && shown.second / seconds == second / seconds
        });
        let fresh = last.take().filter(|_| is_fresh);
        let shown = fresh.unwrap_or_else(|| {
            let board = Arc::new(self.watch.board());
            let is_counting =
                !board.running.is_empty() || board.rows.iter().any(|row| row.circuit.retry_after.is_some());
            Shown { version, second, is_counting, board, json: None }
        });
        then(last.insert(shown))
    }
}

/// As `health --json` prints it, in one line.
fn json(board: &Board) -> Bytes {
    let document = document::Health::of(board);
    match serde_json::to_vec(&document) {
        // What is plain needs no escaping, which would take longer than all the rest.
        Ok(bytes) if is_plain(&bytes) => bytes.into(),
        _ => one_line(&document).into(),
    }
}

/// Whether nothing in it does something else than to be seen.
fn is_plain(json: &[u8]) -> bool {
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
