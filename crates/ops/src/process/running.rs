//! A process under way, and what becomes of it when nobody waits for it any more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

use super::Shield;
use crate::env::Env;

/// How long a process that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);

/// A process under way; killed with its group if nobody waits for it to the end, unless its shield is up.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pid: Option<Pid>,
    grouped: bool,
    shield: Shield,
}

impl Running {
    pub(super) fn new(child: Child, grouped: bool, shield: Shield) -> Self {
        shield.started(child.id());
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, pid, grouped, shield }
    }

    /// Reaped: its number may be somebody else's from now on.
    pub(super) fn reaped(&mut self) {
        self.pid = None;
    }

    fn signal(&self, signal: Signal) {
        let Some(pid) = self.pid else { return };
        // One that has ended already is what we want; one that has just begun may not lead a group yet.
        if !self.grouped || kill_process_group(pid, signal).is_err() {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for its end; passes on what its shield is asked.
    async fn end_or_interrupt(&mut self) -> std::io::Result<std::process::ExitStatus> {
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => return status,
                () = self.shield.interrupted() => {
                    if let Some(pid) = self.pid {
                        // One that has ended already is what we want.
                        let _ = kill_process(pid, Signal::INT);
                    }
                }
            }
        }
    }

    /// Waits for its end after it was asked to.
    async fn end(mut self, env: &Env) {
        if self.shield.is_raised() {
            // An error here says that it has ended.
            let _ = self.child.wait().await;
        } else if env.until(env.now().after(GRACE), self.child.wait()).await.is_none() {
            self.signal(Signal::KILL);
            let _ = self.child.wait().await;
        } else if self.grouped {
            // Its children may have ignored the request.
            self.signal(Signal::KILL);
        }
        self.reaped();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.shield.is_raised() {
            self.signal(Signal::KILL);
        }
    }
}

/// The processes whose futures were dropped, until somebody waits for their end.
#[derive(Debug, Default)]
pub(super) struct Ending(Mutex<Vec<Running>>);

impl Ending {
    pub(super) async fn settle(&self, env: &Env) {
        loop {
            let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
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
        Self { ending, running: Some(running) }
    }

    pub(super) async fn wait(mut self) -> std::io::Result<std::process::ExitStatus> {
        let status = match self.running.as_mut() {
            Some(running) => running.end_or_interrupt().await,
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        if let Some(mut running) = self.running.take() {
            running.reaped();
        }
        status
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            if !running.shield.is_raised() {
                running.signal(Signal::TERM);
            }
            self.ending.0.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        }
    }
}
