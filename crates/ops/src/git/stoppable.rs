//! Readers and writers that end when they are told to: what gix does with them hears a stop that gix itself does not
//! look for.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use gix::objs::{Data, Find};
use gix::oid;

use super::GitError;

/// Whether to go on.
pub(super) fn stopped(stop: &AtomicBool) -> Result<(), GitError> {
    if stop.load(Ordering::Relaxed) { Err(GitError::Stopped) } else { Ok(()) }
}

/// Finds objects until it is told to stop.
pub(super) struct Stoppable<'a, T> {
    pub(super) inner: T,
    pub(super) stop: &'a AtomicBool,
}

impl<T> Stoppable<'_, T> {
    fn going(&self) -> io::Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(io::Error::other("stopped before it was done")),
            false => Ok(()),
        }
    }
}

impl<T: Find> Find for Stoppable<'_, T> {
    fn try_find<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> gix::Result<Option<Data<'a>>> {
        self.going().map_err(gix::Error::from_error)?;
        self.inner.try_find(id, buffer)
    }
}

impl<T: Write> Write for Stoppable<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.going()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_any_more_once_it_is_stopped() {
        let stop = AtomicBool::new(false);
        let mut writer = Stoppable { inner: Vec::new(), stop: &stop };
        writer.write_all(b"ab").unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(writer.write_all(b"cd").is_err());
        assert_eq!(writer.inner, b"ab");
        assert!(matches!(stopped(&stop), Err(GitError::Stopped)));
    }
}
