//! Between gix, which blocks on a thread of its own, and the attempt, which waits on the runtime.
//!
//! gix asks; the attempt answers with bytes, one bounded channel each way. When the attempt is dropped, the
//! channels close, and whatever gix waits for fails at once: so cancelling takes no time in any state.

use std::io::{self, BufRead, Read, Write};

use bytes::{Buf, Bytes};
use tokio::sync::{mpsc, oneshot};

/// Pieces of a body that may wait for gix to take them.
pub(super) const PIECES: usize = 16;

/// One HTTP request that gix wants answered.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) url: String,
    /// `Name: value`, each.
    pub(super) headers: Vec<String>,
    /// What is sent along, where it is a POST.
    pub(super) post: Option<Vec<u8>>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The head of an answer; its body comes after it.
#[derive(Debug)]
pub(super) struct Answer {
    /// `name: value` lines.
    pub(super) headers: Vec<u8>,
    /// Where the repository really is, after a redirect.
    pub(super) base: Option<String>,
    pub(super) body: Incoming,
}

/// A piece of a body, or its end: a channel that just closes is a body that was given up.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    End,
}

/// The attempt is over, or has an error of its own, which says more than this.
pub(super) fn given_up() -> io::Error {
    io::Error::other("the attempt has ended")
}

/// Bytes that arrive, for gix to read.
#[derive(Debug)]
pub(super) struct Incoming {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

impl Incoming {
    pub(super) fn channel() -> (mpsc::Sender<Piece>, Self) {
        let (sender, pieces) = mpsc::channel(PIECES);
        (sender, Self { pieces, current: Bytes::new(), ended: false })
    }
}

impl BufRead for Incoming {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.current = bytes,
                Some(Piece::End) => self.ended = true,
                None => return Err(given_up()),
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        self.current.advance(amount.min(self.current.len()));
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let read = bytes.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Bytes that gix writes to a process.
#[derive(Debug)]
pub(super) struct Outgoing(pub(super) mpsc::Sender<Bytes>);

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Bytes::copy_from_slice(bytes)).map_err(|_| given_up())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_given_up_is_an_error_and_not_an_end() {
        let (pieces, mut body) = Incoming::channel();
        pieces.try_send(Piece::Bytes(Bytes::from_static(b"ab"))).unwrap();
        let mut text = String::new();
        drop(pieces);
        assert!(body.read_to_string(&mut text).is_err());

        let (pieces, mut body) = Incoming::channel();
        pieces.try_send(Piece::Bytes(Bytes::from_static(b"ab"))).unwrap();
        pieces.try_send(Piece::End).unwrap();
        text.clear();
        body.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab");
    }
}
