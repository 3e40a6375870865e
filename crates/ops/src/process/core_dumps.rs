//! No core dump of this process, which holds secrets in memory; those it starts have the limit they would have had.

use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// No dump is as small. To the kernel it also means that none is handed to a program (core(5)), which 0 does not.
const NONE: u64 = 1;

/// The limit that was found, once it was lowered. Held while a process is started.
static BEFORE: Mutex<Option<Rlimit>> = Mutex::new(None);

/// Has the kernel write no core dump of this process from now on: passwords would stand in it. The limit of each process
/// that is started by a [`SystemRunner`](super::SystemRunner) is the one found here.
///
/// # Errors
/// What the system says; then all is as it was.
pub fn forbid_core_dumps() -> io::Result<()> {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_none() {
        let found = getrlimit(Resource::Core);
        lower(found)?;
        *before = Some(found);
    }
    Ok(())
}

/// The hard limit stays, so that the soft one can be raised again.
fn lower(found: Rlimit) -> io::Result<()> {
    let current = found.maximum.map_or(NONE, |most| most.min(NONE));
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(current), ..found })?)
}

/// Starts a process under the limit that was found. There is no way but our own limit to give it one without unsafe
/// code: for that moment it is ours, too.
pub(super) fn started<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(found) = *before else { return start() };
    setrlimit(Resource::Core, found)?;
    let started = start();
    lower(found)?;
    started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_low_but_where_a_process_is_started() {
        let found = getrlimit(Resource::Core);
        forbid_core_dumps().unwrap();
        forbid_core_dumps().unwrap();
        let low = getrlimit(Resource::Core);
        assert!(low.current.is_some_and(|limit| limit <= NONE), "{low:?}");
        assert_eq!(low.maximum, found.maximum);
        assert_eq!(started(|| Ok(getrlimit(Resource::Core))).unwrap(), found);
        assert_eq!(getrlimit(Resource::Core), low);
        started(|| Err::<(), _>(io::ErrorKind::NotFound.into())).unwrap_err();
        assert_eq!(getrlimit(Resource::Core), low, "also where none was");
    }
}
