//! Reading the terminal, by a descriptor of our own: so that it waits for nothing and changes nobody else's.
//!
//! crossterm's own reading goes round and round once the terminal is gone; here that is an end.

use std::io;

use rustix::fs::{Mode, OFlags};
use tokio::net::unix::pipe::Receiver;

/// The terminal's input. Read as a pipe is: whatever can be waited for, and is read by bytes, is one to tokio.
#[derive(Debug)]
pub(crate) struct Input(Receiver);

impl Input {
    /// Opens the terminal again. Needs a runtime.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub(crate) fn open() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |path: &str| rustix::fs::open(path, flags, Mode::empty());
        // The first is there whoever owns the terminal; the second where it is nobody's controlling one.
        let opened = open("/dev/tty").or_else(|_| open("/proc/self/fd/0"))?;
        Ok(Self(Receiver::from_owned_fd_unchecked(opened)?))
    }

    /// What was typed; nothing once the terminal is gone.
    ///
    /// Cancel safe: what is not returned is not read.
    pub(crate) async fn read(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 256];
        loop {
            self.0.readable().await.ok()?;
            match self.0.try_read(&mut bytes) {
                // A hang-up: it stays readable for ever, and has nothing.
                Ok(0) => return None,
                Ok(length) => {
                    bytes.truncate(length);
                    return Some(bytes);
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }
}
