//! The progress of many downloads as that of the one operation they are for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vps_retry::Class;

use crate::event::{Event, EventKind, Observer, OperationId, Voice};

/// Stands between the downloads and who watches: their bytes are summed up, all else is passed on.
pub(super) struct Tally {
    observer: Arc<dyn Observer>,
    /// Of what they are for.
    whole: Voice,
    total: u64,
    files: Mutex<Files>,
    /// Whether a server said that it was asked too much.
    overloaded: AtomicBool,
}

#[derive(Default)]
struct Files {
    /// Bytes of each download: there now, and before it began.
    under_way: BTreeMap<OperationId, (u64, u64)>,
    /// Bytes of files that were there already.
    there: u64,
}

impl Tally {
    /// For files of `total` bytes in all, which are fetched for `whole`.
    pub(super) fn new(observer: Arc<dyn Observer>, whole: Voice, total: u64) -> Self {
        Self { observer, whole, total, files: Mutex::default(), overloaded: AtomicBool::new(false) }
    }

    /// Whether an answer so far was 429, 503 or a refusal.
    pub(super) fn is_overloaded(&self) -> bool {
        self.overloaded.load(Ordering::Acquire)
    }

    /// A file turned out to be there already.
    pub(super) fn was_there(&self, bytes: u64) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.there = files.there.saturating_add(bytes);
    }

    fn sum(&self, operation: OperationId, done: u64, resumed: u64) -> (u64, u64) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.under_way.insert(operation, (done, resumed));
        let all = files.under_way.values();
        let (done, resumed) = all.fold((0_u64, 0_u64), |(done, resumed), (its_done, its_resumed)| {
            (done.saturating_add(*its_done), resumed.saturating_add(*its_resumed))
        });
        (done.saturating_add(files.there), resumed.saturating_add(files.there))
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").field("total", &self.total).finish_non_exhaustive()
    }
}

impl Observer for Tally {
    fn on(&self, event: &Event<'_>) {
        if let EventKind::AttemptFailed { class: Class::Throttled { .. } | Class::NotSent, .. } = event.kind {
            self.overloaded.store(true, Ordering::Release);
        }
        let EventKind::Progress { done, resumed_from, .. } = event.kind else {
            self.observer.on(event);
            return;
        };
        let (done, resumed_from) = self.sum(event.id, done, resumed_from);
        let kind = EventKind::Progress { done, total: Some(self.total), resumed_from };
        self.whole.tell(event.service.clone(), kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::event::Teller;
    use crate::operation::{Operation, OperationKind};

    #[derive(Default)]
    struct Seen(Mutex<Vec<(u64, u64, u64)>>);

    impl Observer for Seen {
        fn on(&self, event: &Event<'_>) {
            if let EventKind::Progress { done, total, resumed_from } = event.kind {
                assert_eq!((event.id, event.operation.kind), (OperationId(1), OperationKind::AptInstall));
                self.0.lock().unwrap().push((done, total.unwrap(), resumed_from));
            }
        }
    }

    #[test]
    fn a_server_that_was_asked_too_much_is_remembered() {
        let error = |class| EventKind::AttemptFailed {
            number: 1,
            of: 3,
            class,
            kind: vps_retry::Kind::of(class),
            error: String::new().into(),
            took: std::time::Duration::ZERO,
        };
        for (class, overloaded) in
            [(Class::Throttled { at_least: None }, true), (Class::NotSent, true), (Class::Transient, false)]
        {
            let observer = Arc::new(()) as Arc<dyn Observer>;
            let begin = |id, observer| {
                let operation = Operation::new(OperationKind::Download, "x");
                Teller::begin(Env::real(), observer, OperationId(id), None, operation)
            };
            let whole = begin(1, Arc::clone(&observer));
            let tally = Arc::new(Tally::new(observer, whole.voice().clone(), 100));
            begin(2, Arc::clone(&tally) as _).voice().tell(None, error(class));
            assert_eq!(tally.is_overloaded(), overloaded, "{class:?}");
        }
    }

    #[test]
    fn many_files_are_one_bar() {
        let seen = Arc::new(Seen::default());
        let observer = Arc::clone(&seen) as Arc<dyn Observer>;
        let begin = |id, kind, observer| {
            let operation = Operation::new(kind, "x");
            Teller::begin(Env::real(), observer, OperationId(id), None, operation)
        };
        let whole = begin(1, OperationKind::AptInstall, Arc::clone(&observer));
        let tally = Arc::new(Tally::new(observer, whole.voice().clone(), 100));
        let downloads = [2, 3].map(|id| begin(id, OperationKind::Download, Arc::clone(&tally) as _));
        let progress = |download: &Teller, done, resumed_from| {
            let kind = EventKind::Progress { done, total: Some(50), resumed_from };
            download.voice().tell(None, kind);
        };
        progress(&downloads[0], 10, 5);
        progress(&downloads[1], 20, 0);
        tally.was_there(30);
        progress(&downloads[0], 40, 5);
        assert_eq!(*seen.0.lock().unwrap(), [(10, 100, 5), (30, 100, 5), (90, 100, 35)]);
    }
}
