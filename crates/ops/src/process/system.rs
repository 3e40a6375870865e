//! Processes of this machine.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};

use super::{CommandError, Ended, ProcessSpec, Runner};
use crate::env::Env;

/// How long a process that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);

/// Starts real processes.
///
/// Away from a terminal each gets a process group of its own, so that all it starts ends with it. At a
/// terminal it stays in ours, or it could not read from it; then only the process itself is signalled,
/// and Ctrl-C reaches the others from the terminal.
#[derive(Debug, Default)]
pub struct SystemRunner {
    ending: Mutex<Vec<Running>>,
}

impl SystemRunner {
    /// A runner.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn keep(&self, running: Running) {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    }
}

/// A process under way; killed with its group if nobody waits for it to the end.
#[derive(Debug)]
struct Running {
    child: Child,
    pid: Option<Pid>,
    grouped: bool,
}

impl Running {
    fn signal(&self, signal: Signal) {
        let Some(pid) = self.pid else { return };
        // One that has ended already is what we want.
        let _ = if self.grouped { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.pid.is_some() {
            self.signal(Signal::KILL);
        }
    }
}

/// Hands a process whose future was dropped to the runner, told to end.
struct Guard<'r> {
    runner: &'r SystemRunner,
    running: Option<Running>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.signal(Signal::TERM);
            self.runner.keep(running);
        }
    }
}

#[async_trait]
impl Runner for SystemRunner {
    async fn run(&self, env: &Env, spec: &ProcessSpec) -> Result<Ended, CommandError> {
        self.settle(env).await;
        let at_terminal = rustix::termios::isatty(rustix::stdio::stdin());
        let child = spawn(spec, !at_terminal).map_err(|source| not_started(spec, source))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let mut guard = Guard { runner: self, running: Some(Running { child, pid, grouped: !at_terminal }) };
        let status = match guard.running.as_mut() {
            Some(running) => running.child.wait().await,
            None => return Err(not_started(spec, io::ErrorKind::NotFound.into())),
        };
        if let Some(mut running) = guard.running.take() {
            // Reaped: its number may be somebody else's from now on.
            running.pid = None;
        }
        status.map(ended).map_err(|source| not_started(spec, source))
    }

    async fn settle(&self, env: &Env) {
        let ending = std::mem::take(&mut *self.ending.lock().unwrap_or_else(PoisonError::into_inner));
        for mut running in ending {
            if env.until(env.now().after(GRACE), running.child.wait()).await.is_none() {
                running.signal(Signal::KILL);
                // Killed, so it ends; an error here says that it has.
                let _ = running.child.wait().await;
            } else if running.grouped {
                // Its children may have ignored the request.
                running.signal(Signal::KILL);
            }
            running.pid = None;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
fn spawn(spec: &ProcessSpec, grouped: bool) -> io::Result<Child> {
    let mut command = Command::new(&spec.program);
    command.args(&spec.args).kill_on_drop(true);
    if grouped {
        command.process_group(0);
    }
    command.spawn()
}

fn not_started(spec: &ProcessSpec, source: io::Error) -> CommandError {
    match source.kind() {
        io::ErrorKind::NotFound => CommandError::NotFound { program: spec.name() },
        _ => CommandError::NotExecutable { program: spec.name(), source },
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or(0)),
    }
}
