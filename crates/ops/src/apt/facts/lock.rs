//! A lock of apt's or dpkg's, and who holds it.

use std::fmt;
use std::path::PathBuf;

use super::show;
use crate::foreign::Foreign;

/// A lock that somebody holds.
///
/// ```
/// use vps_ops::apt::Lock;
///
/// let text = "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 2180 (unattended-upgr)...";
/// let lock = Lock::waited_for(text).unwrap();
/// assert_eq!(lock.to_string(), "`/var/lib/dpkg/lock-frontend` is held by unattended-upgr (process 2180)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lock {
    /// The lock file, or the folder it is for.
    pub path: PathBuf,
    /// Who has it, where that is said.
    pub holder: Option<Holder>,
}

/// The process that has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its name, cut after 15 characters by the kernel; empty where only the id is known.
    pub program: Foreign,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is held by ", show::harmless(&self.path.to_string_lossy()))?;
        match &self.holder {
            None => f.write_str("another process"),
            Some(Holder { pid, program }) if program.is_empty() => write!(f, "process {pid}"),
            Some(Holder { pid, program }) => write!(f, "{} (process {pid})", show::bounded(program, 40)),
        }
    }
}
