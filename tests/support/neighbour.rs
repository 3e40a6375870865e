//! A neighbour: another user of this machine, who does what he may as long as he is let.

use std::fmt::Display;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Gid, Uid};
use tempfile::TempDir;

use crate::git::snapshot;
use crate::{is_slow, skip};

/// The user that he is.
pub const NEIGHBOUR: u32 = 65_534;

/// Runs that each command has to withstand: in a normal run, and with `cargo xtask test --slow`.
const TRIES: usize = 10;
const MANY_TRIES: usize = 10_000;

/// How often a command is run while he is at work: as `VPS_ATTACK_TRIES` says, else by the sort of test run.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test reads how often it is to try")]
pub fn tries() -> usize {
    let asked = std::env::var("VPS_ATTACK_TRIES").ok().and_then(|tries| tries.parse().ok());
    asked.unwrap_or(if is_slow() { MANY_TRIES } else { TRIES })
}

/// Whether there is another try after `so_far`: until there were `tries`, and beyond that, up to forty times as many,
/// until there was `enough` of what is looked for. Who wins a race is the machine's to say.
#[must_use]
pub const fn goes_on(so_far: usize, tries: usize, enough: bool) -> bool {
    so_far < tries || (!enough && so_far < 40 * tries)
}

/// A place with what is root's and must stay as it is, `etc`, and whose turn it is to change the rest.
#[derive(Debug)]
pub struct Ground {
    place: TempDir,
    before: Vec<String>,
    /// Held by whoever changes something.
    turn: Mutex<()>,
    over: AtomicBool,
    /// What he did that worked.
    deeds: AtomicUsize,
}

impl Ground {
    /// In an empty folder; nothing, after a word, where there can be no neighbour.
    ///
    /// # Panics
    /// If root's part cannot be made.
    #[must_use]
    pub fn new(place: TempDir) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("only root has a neighbour whom it can be");
            return None;
        }
        let at = |name: &str| place.path().join(name);
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(at("etc/d/e")).unwrap();
        let files = [("shadow", 0o600), ("f", 0o644), ("d/f", 0o640), ("d/e/f", 0o640), ("d/x", 0o755)];
        for (file, mode) in files {
            let path = at("etc").join(file);
            fs::write(&path, "root's").unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let before = snapshot(&at("etc"));
        let (turn, over, deeds) = (Mutex::default(), AtomicBool::new(false), AtomicUsize::new(0));
        Some(Self { place, before, turn, over, deeds })
    }

    /// Where something of that name is.
    #[must_use]
    pub fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Whoever has it changes something; all others stand still as long.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether what is root's is as it was.
    ///
    /// # Panics
    /// If it is not: with `what` was done.
    pub fn assert_untouched(&self, what: impl Display) {
        assert_eq!(snapshot(&self.at("etc")), self.before, "{what}");
    }

    /// What he did so far that worked.
    #[must_use]
    pub fn deeds(&self) -> usize {
        self.deeds.load(Ordering::Relaxed)
    }

    /// Has him end when it is dropped, also where a test fails.
    #[must_use]
    pub const fn until_dropped(&self) -> Over<'_> {
        Over(&self.over)
    }

    /// What he does, turn by turn, until it is over; `deeds` says how many of a turn worked. This thread is his from
    /// then on, for good.
    ///
    /// # Panics
    /// If he may do what only root may.
    pub fn haunt(&self, mut deeds: impl FnMut() -> usize) {
        become_neighbour();
        assert!(fs::read(self.at("etc/shadow")).is_err(), "he is root");
        while !self.over.load(Ordering::Relaxed) {
            let turn = self.turn();
            self.deeds.fetch_add(deeds(), Ordering::Relaxed);
            drop(turn);
            std::thread::yield_now();
        }
    }
}

/// A thread may be another user than its process.
fn become_neighbour() {
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_gid(Gid::from_raw(NEIGHBOUR)).unwrap();
    rustix::thread::set_thread_uid(Uid::from_raw(NEIGHBOUR)).unwrap();
}

/// Has him end, also where a test fails.
#[derive(Debug)]
pub struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
