//! Who has dpkg's front door now, from the lock itself: nothing is said of it yet.

use std::path::{Path, PathBuf};

use crate::apt::facts::{Holder, Lock};
use crate::env::Env;

/// The lock of everybody who has packages installed.
const FRONTEND: &str = "/var/lib/dpkg/lock-frontend";

/// Who has that lock now, without asking for it: for not beginning what would have to be done again.
pub(super) fn held(env: &Env) -> Option<Lock> {
    let path = PathBuf::from(FRONTEND);
    // One that cannot be looked at is apt-get's to find out about.
    let pid = env.fs().record_lock(&path).ok().flatten()?;
    let program = env.fs().read_small(Path::new(&format!("/proc/{pid}/comm")), 64).unwrap_or_default();
    let holder = Holder { pid, program: String::from_utf8_lossy(&program).trim().to_owned().into() };
    Some(Lock { path, holder: (pid != 0).then_some(holder) })
}
