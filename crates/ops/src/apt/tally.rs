//! The progress of many downloads as that of the one operation they are for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Event, EventKind, Observer, OperationId};

/// Stands between the downloads and who watches: their bytes are summed up, all else is passed on.
pub(crate) struct Tally {
    observer: Arc<dyn Observer>,
    name: &'static str,
    total: u64,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    /// Bytes of each download: there now, and before it began.
    under_way: BTreeMap<OperationId, (u64, u64)>,
    /// Bytes of files that were there already.
    there: u64,
}

impl Tally {
    /// For files of `total` bytes in all.
    pub(crate) fn new(observer: Arc<dyn Observer>, name: &'static str, total: u64) -> Self {
        Self { observer, name, total, files: Mutex::default() }
    }

    /// A file turned out to be there already.
    pub(crate) fn was_there(&self, bytes: u64) {
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
    fn on(&self, event: &Event) {
        let EventKind::Progress { done, resumed_from, .. } = event.kind else {
            self.observer.on(event);
            return;
        };
        let (done, resumed_from) = self.sum(event.operation, done, resumed_from);
        self.observer.on(&Event {
            operation: event.root,
            name: self.name,
            kind: EventKind::Progress { done, total: Some(self.total), resumed_from },
            ..event.clone()
        });
    }
}

#[cfg(test)]
mod tests {
    use vps_breaker::Tick;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(u64, u64, u64)>>);

    impl Observer for Seen {
        fn on(&self, event: &Event) {
            if let EventKind::Progress { done, total, resumed_from } = event.kind {
                assert_eq!((event.operation, event.name), (OperationId(1), "apt_install"));
                self.0.lock().unwrap().push((done, total.unwrap(), resumed_from));
            }
        }
    }

    #[test]
    fn many_files_are_one_bar() {
        let seen = Arc::new(Seen::default());
        let tally = Tally::new(Arc::clone(&seen) as Arc<dyn Observer>, "apt_install", 100);
        let progress = |operation, done, resumed_from| {
            tally.on(&Event {
                at: Tick::from_millis(0),
                operation: OperationId(operation),
                root: OperationId(1),
                name: "download",
                service: None,
                kind: EventKind::Progress { done, total: Some(50), resumed_from },
            });
        };
        progress(2, 10, 5);
        progress(3, 20, 0);
        tally.was_there(30);
        progress(2, 40, 5);
        assert_eq!(*seen.0.lock().unwrap(), [(10, 100, 5), (30, 100, 5), (90, 100, 35)]);
    }
}
