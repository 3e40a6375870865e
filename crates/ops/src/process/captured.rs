//! What a process said.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Ended;

/// Bytes of one stream that are kept, half from its beginning and half from its end: more than a plan of all
/// the packages there are.
const KEPT: u64 = 32 << 20;

/// How a process ended, and what it said on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Captured {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output; of one longer than 32 MiB beginning and end.
    pub stdout: String,
    /// Its standard error, likewise; of one that was talked with 64 KiB of both ends.
    pub stderr: String,
}

impl Captured {
    /// A process that ended so and said that.
    #[must_use]
    pub fn new(ended: Ended, stdout: impl Into<String>, stderr: impl Into<String>) -> Self {
        Self { ended, stdout: stdout.into(), stderr: stderr.into() }
    }
}

/// The content of a stream's file, as text whatever is in it.
pub(super) fn read(file: &File) -> io::Result<String> {
    let len = file.metadata()?.len();
    if len <= KEPT {
        return Ok(text(&part(file, 0, len)?));
    }
    let half = KEPT / 2;
    let (head, tail) = (part(file, 0, half)?, part(file, len - half, half)?);
    Ok(format!("{}\n[{} bytes left out]\n{}", text(&head), len - KEPT, text(&tail)))
}

fn part(file: &File, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    #[test]
    fn a_long_stream_keeps_both_ends() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"first").unwrap();
        file.set_len(40 << 20).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"last").unwrap();
        let text = read(&file).unwrap();
        assert!(text.starts_with("first") && text.ends_with("last") && text.contains("bytes left out"));
        assert!(text.len() < (32 << 20) + 100);
    }

    #[test]
    fn what_is_no_text_is_made_text() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"a\xffb").unwrap();
        assert_eq!(read(&file).unwrap(), "a\u{fffd}b");
    }
}
