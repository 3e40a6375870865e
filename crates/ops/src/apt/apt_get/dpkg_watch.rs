//! How far dpkg is, from its status lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::apt::words::{StatusLine, StatusSummary};
use crate::attempt::Attempt;
use crate::process::Listener;

/// Hears dpkg's status lines: tells of its steps, and remembers whether it has begun.
pub(super) struct DpkgWatch<'a> {
    attempt: &'a Attempt,
    seen: Seen,
    summary: StatusSummary,
    last: Option<StatusLine>,
}

/// Whether dpkg has begun; told while somebody else holds the watch.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<AtomicBool>);

impl Seen {
    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<'a> DpkgWatch<'a> {
    pub(super) fn new(attempt: &'a Attempt) -> Self {
        Self { attempt, seen: Seen::default(), summary: StatusSummary::default(), last: None }
    }

    /// For a program that is dpkg itself: it has begun, and says nothing on the way.
    pub(super) fn of_dpkg(attempt: &'a Attempt) -> Self {
        let watch = Self::new(attempt);
        watch.seen.0.store(true, Ordering::Release);
        Self { summary: StatusSummary { pm_started: true, ..StatusSummary::default() }, ..watch }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    pub(super) fn summary(self) -> StatusSummary {
        self.summary
    }
}

impl Listener for DpkgWatch<'_> {
    fn hear(&mut self, line: &str) {
        let Some(line) = StatusLine::parse(line) else { return };
        if self.last.as_ref() == Some(&line) {
            return;
        }
        self.summary.see(&line);
        if self.summary.pm_started {
            self.seen.0.store(true, Ordering::Release);
        }
        if let StatusLine::Package { percent, text, .. } = &line {
            self.attempt.step(*percent, text);
        }
        self.last = Some(line);
    }
}
