//! What a process says on a pipe: its beginning and its end are kept, the rest is read and forgotten.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that are kept of the beginning, and of the end.
const KEPT: usize = 64 << 10;
/// Bytes that are read in all: who says more says nothing that is worth hearing.
pub(super) const MOST: u64 = 16 << 20;
/// Bytes read at once.
const CHUNK: usize = 16 << 10;

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    beginning: Vec<u8>,
    end: VecDeque<u8>,
    bytes: u64,
}

/// How a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// By itself.
    Ended,
    /// It was more than [`MOST`].
    TooMuch,
}

impl Said {
    /// Listens to the end, or until it is too much.
    ///
    /// Cancel safe: another call goes on where this one stopped.
    pub(super) async fn listen(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Silence {
        let mut chunk = vec![0; CHUNK];
        loop {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return Silence::Ended,
                Ok(count) => self.hear(chunk.get(..count).unwrap_or_default()),
            }
            if self.bytes > MOST {
                return Silence::TooMuch;
            }
        }
    }

    fn hear(&mut self, said: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(said.len()).unwrap_or(u64::MAX));
        let room = KEPT.saturating_sub(self.beginning.len()).min(said.len());
        let (first, rest) = said.split_at_checked(room).unwrap_or((said, &[]));
        self.beginning.extend_from_slice(first);
        self.end.extend(rest);
        self.end.drain(..self.end.len().saturating_sub(KEPT));
    }

    /// As text, whatever is in it.
    pub(super) fn text(mut self) -> String {
        let kept = self.beginning.len().saturating_add(self.end.len());
        let left_out = self.bytes.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX));
        let (beginning, end) = (self.beginning, self.end.make_contiguous());
        if left_out == 0 {
            return String::from_utf8_lossy(&[&beginning, &*end].concat()).into_owned();
        }
        let (beginning, end) = (String::from_utf8_lossy(&beginning), String::from_utf8_lossy(end));
        format!("{beginning}\n[{left_out} bytes left out]\n{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_what_is_long_both_ends_are_kept() {
        for (middle, left_out) in [(0, None), (KEPT, None), (3 * KEPT, Some(KEPT + 9))] {
            let text = format!("first{}last", "x".repeat(middle));
            let mut said = Said::default();
            assert_eq!(said.listen(&mut text.as_bytes()).await, Silence::Ended);
            assert!(said.beginning.len() <= KEPT && said.end.len() <= KEPT);
            let kept = said.text();
            match left_out {
                None => assert_eq!(kept, text),
                Some(bytes) => {
                    assert!(kept.starts_with("first") && kept.ends_with("last"));
                    assert!(kept.contains(&format!("[{bytes} bytes left out]")), "{}", kept.len());
                }
            }
        }
    }

    #[tokio::test]
    async fn what_has_no_end_is_not_heard_to_it() {
        let mut said = Said::default();
        assert_eq!(said.listen(&mut tokio::io::repeat(b'x')).await, Silence::TooMuch);
        assert!(said.bytes <= MOST + CHUNK as u64);
        assert!(said.text().len() < 2 * KEPT + 100);
    }
}
