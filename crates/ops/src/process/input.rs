//! What a command reads as its standard input, and whether a second attempt could read it too.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};
use thiserror::Error;

use crate::env::Env;

/// As much of a pipe is [kept](Input::kept) at most.
pub const KEPT_AT_MOST: u64 = 16 << 20;

/// The standard input of a command. Cheap to clone; clones are of the same bytes.
///
/// ```
/// use vps_ops::process::Input;
///
/// assert!(Input::shared().can_be_read_again());
/// ```
#[derive(Clone, Debug)]
pub struct Input(Source);

#[derive(Clone, Debug)]
enum Source {
    /// Ours, whoever reads it: a terminal, a device.
    Shared,
    /// Ours, and what was read of it is gone.
    Once,
    /// A file, of which each attempt is given all from here on.
    Rewound { file: Arc<File>, from: u64 },
}

/// Why standard input could not be kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeepError {
    /// It is longer than may be kept.
    #[error(
        "standard input is longer than {KEPT_AT_MOST} bytes, which is the most that is kept for later attempts"
    )]
    TooLong,
    /// It could not be read or kept.
    #[error("standard input cannot be kept for later attempts")]
    Io(#[from] io::Error),
}

impl Input {
    /// Our own standard input as it is, for what may be read by one attempt after another.
    #[must_use]
    pub fn shared() -> Self {
        Self(Source::Shared)
    }

    /// Our own standard input, by what it is: a terminal or a device is handed on, a file read from where it
    /// stands now by every attempt, anything else handed on untouched to the only one.
    #[must_use]
    pub fn ours() -> Self {
        Self::of(rustix::stdio::stdin())
    }

    pub(super) fn of(stdin: impl AsFd) -> Self {
        // Closed: there is nothing to be lost.
        let Ok(stat) = rustix::fs::fstat(&stdin) else { return Self(Source::Shared) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice | FileType::Directory => Self(Source::Shared),
            // Ended before we began, and empty: there is nothing to be lost either.
            FileType::Fifo if is_over(&stdin) => Self(Source::Shared),
            FileType::RegularFile | FileType::BlockDevice => {
                Self::rewound(stdin).unwrap_or(Self(Source::Once))
            }
            _ => Self(Source::Once),
        }
    }

    fn rewound(stdin: impl AsFd) -> io::Result<Self> {
        // The copy shares its place in the file with ours, as a command that is handed ours does.
        let mut file = File::from(stdin.as_fd().try_clone_to_owned()?);
        let from = file.stream_position()?;
        Ok(Self(Source::Rewound { file: Arc::new(file), from }))
    }

    /// Reads our standard input to its end, so that every attempt can be given all of it.
    ///
    /// # Errors
    /// [`KeepError`] when there is more of it than may be kept, or it cannot be read.
    ///
    /// # Cancel safety
    /// What was read is lost.
    pub async fn kept(env: &Env) -> Result<Self, KeepError> {
        let stdin = rustix::stdio::stdin().try_clone_to_owned()?;
        let reading = env.thread("stdin", move || keep(File::from(stdin), KEPT_AT_MOST))?;
        reading.await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
    }

    /// Whether another attempt is given what the one before it was.
    #[must_use]
    pub fn can_be_read_again(&self) -> bool {
        !matches!(self.0, Source::Once)
    }

    /// Whether what it gives is at hand in this process only: somebody has to give the same again to another one.
    #[must_use]
    pub fn must_be_given_again(&self) -> bool {
        !matches!(self.0, Source::Shared)
    }

    /// For one attempt.
    pub(super) fn stdio(&self) -> io::Result<Stdio> {
        let Source::Rewound { file, from } = &self.0 else { return Ok(Stdio::inherit()) };
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(*from))?;
        Ok(file.into())
    }
}

/// Whether a pipe is empty and nobody can write to it any more.
fn is_over(pipe: impl AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut asked = [PollFd::new(&pipe, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&now)).is_ok() && asked.iter().all(|one| one.revents() == PollFlags::HUP)
}

/// The same bytes, as far as can be known without reading them.
impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Rewound { file, from }, Source::Rewound { file: theirs, from: start }) => {
                Arc::ptr_eq(file, theirs) && from == start
            }
            (Source::Shared, Source::Shared) | (Source::Once, Source::Once) => true,
            _ => false,
        }
    }
}

impl Eq for Input {}

fn keep(stdin: impl Read, limit: u64) -> Result<Input, KeepError> {
    let memory = rustix::fs::memfd_create("stdin", rustix::fs::MemfdFlags::CLOEXEC);
    let mut file = File::from(memory.map_err(io::Error::from)?);
    let read = io::copy(&mut stdin.take(limit.saturating_add(1)), &mut file)?;
    if read > limit {
        return Err(KeepError::TooLong);
    }
    file.flush()?;
    Ok(Input(Source::Rewound { file: Arc::new(read_only(file)), from: 0 }))
}

/// What a command can only read, as a pipe; where there is no `/proc`, what it could also write.
fn read_only(file: File) -> File {
    use std::os::fd::AsRawFd;

    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_or(file, File::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &Input) -> String {
        let Source::Rewound { file, from } = &input.0 else { return String::new() };
        let mut file = file.try_clone().unwrap();
        file.seek(SeekFrom::Start(*from)).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn by_what_it_is_it_can_be_read_again_or_not() {
        let (pipe, _writer) = io::pipe().unwrap();
        assert!(!Input::of(pipe).can_be_read_again());
        let (ended, writer) = io::pipe().unwrap();
        (&writer).write_all(b"x").unwrap();
        drop(writer);
        assert!(!Input::of(&ended).can_be_read_again(), "there is something in it");
        (&ended).read_exact(&mut [0]).unwrap();
        assert!(Input::of(&ended).can_be_read_again());
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(!Input::of(socket).can_be_read_again());
        assert!(Input::of(File::open("/dev/null").unwrap()).can_be_read_again());
    }

    #[test]
    fn a_file_is_read_from_where_it_stood() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"taken, left").unwrap();
        file.seek(SeekFrom::Start(7)).unwrap();
        let input = Input::of(&file);
        assert!(input.can_be_read_again());
        assert_eq!((read(&input), read(&input)), ("left".to_owned(), "left".to_owned()));
    }

    #[test]
    fn a_pipe_is_kept_up_to_the_limit() {
        let input = keep(&b"four"[..], 4).unwrap();
        assert_eq!((read(&input), read(&input)), ("four".to_owned(), "four".to_owned()));
        assert!(matches!(keep(&b"five!"[..], 4), Err(KeepError::TooLong)));
    }
}
