//! How far apt-get is with what it fetches.

use crate::apt::words::StatusLine;
use crate::attempt::Attempt;
use crate::process::Listener;

/// Takes what apt-get fetches for a sign of life; it repeats its last line while nothing comes.
pub(super) struct FetchWatch<'a> {
    attempt: &'a Attempt,
    last: Option<StatusLine>,
}

impl<'a> FetchWatch<'a> {
    pub(super) fn new(attempt: &'a Attempt) -> Self {
        Self { attempt, last: None }
    }
}

impl Listener for FetchWatch<'_> {
    fn hear(&mut self, line: &str) {
        let line = StatusLine::parse(line);
        if line.is_some() && line != self.last {
            self.attempt.answered();
            self.last = line;
        }
    }
}
