//! The part: bytes of a file that is not complete, locked by whoever writes them.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;
use tokio::sync::oneshot;

use super::checksum::Algorithm;
use super::hash::Running;
use super::place::Place;
use super::record::{Origin, Record};
use crate::env::Env;
use crate::env::fs::FsFile;

/// Bytes between two calls to the disk to begin writing.
const WRITEBACK: u64 = 8 << 20;

/// Bytes between two records of what would survive a power loss.
const CHECKPOINT: u64 = 64 << 20;

/// Bytes that a run which is killed may lose, where its part says itself that it is ours: a record costs more than to
/// fetch them again.
const UNRECORDED: u64 = 64 << 10;

/// The mode of a part that is ours and empty to whoever finds it, whatever is in it. No other file has it: the sticky
/// bit does nothing on one. A file's mode is on the disk no later than its length.
pub(super) const MARK: u32 = 0o1600;

/// Bytes that are worth a sync between two attempts.
const WORTH_A_SYNC: u64 = 1 << 20;

/// Bytes received, and of what file they are. Dropped, it is kept with a record if another run
/// could go on with it, and removed otherwise.
pub(super) struct Part {
    pub(super) env: Env,
    pub(super) file: Arc<dyn FsFile>,
    /// `None` is a file without a name.
    pub(super) place: Option<Place>,
    /// Whether the caller wants it kept.
    pub(super) resume: bool,
    /// Bytes it has.
    pub(super) written: u64,
    /// Of what; `None` is of nothing that could be gone on with.
    pub(super) origin: Option<Origin>,
    /// The digest of all of it, where one is under way.
    pub(super) running: Option<Running>,
    /// Bytes that would survive a power loss, and their digest.
    pub(super) synced: (u64, Option<String>),
    /// Whether it has the [`MARK`].
    pub(super) marked: bool,
    /// Whether a record stands on the disk.
    pub(super) recorded: bool,
    /// Whether the record is to be written again, or for the first time.
    pub(super) record_is_due: bool,
    /// Up to where the disk was asked to begin writing.
    pub(super) written_back: u64,
    pub(super) checkpoint: Option<Checkpoint>,
    /// Whether it has become the file, or was removed.
    pub(super) gone: bool,
}

/// A sync under way: how far it goes, and when it is done.
pub(super) struct Checkpoint {
    upto: u64,
    digest: Option<String>,
    done: oneshot::Receiver<io::Result<()>>,
}

impl Part {
    /// What errors call it.
    pub(super) fn path(&self) -> PathBuf {
        self.place.as_ref().map_or_else(|| "the temporary file".into(), |place| place.shown.clone())
    }

    /// Whether another run, or the next attempt, can go on with it.
    pub(super) fn is_resumable(&self) -> bool {
        self.resume && self.written > 0 && self.origin.as_ref().is_some_and(Origin::is_resumable)
    }

    /// Whether another run will find it.
    pub(super) fn is_kept(&self) -> bool {
        let (Some(place), Some(origin)) = (&self.place, &self.origin) else { return false };
        !self.gone && self.is_resumable() && place.keeps(origin)
    }

    /// Appends a batch.
    pub(super) fn append(&mut self, batch: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
        self.file.write_all_at(&mut slices, self.written)?;
        for bytes in batch {
            self.written = self.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        if self.written - self.written_back >= WRITEBACK {
            self.file.start_writeback(self.written_back, self.written - self.written_back);
            self.written_back = self.written;
        }
        Ok(())
    }

    /// Whether a record of what would survive is due.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        let unsynced = self.written - self.synced.0;
        self.is_kept() && self.checkpoint.is_none() && unsynced >= CHECKPOINT
    }

    /// Begins to make what is written survive; `digest` is that of all of it.
    pub(super) fn begin_checkpoint(&mut self, digest: Option<String>) {
        let (file, upto) = (Arc::clone(&self.file), self.written);
        let done = self.env.begin("sync", move || file.sync());
        self.checkpoint = Some(Checkpoint { upto, digest, done });
    }

    /// Takes note of a checkpoint that is done, and keeps the record that is due. Never waits.
    pub(super) fn keep_record(&mut self) {
        if let Some(checkpoint) = &mut self.checkpoint
            && let Ok(done) = checkpoint.done.try_recv()
        {
            self.settled(done.is_ok());
        } else if self.record_is_due && self.written > self.unrecorded() && self.is_kept() {
            self.store_record(false);
        }
    }

    /// Bytes up to which a record would only be a loss of time.
    fn unrecorded(&self) -> u64 {
        if self.marked && !self.recorded { UNRECORDED } else { 0 }
    }

    /// Waits for a checkpoint under way.
    pub(super) async fn await_checkpoint(&mut self) {
        if let Some(checkpoint) = &mut self.checkpoint {
            let done = (&mut checkpoint.done).await.unwrap_or(Err(io::ErrorKind::Other.into()));
            self.settled(done.is_ok());
        }
    }

    /// Makes what was received survive a power loss, where it is much, after an attempt that failed.
    pub(super) async fn settle(&mut self) {
        self.await_checkpoint().await;
        if self.written - self.synced.0 >= WORTH_A_SYNC {
            let digest = self.running.as_ref().map(Running::hex);
            self.begin_checkpoint(digest);
            self.await_checkpoint().await;
        } else {
            self.store_record(false);
        }
    }

    fn settled(&mut self, synced: bool) {
        let Some(Checkpoint { upto, digest, .. }) = self.checkpoint.take() else { return };
        // A record says no more than what is true; one that cannot be kept is only less to resume from.
        if synced && upto <= self.written {
            self.synced = (upto, digest);
            self.store_record(true);
        }
    }

    fn store_record(&mut self, durable: bool) {
        let (Some(place), Some(origin)) = (&self.place, &self.origin) else { return };
        let (synced, digest) = self.synced.clone();
        let boot = self.env.identity().boot_id.clone();
        let part = self.file.meta().ok().map(|meta| (meta.id.device, meta.id.inode));
        let record = Record { origin: origin.clone(), boot, synced, digest, part };
        self.recorded |= place.store(&record, durable).is_ok();
        self.record_is_due = false;
    }

    /// Makes it empty, of `origin`. What the disk says of the old content is gone before the first
    /// byte of the new one can be there.
    pub(super) async fn restart(&mut self, origin: Option<Origin>) -> io::Result<()> {
        self.await_checkpoint().await;
        if let Some(place) = self.place.clone().filter(|_| self.recorded) {
            match place.folder.remove(&place.record) {
                // Somebody who cleans up was first.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            as_far_as_readable(place.folder.sync())?;
            self.recorded = false;
        }
        self.record_is_due = true;
        if self.written > 0 {
            self.file.truncate(0)?;
        }
        (self.written, self.written_back, self.synced) = (0, 0, (0, None));
        (self.origin, self.running) = (origin, None);
        // Before the first byte: without a record, or the mark, nobody could tell later whose bytes they are.
        if !self.marked {
            self.store_record(false);
        }
        Ok(())
    }

    /// Hashes what is there, in steps that let others run. `false` if what should have survived a
    /// power loss is not what it was.
    pub(super) async fn rehash(&mut self, algorithm: Algorithm) -> io::Result<bool> {
        let mut running = Running::new(algorithm);
        let mut buffer = vec![0; 256 << 10];
        let (mut at, mut intact) = (0, true);
        while at < self.written {
            // Stops where the record's digest ends, to compare.
            let stop = if at < self.synced.0 { self.synced.0 } else { self.written };
            let want = usize::try_from(stop - at).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.file.read_at(buffer.get_mut(..want).unwrap_or_default(), at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            running.update(buffer.get(..read).unwrap_or_default());
            at += u64::try_from(read).unwrap_or(u64::MAX);
            if at == self.synced.0 {
                intact = self.recorded_digest(algorithm).is_none_or(|digest| *digest == running.hex());
            }
            if !intact {
                return Ok(false);
            }
            tokio::task::yield_now().await;
        }
        self.running = Some(running);
        Ok(true)
    }

    /// What the bytes that should have survived were, by `algorithm`.
    fn recorded_digest(&self, algorithm: Algorithm) -> Option<&String> {
        let recorded = self.origin.as_ref()?.checksum.as_ref()?.algorithm();
        self.synced.1.as_ref().filter(|_| recorded == algorithm)
    }

    /// Removes it and its record.
    pub(super) fn discard(&mut self) {
        let Some(place) = self.place.as_ref().filter(|_| !self.gone) else { return };
        // The record first: without its part it means nothing, the other way round it might.
        if self.recorded {
            let _ = place.folder.remove(&place.record);
        }
        // Not what somebody put in its place.
        if self.file.meta().is_ok_and(|meta| place.folder.is_still(&place.part, meta.id)) {
            let _ = place.folder.remove(&place.part);
        }
        self.gone = true;
    }

    /// Keeps what another run could go on with, as far as the disk has it; removes the rest.
    pub(super) fn put_down(&mut self) {
        if self.gone {
            return;
        }
        if self.is_kept() {
            self.store_record(false);
        } else {
            self.discard();
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.put_down();
    }
}

/// What came of syncing a folder. One that may be written and not read cannot be synced: there the next record, which
/// takes the old one's place, has to do.
fn as_far_as_readable(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied
                || Errno::from_io_error(&error) == Some(Errno::BADF) =>
        {
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{Mode, OFlags, fsync, open};

    use super::*;

    #[test]
    fn only_that_a_folder_cannot_be_read_is_no_error_of_a_sync() {
        // Held as one that may not be read is.
        let held = open("/", OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let refused = fsync(&held).map_err(io::Error::from);
        assert!(refused.is_err() && as_far_as_readable(refused).is_ok());
        for (errno, is_fine) in
            [(Errno::ACCESS, true), (Errno::IO, false), (Errno::NOSPC, false), (Errno::ROFS, false)]
        {
            assert_eq!(as_far_as_readable(Err(errno.into())).is_ok(), is_fine, "{errno}");
        }
        assert!(as_far_as_readable(Ok(())).is_ok());
    }
}
