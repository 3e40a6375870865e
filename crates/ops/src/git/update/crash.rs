//! Where a kill would hurt most: a test can have an update end at each of these places, and nowhere cleaned up.

use std::path::Path;

/// A change on the disk comes next. In a test that wants it, this is the end.
#[cfg_attr(not(test), expect(clippy::missing_const_for_fn, reason = "in tests it does something"))]
pub(super) fn point(path: &Path) {
    #[cfg(test)]
    planned::count_down(path);
    #[cfg(not(test))]
    let _ = path;
}

#[cfg(test)]
pub(in crate::git) mod planned {
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, PoisonError};

    static ENDS: Mutex<Vec<(PathBuf, u32)>> = Mutex::new(Vec::new());
    static CALLS: Mutex<Vec<(PathBuf, Call)>> = Mutex::new(Vec::new());

    type Call = Box<dyn FnOnce() + Send>;

    /// What works below `folder` calls this at its first place, which is before the plan is written.
    pub(in crate::git) fn at_place_of_plan(folder: &Path, call: impl FnOnce() + Send + 'static) {
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((folder.to_owned(), Box::new(call)));
    }

    /// What works below `folder` ends at the place with this number, from 0.
    pub(in crate::git) fn end_at(folder: &Path, place: u32) {
        let mut ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|(other, _)| other != folder);
        ends.push((folder.to_owned(), place));
    }

    /// Whether it has not ended yet.
    pub(in crate::git) fn is_to_come(folder: &Path) -> bool {
        ENDS.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|(other, _)| other == folder)
    }

    /// Where a path of a descriptor really is.
    fn real(path: &Path) -> PathBuf {
        let descriptor: PathBuf = path.components().take(5).collect();
        match (path.strip_prefix(&descriptor), std::fs::read_link(&descriptor)) {
            (Ok(rest), Ok(real)) if descriptor.starts_with("/proc/self/fd") => real.join(rest),
            _ => path.to_owned(),
        }
    }

    pub(super) fn count_down(path: &Path) {
        let path = &real(path);
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = calls.iter().position(|(folder, _)| path.starts_with(folder)) {
            (calls.remove(at).1)();
        }
        drop(calls);
        let mut ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = ends.iter().position(|(folder, _)| path.starts_with(folder)) else { return };
        if ends[at].1 == 0 {
            ends.remove(at);
            drop(ends);
            // Without a word of its own.
            std::panic::resume_unwind(Box::new("killed"));
        }
        ends[at].1 -= 1;
    }
}
