//! A process under way, and what becomes of it when nobody waits for it any more.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

use super::Shield;
use super::family::Family;
use crate::env::Env;

/// How long a process that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);

/// A process under way; killed with its group if nobody waits for it to the end, unless its shield is up.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    known: Arc<Known>,
}

/// What is known of it by those who do not wait for it.
#[derive(Debug)]
struct Known {
    /// Zero once it is reaped: its number may be somebody else's from then on.
    pid: AtomicI32,
    /// Whether it was waited for. Its number is that of its group from then on, for as long as anybody is in that.
    is_waited: AtomicBool,
    grouped: bool,
    shield: Shield,
    /// What it had started when it was last signalled, where that is not a group of its own.
    family: Mutex<Family>,
}

impl Known {
    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.pid.load(Ordering::Acquire))
    }

    /// Whether it was reached, or is gone.
    fn signal(&self, signal: Signal) -> bool {
        let mut family = self.family.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pid) = self.pid() else {
            family.signal(signal);
            return true;
        };
        if !self.grouped {
            family.and(Family::below(pid));
            family.signal(signal);
        } else if kill_process_group(pid, signal).is_ok() || self.is_waited.load(Ordering::Acquire) {
            return true;
        }
        // One that has ended already is what we want; one that has just begun may not lead a group yet.
        kill_process(pid, signal) != Err(Errno::PERM)
    }
}

impl Running {
    pub(super) fn new(child: Child, grouped: bool, shield: Shield) -> Self {
        shield.started(child.id());
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = AtomicI32::new(pid.map_or(0, |pid| pid.as_raw_nonzero().get()));
        let is_waited = AtomicBool::new(false);
        Self { child, known: Arc::new(Known { pid, is_waited, grouped, shield, family: Mutex::default() }) }
    }

    fn reaped(&self) {
        self.known.pid.store(0, Ordering::Release);
    }

    fn signal(&self, signal: Signal) {
        self.known.signal(signal);
    }

    /// Waits for its end; passes on what its shield is asked.
    async fn end_or_interrupt(&mut self) -> std::io::Result<std::process::ExitStatus> {
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => return status,
                () = self.known.shield.interrupted() => {
                    if let Some(pid) = self.known.pid() {
                        // One that has ended already is what we want.
                        let _ = kill_process(pid, Signal::INT);
                    }
                }
            }
        }
    }

    /// Waits for its end after it was asked to.
    async fn end(mut self, env: &Env) {
        if self.known.shield.is_raised() {
            // An error here says that it has ended.
            let _ = self.child.wait().await;
        } else if env.until(env.now().after(GRACE), self.child.wait()).await.is_none() {
            self.signal(Signal::KILL);
            let _ = self.child.wait().await;
        } else {
            if self.known.grouped {
                self.known.is_waited.store(true, Ordering::Release);
            } else {
                self.reaped();
            }
            // Its children may have ignored the request.
            self.signal(Signal::KILL);
        }
        self.reaped();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.known.shield.is_raised() {
            self.signal(Signal::KILL);
        }
    }
}

/// The processes whose futures were dropped, until somebody waits for their end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    dropped: Mutex<Vec<Running>>,
    all: Mutex<Vec<Weak<Known>>>,
}

impl Ending {
    fn add(&self, running: &Running) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&running.known));
    }

    /// Kills all that run, and gives the numbers of those that work on.
    pub(super) fn abandon(&self) -> Vec<u32> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let running = all.iter().filter_map(Weak::upgrade).filter(|known| known.pid().is_some());
        running
            .filter(|known| known.shield.is_raised() || !known.signal(Signal::KILL))
            .filter_map(|known| known.shield.pid())
            .collect()
    }

    pub(super) async fn settle(&self, env: &Env) {
        loop {
            let next = self.dropped.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(running) = next else { return };
            running.end(env).await;
        }
    }
}

/// Hands a process whose future was dropped over, told to end unless it is shielded.
pub(super) struct Guard<'e> {
    ending: &'e Ending,
    running: Option<Running>,
}

impl<'e> Guard<'e> {
    pub(super) fn new(ending: &'e Ending, running: Running) -> Self {
        ending.add(&running);
        Self { ending, running: Some(running) }
    }

    pub(super) async fn wait(mut self) -> std::io::Result<std::process::ExitStatus> {
        let status = match self.running.as_mut() {
            Some(running) => running.end_or_interrupt().await,
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        if let Some(running) = self.running.take() {
            running.reaped();
        }
        status
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            if !running.known.shield.is_raised() {
                running.signal(Signal::TERM);
            }
            self.ending.dropped.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::Stdio;

    use super::*;

    /// A process in our own group, as a stranger that has a number which was another's. It says what it is told.
    #[expect(clippy::disallowed_methods, reason = "somebody else's process")]
    fn stranger() -> std::process::Child {
        let mut command = std::process::Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn after_the_wait_a_number_is_no_process_of_ours() {
        for is_waited in [true, false] {
            let mut child = stranger();
            let known = Known {
                pid: AtomicI32::new(i32::try_from(child.id()).unwrap()),
                is_waited: AtomicBool::new(is_waited),
                grouped: true,
                shield: Shield::new(),
                family: Mutex::default(),
            };
            assert!(known.signal(Signal::KILL));
            // One that was killed says nothing more.
            let (mut input, mut said) = (child.stdin.take().unwrap(), String::new());
            let _ = input.write_all(b"alive");
            drop(input);
            child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            // One that had no time to lead a group is reached all the same.
            assert_eq!(said == "alive", is_waited, "{said}");
            assert_eq!(child.wait().unwrap().success(), is_waited);
        }
    }
}
