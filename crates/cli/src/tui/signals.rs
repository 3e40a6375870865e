//! What the kernel tells of the terminal and of us while the dashboard is up.

use std::io;

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

use crate::signals::is_ignored;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The window has another size.
    Resized,
    /// We were stopped, and go on.
    Continued,
    /// We are to stop, by Ctrl-Z or by somebody else.
    Stop,
}

/// Listens until dropped.
#[derive(Debug)]
pub(super) struct Signals {
    resized: Listener,
    continued: Listener,
    /// None where who started us wants us to ignore it.
    stop: Option<Listener>,
}

impl Signals {
    /// Begins. Needs a runtime.
    ///
    /// # Errors
    /// Where the system lets nobody listen.
    pub(super) fn listen() -> io::Result<Self> {
        let of = |of: Signal| signal(SignalKind::from_raw(of.as_raw()));
        let stop = if is_ignored(Signal::TSTP) { None } else { Some(of(Signal::TSTP)?) };
        Ok(Self { resized: of(Signal::WINCH)?, continued: of(Signal::CONT)?, stop })
    }

    /// The next one. Cancel safe.
    pub(super) async fn next(&mut self) -> Heard {
        let stop = async {
            match &mut self.stop {
                Some(stop) => stop.recv().await,
                None => None,
            }
        };
        tokio::select! {
            biased;
            Some(()) = stop => Heard::Stop,
            Some(()) = self.continued.recv() => Heard::Continued,
            Some(()) = self.resized.recv() => Heard::Resized,
            else => std::future::pending().await,
        }
    }
}

/// Stops this process until somebody has it go on. Whoever nobody could have go on, the kernel does not stop.
///
/// By SIGTTOU: the handler of SIGTSTP cannot be taken back without unsafe code, and SIGSTOP would stop us for ever
/// where nobody looks after us.
pub(super) fn stop() {
    let _ = kill_process(getpid(), Signal::TTOU);
}
