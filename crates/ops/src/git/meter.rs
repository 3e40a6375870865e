//! How far gix is: counters that its progress fills and the attempt reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gix::progress::{Id, MessageLevel, Step, StepShared, Unit};
use gix::{Count, NestedProgress, Progress};

/// What is counted, by gix's ids of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    /// Objects read from the pack.
    objects: Gauge,
    /// Objects put together from others.
    deltas: Gauge,
    /// Objects looked for.
    checked: Gauge,
    /// Files fetched piece by piece.
    pieces: Gauge,
    /// Files checked out.
    files: Gauge,
    /// What the other end said last of a failure of its own.
    failure: Arc<Mutex<Option<String>>>,
}

/// gix's id of what the other end says.
const REMOTE: Id = *b"FERP";

/// Bytes of one saying of the other end that are kept.
const LONGEST: usize = 4096;
#[derive(Clone, Debug, Default)]
struct Gauge {
    done: StepShared,
    of: Arc<AtomicUsize>,
}

impl Gauge {
    fn read(&self) -> Option<(usize, usize)> {
        let (done, of) = (self.done.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed));
        (of > 0).then_some((done.min(of), of))
    }
}

impl Meter {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// What gix is given.
    pub(super) fn progress(&self) -> Reading {
        Reading { meter: self.clone(), gauge: None, id: gix::progress::UNKNOWN }
    }

    /// Files that are there of those that are fetched piece by piece.
    pub(super) fn pieces(&self, done: usize, of: usize) {
        self.pieces.of.store(of, Ordering::Relaxed);
        self.pieces.done.store(done, Ordering::Relaxed);
    }

    /// Objects of the pack that comes now, from its start on.
    pub(super) fn objects(&self) -> usize {
        self.objects.done.load(Ordering::Relaxed)
    }

    /// Another pack comes.
    pub(super) fn next_pack(&self) {
        self.objects.done.store(0, Ordering::Relaxed);
    }

    /// What is going on now, in thousandths of a percent of it.
    pub(super) fn read(&self) -> Option<(u32, String)> {
        let gauges = [
            (&self.files, "checking out", "files"),
            (&self.checked, "checking", "objects"),
            (&self.pieces, "receiving in pieces", "files"),
            (&self.deltas, "resolving", "objects"),
            (&self.objects, "receiving", "objects"),
        ];
        gauges.into_iter().find_map(|(gauge, doing, what)| {
            let (done, of) = gauge.read()?;
            let percent = done.saturating_mul(100_000) / of;
            Some((u32::try_from(percent).unwrap_or(100_000), format!("{doing} {done} of {of} {what}")))
        })
    }

    /// Counts those of this many objects that were looked for.
    pub(super) fn checking(&self, objects: usize) -> StepShared {
        self.checked.of.store(objects, Ordering::Relaxed);
        self.checked.done.clone()
    }

    /// What the other end said of a failure of its own.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn gauge(&self, id: Id) -> Option<Gauge> {
        match &id {
            b"IWIO" => Some(self.objects.clone()),
            b"IWRO" => Some(self.deltas.clone()),
            b"CLCF" => Some(self.files.clone()),
            _ => None,
        }
    }
}

/// One of gix's counters; most are not of interest.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    meter: Meter,
    gauge: Option<Gauge>,
    id: Id,
}

impl Count for Reading {
    fn set(&self, step: Step) {
        if let Some(gauge) = &self.gauge {
            gauge.done.store(step, Ordering::Relaxed);
        }
    }

    fn step(&self) -> Step {
        self.gauge.as_ref().map_or(0, |gauge| gauge.done.load(Ordering::Relaxed))
    }

    fn inc_by(&self, step: Step) {
        if let Some(gauge) = &self.gauge {
            gauge.done.fetch_add(step, Ordering::Relaxed);
        }
    }

    fn counter(&self) -> StepShared {
        self.gauge.as_ref().map_or_else(StepShared::default, |gauge| gauge.done.clone())
    }
}

impl Progress for Reading {
    fn init(&mut self, max: Option<Step>, _unit: Option<Unit>) {
        if let Some(gauge) = &self.gauge {
            gauge.done.store(0, Ordering::Relaxed);
            gauge.of.store(max.unwrap_or(0), Ordering::Relaxed);
        }
    }

    fn set_name(&mut self, _name: String) {}

    fn name(&self) -> Option<String> {
        None
    }

    fn id(&self) -> Id {
        self.id
    }

    fn message(&self, level: MessageLevel, message: String) {
        if self.id == REMOTE && matches!(level, MessageLevel::Failure) {
            let mut said = message.trim().to_owned();
            said.truncate(said.floor_char_boundary(LONGEST));
            *self.meter.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
        }
    }
}

impl NestedProgress for Reading {
    type SubProgress = Self;

    fn add_child(&mut self, _name: impl Into<String>) -> Self {
        self.meter.progress()
    }

    fn add_child_with_id(&mut self, _name: impl Into<String>, id: Id) -> Self {
        Self { gauge: self.meter.gauge(id), meter: self.meter.clone(), id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_ends_failures_are_kept() {
        let meter = Meter::new();
        let mut progress = meter.progress();
        progress.add_child_with_id("index", *b"IWIO").fail("ours".to_owned());
        let remote = progress.add_child_with_id("remote", REMOTE);
        remote.info("counting".to_owned());
        assert_eq!(meter.failure(), None);
        remote.fail("out of\nmemory\n".to_owned());
        assert_eq!(meter.failure().as_deref(), Some("out of\nmemory"));
    }

    #[test]
    fn the_latest_phase_is_told_of() {
        let meter = Meter::new();
        let mut progress = meter.progress();
        assert_eq!(meter.read(), None);
        let mut objects = progress.add_child_with_id("objects", *b"IWIO");
        objects.init(Some(4), None);
        objects.inc();
        assert_eq!(meter.read(), Some((25_000, "receiving 1 of 4 objects".to_owned())));
        let mut files = progress.add_child_with_id("files", *b"CLCF");
        files.init(Some(2), None);
        files.counter().fetch_add(1, Ordering::Relaxed);
        assert_eq!(meter.read(), Some((50_000, "checking out 1 of 2 files".to_owned())));
    }
}
