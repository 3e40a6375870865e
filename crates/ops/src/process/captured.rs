//! What a process said.

use std::io;

use super::Ended;
use super::transcript::Transcript;

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

/// What a stream of it goes to.
pub(super) fn stream() -> io::Result<Transcript> {
    Transcript::keeping(KEPT / 2)
}

/// What went to a stream, as text whatever is in it.
pub(super) fn read(stream: &Transcript) -> io::Result<String> {
    let kept = stream.kept()?;
    let (head, tail) = (String::from_utf8_lossy(&kept.head), String::from_utf8_lossy(&kept.tail));
    Ok(match kept.left_out {
        0 => String::from_utf8_lossy(&[&*kept.head, &kept.tail].concat()).into_owned(),
        left_out => format!("{head}\n[{left_out} bytes left out]\n{tail}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stream_keeps_both_ends() {
        let said = stream().unwrap();
        said.add(b"first");
        (0..40).for_each(|_| said.add(&vec![b'x'; 1 << 20]));
        said.add(b"last");
        let text = read(&said).unwrap();
        assert!(text.starts_with("first") && text.ends_with("last"));
        assert!(text.contains(&format!("[{} bytes left out]", (8 << 20) + 9)));
        assert!(text.len() < (32 << 20) + 100);
    }

    #[test]
    fn what_is_no_text_is_made_text() {
        let said = stream().unwrap();
        said.add(b"a\xffb");
        assert_eq!(read(&said).unwrap(), "a\u{fffd}b");
    }
}
