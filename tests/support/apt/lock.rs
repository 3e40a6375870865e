//! Locks as apt and dpkg take them, held by a process of the lab that is called `unattended-upgr`:
//! this test itself, started again.

use std::fs::OpenOptions;
use std::io::{Read, Write};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::Signal;

use super::lab::AptLab;
use super::running::Running;

const PATH: &str = "VPS_LAB_LOCK";

/// The locks that stand in the way of an install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Whoever runs dpkg has it for the whole time.
    Frontend,
    /// dpkg's own.
    Dpkg,
    /// Of `apt-get update`.
    Lists,
    /// Of apt's own downloads.
    Archives,
}

impl Lock {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Frontend, Self::Dpkg, Self::Lists, Self::Archives];

    /// Its file.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Frontend => "/var/lib/dpkg/lock-frontend",
            Self::Dpkg => "/var/lib/dpkg/lock",
            Self::Lists => "/var/lib/apt/lists/lock",
            Self::Archives => "/var/cache/apt/archives/lock",
        }
    }
}

/// A lock that somebody holds until this is dropped or [released](HeldLock::release).
#[derive(Debug)]
pub struct HeldLock {
    holder: Option<Running>,
}

impl HeldLock {
    pub(super) fn take(lab: &AptLab, lock: Lock) -> Self {
        let program = "/usr/lib/lab/unattended-upgr";
        // Whichever test calls `hold_if_asked` is found by its name.
        let mut command = lab.command(&[program, "the_lock_holder", "--nocapture", "--test-threads=1"]);
        command.env(PATH, lock.path()).stdin(std::process::Stdio::piped());
        let mut holder = Running::start_inside(command);
        holder.wait_to_say("lock held");
        Self { holder: Some(holder) }
    }

    /// The holder's number inside the lab, as apt and dpkg name it.
    ///
    /// # Panics
    /// If the holder is gone.
    #[must_use]
    pub fn pid_inside(&self) -> i32 {
        let outside = self.holder.as_ref().unwrap().pid();
        let status = std::fs::read_to_string(format!("/proc/{outside}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
        line.split_whitespace().last().unwrap().parse().unwrap()
    }

    /// Gives it back; returns when that has happened.
    pub fn release(mut self) {
        self.give_back();
    }

    /// Kills the holder, which gives it back too.
    ///
    /// # Panics
    /// If the holder is gone.
    pub fn kill(mut self) {
        let holder = self.holder.take().unwrap();
        holder.signal(Signal::KILL);
        let _ = holder.wait();
    }

    fn give_back(&mut self) {
        if let Some(mut holder) = self.holder.take() {
            holder.end_input();
            let _ = holder.wait();
        }
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Holds a lock until its input ends, if a lab started this process for that. A test called
/// `the_lock_holder` does nothing but this.
///
/// # Panics
/// If the lock is not to be had.
pub fn hold_if_asked() {
    #[expect(clippy::disallowed_methods, reason = "what the lab asks of the process it starts")]
    let Ok(path) = std::env::var(PATH) else { return };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    let mut stdout = std::io::stdout();
    writeln!(stdout, "lock held").and_then(|()| stdout.flush()).unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
