//! Ctrl-C, SIGTERM, SIGQUIT and a hang-up: the first stops cleanly, the second ends us. And that a file may not grow.

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
            raw => Some(named(raw)),
        }
    }
}

/// The signals we were started to ignore: a shell's background job is not stopped by Ctrl-C, and what
/// `nohup` is to SIGHUP, `trap '' TERM` is to SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ignored(u64);

impl Ignored {
    fn by_who_started_us() -> Self {
        Self::of(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    fn of(status: &str) -> Self {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        Self(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
    }

    fn contains(self, signal: Signal) -> bool {
        self.0 >> (signal.as_raw() - 1) & 1 == 1
    }
}

/// Whether who started us has it ignored; to be asked before anybody listens for it.
#[cfg(feature = "tui")]
pub(crate) fn is_ignored(signal: Signal) -> bool {
    Ignored::by_who_started_us().contains(signal)
}

fn named(raw: i32) -> Signal {
    Signal::from_named_raw(raw).unwrap_or(Signal::INT)
}

/// Listens until dropped, and notes in `by` what came. `tell` is called at the first signal, `last` before the second ends us.
pub(crate) fn listen(
    env: &Env,
    cancel: CancellationToken,
    by: Stopped,
    tell: impl Fn() + Send + 'static,
    last: impl Fn() + Send + 'static,
) -> Option<Task> {
    // Asked before our handlers are there.
    let ignored = Ignored::by_who_started_us();
    hear_of_large_files(ignored);
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup), Ok(mut quit)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
        signal(SignalKind::quit()),
    ) else {
        return None;
    };
    let task = env.spawn("signals", async move {
        loop {
            let signal = tokio::select! {
                biased;
                _ = terminate.recv(), if !ignored.contains(Signal::TERM) => Signal::TERM,
                _ = interrupt.recv(), if !ignored.contains(Signal::INT) => Signal::INT,
                _ = hangup.recv(), if !ignored.contains(Signal::HUP) => Signal::HUP,
                _ = quit.recv(), if !ignored.contains(Signal::QUIT) => Signal::QUIT,
                () = std::future::pending() => return,
            };
            if by.0.swap(signal.as_raw(), Ordering::AcqRel) != 0 {
                last();
                raise(signal);
            }
            tell();
            cancel.cancel();
        }
    });
    Some(task)
}

/// Has a write beyond the limit on a file's size (`ulimit -f`) fail as any other does, instead of ending us without a
/// word. Heard and not ignored: what we start would be given that, and a handler it is not.
fn hear_of_large_files(ignored: Ignored) {
    if !ignored.contains(Signal::XFSZ) {
        // The handler stays, whoever listens. Where there is none, all is as it was.
        drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw())));
    }
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
        Signal::HUP => "HUP",
        Signal::QUIT => "QUIT",
        _ => "INT",
    };
    // Who started us may ignore the signal, as `nohup` does: then the code has to say it.
    let last = format!("kill -s {name} $$; exit {}", number.saturating_add(128));
    let error = std::process::Command::new("/bin/sh").args(["-c", &last]).exec();
    // Only reached where there is no shell.
    drop(error);
    std::process::exit(number.saturating_add(128));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_mask_is_understood() {
        let ignored = Ignored::of("Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001002\n");
        assert!(
            ignored.contains(Signal::INT)
                && ignored.contains(Signal::PIPE)
                && !ignored.contains(Signal::TERM)
        );
        assert_eq!(Ignored::of("nothing of it"), Ignored(0));
    }
}
