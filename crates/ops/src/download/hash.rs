//! Digests computed while bytes arrive, on a second thread where there is a second core.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use sha2::Digest as _;

use super::checksum::Algorithm;
use crate::env::Env;

/// Batches that may wait for the second thread: bounds memory, and slows the network to what it hashes.
const QUEUE: usize = 4;

/// A digest of the bytes so far.
#[derive(Clone)]
pub(crate) enum Running {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Blake3(Box<blake3::Hasher>),
}

impl Running {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
            Algorithm::Blake3 => Self::Blake3(Box::default()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
            Self::Blake3(hash) => drop(hash.update(bytes)),
        }
    }

    /// The digest of the bytes so far; more may follow.
    pub(crate) fn hex(&self) -> String {
        match self {
            Self::Sha256(hash) => hex(&hash.clone().finalize()),
            Self::Sha512(hash) => hex(&hash.clone().finalize()),
            Self::Blake3(hash) => hex(hash.finalize().as_bytes()),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(super) enum Item {
    Batch(Vec<Bytes>),
    DigestSoFar(oneshot::Sender<String>),
}

/// A digest under way.
pub(super) enum Hashing {
    Inline(Box<Running>),
    Thread { queue: mpsc::Sender<Item>, result: oneshot::Receiver<Running> },
}

impl Hashing {
    /// Goes on with `running`: beside the transfer if it is `large` and the world has a thread to spare.
    pub(super) fn begin(env: &Env, running: Running, large: bool) -> Self {
        if !large {
            return Self::Inline(Box::new(running));
        }
        let (queue, mut items) = mpsc::channel(QUEUE);
        let (done, result) = oneshot::channel();
        let mut beside = running.clone();
        let work = move || {
            while let Some(item) = items.blocking_recv() {
                match item {
                    Item::Batch(batch) => batch.iter().for_each(|bytes| beside.update(bytes)),
                    Item::DigestSoFar(reply) => drop(reply.send(beside.hex())),
                }
            }
            drop(done.send(beside));
        };
        match env.try_thread("hash", Box::new(work)) {
            Ok(()) => Self::Thread { queue, result },
            Err(_) => Self::Inline(Box::new(running)),
        }
    }

    /// Takes in the next bytes; waits while too many wait already.
    pub(super) async fn update(&mut self, batch: Vec<Bytes>) {
        match self {
            Self::Inline(running) => batch.iter().for_each(|bytes| running.update(bytes)),
            // A thread that is gone shows in the result.
            Self::Thread { queue, .. } => drop(queue.send(Item::Batch(batch)).await),
        }
    }

    /// The digest of all bytes taken in so far.
    pub(super) async fn digest_so_far(&mut self) -> Option<String> {
        match self {
            Self::Inline(running) => Some(running.hex()),
            Self::Thread { queue, .. } => {
                let (reply, digest) = oneshot::channel();
                queue.send(Item::DigestSoFar(reply)).await.ok()?;
                digest.await.ok()
            }
        }
    }

    /// The digest after the last byte; `None` if the thread was lost.
    pub(super) async fn finish(self) -> Option<Running> {
        match self {
            Self::Inline(running) => Some(*running),
            Self::Thread { queue, result } => {
                drop(queue);
                result.await.ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: Algorithm, text: &str) -> String {
        let mut running = Running::new(algorithm);
        running.update(text.as_bytes());
        running.hex()
    }

    #[test]
    fn the_digests_are_those_of_the_standards() {
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(Algorithm::Sha256, "abc"), sha256);
        assert!(of(Algorithm::Sha512, "abc").starts_with("ddaf35a193617abacc417349ae204131"));
        assert!(of(Algorithm::Blake3, "abc").starts_with("6437b3ac38465133ffb63b75273a8db5"));
    }

    #[tokio::test]
    async fn both_ways_agree() {
        let env = Env::real();
        for large in [false, true] {
            let mut hashing = Hashing::begin(&env, Running::new(Algorithm::Sha256), large);
            hashing.update(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]).await;
            assert_eq!(hashing.digest_so_far().await.unwrap(), of(Algorithm::Sha256, "ab"));
            for _ in 0..20 {
                hashing.update(vec![Bytes::from_static(b"c")]).await;
            }
            let all = format!("ab{}", "c".repeat(20));
            assert_eq!(hashing.finish().await.unwrap().hex(), of(Algorithm::Sha256, &all));
        }
    }
}
