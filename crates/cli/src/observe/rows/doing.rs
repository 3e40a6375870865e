//! What the operations of one step are at.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vps_breaker::Tick;
use vps_ops::event::{Awaited, EventKind, OperationId};
use vps_ops::foreign::Foreign;
use vps_ops::operation::{Operation, OperationKind};

use super::Said;
use crate::observe::words;
use crate::observe::words::rows as own;

/// A speed is that of the last seconds.
const WINDOW: Duration = Duration::from_secs(5);
/// Of less time no speed is told.
const SHORTEST: Duration = Duration::from_secs(1);
/// How often it is noted how many bytes there are.
const NOTED: Duration = Duration::from_millis(200);

/// The operations of one step.
#[derive(Debug, Default)]
pub(super) struct Doing {
    parts: BTreeMap<OperationId, Part>,
    bytes: Option<Bytes>,
    /// Files there are and will be.
    files: Option<(usize, usize)>,
}

/// One that is under way.
#[derive(Debug)]
struct Part {
    operation: Operation,
    is_root: bool,
    /// The attempt that failed last: its number, of how many, and why.
    failed: Option<(u32, u32, Foreign)>,
    /// When the next attempt is made.
    again: Option<Tick>,
    awaited: Option<Awaited>,
    /// How far it is, in percent, and at what.
    step: Option<(u32, Foreign)>,
}

/// Bytes that come.
#[derive(Debug)]
struct Bytes {
    done: u64,
    total: Option<u64>,
    /// How many there were when, the oldest first.
    noted: VecDeque<(Tick, u64)>,
}

impl Bytes {
    fn note(&mut self, now: Tick, done: u64, total: Option<u64>) {
        if done < self.done {
            // Another attempt begins anew.
            self.noted.clear();
        }
        (self.done, self.total) = (done, total);
        if self.noted.back().is_none_or(|(last, _)| now.since(*last) >= NOTED) {
            self.noted.push_back((now, done));
        }
        while self.noted.len() > 2 && self.noted.front().is_some_and(|(at, _)| now.since(*at) > WINDOW) {
            self.noted.pop_front();
        }
    }

    /// Bytes a second until now: what has stopped coming gets slower and slower.
    fn speed(&self, now: Tick) -> Option<u64> {
        let (at, had) = self.noted.front()?;
        let passed = now.since(*at);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        (passed >= SHORTEST).then(|| self.done.saturating_sub(*had).saturating_mul(1_000) / millis.max(1))
    }
}

/// What is said of a step: the first piece is the most important, and what does not fit is left out from the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) pieces: Vec<String>,
    /// Whether it does not go on as it should.
    pub(super) is_warning: bool,
}

impl Words {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { pieces: vec![text.into()], is_warning: false }
    }

    fn warning(text: String) -> Self {
        Self { pieces: vec![text], is_warning: true }
    }
}

impl Doing {
    pub(super) fn update(&mut self, now: Tick, said: &Said<'_>) {
        let is_root = said.id == said.root;
        match said.kind {
            EventKind::Started => {
                if is_root {
                    *self = Self::default();
                }
                let part = Part {
                    operation: said.operation.clone(),
                    is_root,
                    failed: None,
                    again: None,
                    awaited: None,
                    step: None,
                };
                self.parts.insert(said.id, part);
            }
            EventKind::Succeeded { .. } | EventKind::Failed(_) => {
                self.parts.remove(&said.id);
            }
            EventKind::Progress { done, total, .. } => {
                let fresh = || Bytes { done: 0, total: None, noted: VecDeque::new() };
                self.bytes.get_or_insert_with(fresh).note(now, *done, *total);
                self.goes_on(said.id);
            }
            EventKind::Files { done, total } => self.files = Some((*done, *total)),
            kind => {
                let Some(part) = self.parts.get_mut(&said.id) else { return };
                match kind {
                    EventKind::AttemptFailed { number, of, error, .. } => {
                        part.failed = Some((*number, *of, error.clone()));
                    }
                    EventKind::Retrying { after, .. } => part.again = Some(now.after(*after)),
                    EventKind::Waiting { what, .. } => part.awaited = Some(what.clone()),
                    EventKind::AttemptStarted { .. } => {
                        (part.again, part.awaited, part.step) = (None, None, None);
                    }
                    EventKind::Step { percent, text } => {
                        part.step = Some((percent / 1_000, text.clone()));
                        self.goes_on(said.id);
                    }
                    _ => {}
                }
            }
        }
    }

    fn goes_on(&mut self, id: OperationId) {
        if let Some(part) = self.parts.get_mut(&id) {
            part.awaited = None;
        }
    }

    /// What it is at now; nothing where nothing is known.
    pub(super) fn words(&self, now: Tick) -> Option<Words> {
        // A whole says less than its parts.
        let has_parts = self.parts.values().any(|part| !part.is_root);
        let parts = || self.parts.values().filter(|part| !(has_parts && part.is_root));
        let is_held = |part: &Part| part.again.is_some() || part.awaited.is_some();
        // One of several that waits does not hold up the others.
        if parts().all(is_held)
            && let Some(held) = parts().min_by_key(|part| part.again.unwrap_or(Tick::MAX))
        {
            return Some(Words::warning(held.held(now)));
        }
        let is_fetched = |part: &Part| {
            matches!(part.operation.kind, OperationKind::Download | OperationKind::GitFetch)
                && part.step.is_none()
        };
        if let Some(bytes) = &self.bytes
            && parts().any(is_fetched)
        {
            return Some(self.fetching(bytes, now));
        }
        let newest = parts().next_back()?;
        Some(match &newest.step {
            Some((percent, text)) => {
                Words { pieces: vec![format!("{percent} %: {text}")], is_warning: false }
            }
            None => Words::plain(own::phase(&newest.operation)),
        })
    }

    fn fetching(&self, bytes: &Bytes, now: Tick) -> Words {
        if bytes.total.is_some_and(|total| bytes.done >= total) {
            return Words::plain(format!("checking {}", own::bytes(bytes.done, None)));
        }
        let files = match self.files {
            Some((done, total)) if total > 1 => format!("fetching {done} of {total}"),
            _ => "fetching".to_owned(),
        };
        let mut pieces = vec![files, own::bytes(bytes.done, bytes.total)];
        pieces.extend(bytes.speed(now).map(own::speed));
        Words { pieces, is_warning: false }
    }
}

impl Part {
    /// What it waits for.
    fn held(&self, now: Tick) -> String {
        match (&self.again, &self.awaited) {
            (Some(again), _) => {
                let left = again.since(now).as_secs_f64();
                match &self.failed {
                    Some((number, of, error)) => {
                        let number = words::attempt_of(number.saturating_add(1), *of);
                        format!("retry {number} in {left:.1}s: {error}")
                    }
                    None => format!("retry in {left:.1}s"),
                }
            }
            (None, Some(awaited)) => format!("waits: {}", words::awaited(awaited)),
            (None, None) => own::phase(&self.operation),
        }
    }
}
