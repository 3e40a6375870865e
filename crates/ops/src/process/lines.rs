//! Lines of a stream, each cut where it is longer than anything that is worth hearing.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::Listener;

/// Bytes of one line that are heard; the rest of it is read and forgotten.
const LONGEST: usize = 4_096;

/// A stream, and what was read of a line so far.
#[derive(Debug)]
pub(super) struct Lines<R> {
    stream: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn of(stream: R) -> Self {
        Self { stream: BufReader::new(stream), line: Vec::new() }
    }

    /// Hands on each line until the stream ends. A line takes no more memory than is heard of it, however long it is.
    ///
    /// Cancel safe: another call goes on where this one stopped.
    pub(super) async fn listen(&mut self, listener: &mut dyn Listener) {
        while let Ok(read) = self.stream.fill_buf().await {
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = read.get(..end.unwrap_or(read.len())).unwrap_or_default();
            let room = LONGEST.saturating_sub(self.line.len()).min(part.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or_default());
            let (taken, is_over) = (part.len().saturating_add(usize::from(end.is_some())), read.is_empty());
            self.stream.consume(taken);
            // The last one may have no end of its own.
            if end.is_some() || (is_over && !self.line.is_empty()) {
                listener.hear(String::from_utf8_lossy(&self.line).trim_end());
                self.line.clear();
            }
            if is_over {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_line_without_an_end_takes_no_more_memory_than_is_heard_of_it() {
        let long = tokio::io::repeat(b'x').take(8 << 20);
        let mut lines = Lines::of((&b"first\n"[..]).chain(long).chain(&b"\n\nnext  \nlast"[..]));
        let mut heard = Vec::new();
        lines.listen(&mut heard).await;
        assert_eq!(heard, ["first", &*"x".repeat(LONGEST), "", "next", "last"]);
        assert!(lines.line.capacity() <= 2 * LONGEST, "{}", lines.line.capacity());
    }

    #[tokio::test]
    async fn who_stops_listening_goes_on_in_the_middle_of_a_line() {
        let (mut said, stream) = tokio::io::duplex(64);
        let (mut lines, mut heard) = (Lines::of(stream), Vec::new());
        tokio::io::AsyncWriteExt::write_all(&mut said, b"one\nhal").await.unwrap();
        tokio::select! {
            biased;
            () = lines.listen(&mut heard) => unreachable!("it goes on"),
            () = std::future::ready(()) => {}
        }
        tokio::io::AsyncWriteExt::write_all(&mut said, b"f\n").await.unwrap();
        drop(said);
        lines.listen(&mut heard).await;
        assert_eq!(heard, ["one", "half"]);
    }
}
