//! What dpkg has, read once for all steps of a run, and anew once it has changed.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::apt::Installed;
use crate::env::Env;
use crate::env::fs::{FileId, Meta};

/// Its list of packages, below the machine's root.
const STATUS: &str = "var/lib/dpkg/status";
/// What a run of dpkg has not yet written there.
const UPDATES: &str = "var/lib/dpkg/updates";
/// A machine with all packages of a distribution has less.
const LARGEST: u64 = 256 << 20;
/// Of one update, which is of one package.
const LARGEST_UPDATE: u64 = 1 << 20;
/// dpkg itself keeps 250 at most.
const MOST_UPDATES: usize = 10_000;

/// What was read of it last, and what tells whether that still holds.
#[derive(Debug, Default)]
pub(crate) struct Dpkg(Mutex<Option<(Seen, Arc<Installed>)>>);

/// dpkg puts a new file in place of the old one, and adds and removes updates.
#[derive(Debug, PartialEq)]
struct Seen {
    status: (FileId, u64, Duration, Duration),
    updates: Option<(Duration, Duration)>,
}

impl Dpkg {
    /// What is installed; nothing where there is no dpkg.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::plan) fn installed(&self, env: &Env, root: &Path) -> io::Result<Arc<Installed>> {
        let seen = match Seen::of(env, root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Arc::default()),
            seen => seen?,
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, installed)) = &*known
            && *before == seen
        {
            return Ok(Arc::clone(installed));
        }
        let installed = Arc::new(read(env, root)?);
        // What changed while it was read is seen the next time: it was looked at before.
        *known = Some((seen, Arc::clone(&installed)));
        Ok(installed)
    }
}

impl Seen {
    fn of(env: &Env, root: &Path) -> io::Result<Self> {
        let status = env.fs().look_through(&root.join(STATUS))?;
        let updates = env.fs().look_through(&root.join(UPDATES)).ok();
        let times = |meta: Meta| (meta.modified, meta.changed);
        Ok(Self {
            status: (status.id, status.len, status.modified, status.changed),
            updates: updates.map(times),
        })
    }
}

fn read(env: &Env, root: &Path) -> io::Result<Installed> {
    let fs = env.fs();
    // The updates first: what is written from them into the file meanwhile is then read twice, and never not at all.
    let folder = root.join(UPDATES);
    let mut names = match fs.list(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    names.retain(|name| name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit())));
    names.sort();
    names.truncate(MOST_UPDATES);
    let mut updates = Vec::new();
    for name in names {
        match fs.read_small(&folder.join(name), LARGEST_UPDATE) {
            Ok(bytes) => updates.push(text(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let status = text(fs.read_small(&root.join(STATUS), LARGEST)?);
    Ok(Installed::of_status(&status, updates.iter().map(String::as_str)))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "dpkg renames here")]
mod tests {
    use std::fs;

    use super::*;

    fn stanza(name: &str, version: &str) -> String {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n")
    }

    #[test]
    fn it_is_read_once_and_anew_once_dpkg_changed_it() {
        let (place, env, dpkg) = (tempfile::tempdir().unwrap(), Env::real(), Dpkg::default());
        let root = place.path();
        let installed = || dpkg.installed(&env, root).unwrap();
        assert_eq!(installed().iter().count(), 0, "no dpkg, no packages");
        fs::create_dir_all(root.join(UPDATES)).unwrap();
        fs::write(root.join(STATUS), stanza("aa", "1")).unwrap();
        let first = installed();
        assert!(Arc::ptr_eq(&first, &installed()));
        assert!(first.satisfies(&"aa=1".parse().unwrap()));
        fs::write(root.join("new"), stanza("aa", "2")).unwrap();
        fs::rename(root.join("new"), root.join(STATUS)).unwrap();
        assert!(installed().satisfies(&"aa=2".parse().unwrap()));
        fs::write(root.join(UPDATES).join("0001"), stanza("aa", "3")).unwrap();
        fs::write(root.join(UPDATES).join("tmp.i"), stanza("aa", "4")).unwrap();
        assert!(installed().satisfies(&"aa=3".parse().unwrap()), "what a killed dpkg had not yet written");
        // What cannot be read is no list of nothing.
        fs::remove_dir_all(root.join(UPDATES)).unwrap();
        fs::write(root.join(UPDATES), "").unwrap();
        assert_eq!(dpkg.installed(&env, root).unwrap_err().kind(), ErrorKind::NotADirectory);
    }
}
