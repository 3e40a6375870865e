//! Ctrl-C and SIGTERM: the first stops cleanly, the second ends us.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vps_ops::env::{Env, Task};

/// What stopped us, if anything did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopped(Arc<AtomicI32>);

impl Stopped {
    pub(crate) fn by(&self) -> Option<Signal> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            15 => Some(Signal::TERM),
            _ => Some(Signal::INT),
        }
    }
}

/// Listens until dropped.
pub(crate) fn listen(
    env: &Env,
    cancel: CancellationToken,
    tell: impl Fn() + Send + 'static,
) -> (Stopped, Option<Task>) {
    let stopped = Stopped::default();
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return (stopped, None);
    };
    let by = stopped.clone();
    let task = env.spawn("signals", async move {
        loop {
            let raw = tokio::select! {
                biased;
                _ = terminate.recv() => 15,
                _ = interrupt.recv() => 2,
            };
            if by.0.swap(raw, Ordering::AcqRel) != 0 {
                raise(if raw == 15 { Signal::TERM } else { Signal::INT });
            }
            tell();
            cancel.cancel();
        }
    });
    (stopped, Some(task))
}

/// Ends the process as the signal would have, so that a shell sees it. Our handler cannot be taken back
/// without unsafe code, but a new program image starts without it: a shell in our place kills itself.
#[expect(clippy::disallowed_methods, reason = "it takes our place instead of being a child")]
pub(crate) fn raise(signal: Signal) {
    use std::os::unix::process::CommandExt;

    let number = signal.as_raw();
    let name = match signal {
        Signal::TERM => "TERM",
        Signal::PIPE => "PIPE",
        _ => "INT",
    };
    // Who started us may ignore the signal, as `nohup` does: then the code has to say it.
    let last = format!("kill -s {name} $$; exit {}", number.saturating_add(128));
    let error = std::process::Command::new("/bin/sh").args(["-c", &last]).exec();
    // Only reached where there is no shell.
    drop(error);
    std::process::exit(number.saturating_add(128));
}
