//! The attempt's side of a clone over ssh or from this machine: a process between gix and the repository.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;

use super::advertisement;
use super::excess::Excess;
use super::limits::Taken;
use super::listening::Listening;
use super::wire::Piece;
use crate::attempt::Attempt;
use crate::env::Env;
use crate::process::Talk;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Bytes of the first piece that are waited for, so that what the server can do is in one.
const FIRST: usize = 4;
/// Bytes of what is no line of git's that are waited for.
const LONGEST_GREETING: usize = 4 << 10;

/// Carries bytes between gix's thread and a process.
pub(super) struct ProcessSide<'a> {
    pub(super) env: &'a Env,
    pub(super) attempt: &'a Attempt,
    pub(super) idle: Duration,
    /// From gix.
    pub(super) outgoing: mpsc::Receiver<Bytes>,
    /// To gix.
    pub(super) incoming: Option<mpsc::Sender<Piece>>,
    /// The memory that gix takes for what it heard.
    pub(super) heard: Arc<Taken>,
    pub(super) bytes: u64,
    /// How it came to an end, where that was not gix's.
    pub(super) end: Option<End>,
    /// What came in place of git's first line.
    pub(super) greeting: Option<Bytes>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The process has closed its side.
    Closed,
    /// It was silent for too long.
    Silent,
    /// It said too much.
    Excess(Excess),
}

impl ProcessSide<'_> {
    /// What gix still waits for fails at once.
    pub(super) fn hang_up(&mut self) {
        self.incoming = None;
        self.outgoing.close();
    }
}

#[async_trait]
impl Talk for ProcessSide<'_> {
    async fn talk(&mut self, mut input: ChildStdin, output: ChildStdout) {
        let Some(incoming) = self.incoming.take() else { return };
        let outgoing = &mut self.outgoing;
        let writing = async {
            while let Some(bytes) = outgoing.recv().await {
                if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
                    break;
                }
            }
            drop(input);
            // A process that hears no more may still say why: what is written goes nowhere until it has closed its side.
            while outgoing.recv().await.is_some() {}
        };
        let reading = Reading {
            env: self.env,
            attempt: self.attempt,
            idle: self.idle,
            heard: &self.heard,
            bytes: &mut self.bytes,
            end: &mut self.end,
            greeting: &mut self.greeting,
        };
        let reading = reading.run(output, incoming);
        tokio::pin!(writing, reading);
        tokio::select! {
            biased;
            () = &mut reading => {}
            // gix has all it wants: what the process still says goes unread.
            () = &mut writing => {}
        }
    }
}

struct Reading<'a> {
    env: &'a Env,
    attempt: &'a Attempt,
    idle: Duration,
    heard: &'a Arc<Taken>,
    bytes: &'a mut u64,
    end: &'a mut Option<End>,
    greeting: &'a mut Option<Bytes>,
}

impl Reading<'_> {
    async fn run(self, mut output: ChildStdout, incoming: mpsc::Sender<Piece>) {
        let mut buffer = BytesMut::new();
        let mut listening = Listening::new(self.heard);
        let mut is_first = true;
        loop {
            buffer.reserve(CHUNK);
            // Until it has said what it is, another attempt must be left.
            let idle =
                if is_first { self.attempt.leaving_time(self.env.now(), self.idle) } else { self.idle };
            let until = self.env.now().after(idle);
            let read = match self.env.until(until, output.read_buf(&mut buffer)).await {
                Some(Ok(0) | Err(_)) => {
                    *self.end = Some(End::Closed);
                    break;
                }
                Some(Ok(read)) => read,
                None => {
                    *self.end = Some(End::Silent);
                    return;
                }
            };
            *self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            self.attempt.progress(*self.bytes, None, 0);
            let came = buffer.get(buffer.len().saturating_sub(read)..).unwrap_or_default();
            if let Err(excess) = listening.hear(came) {
                *self.end = Some(End::Excess(excess));
                return;
            }
            if is_first {
                if !has_first_line(&buffer) {
                    continue;
                }
                if is_greeting(&buffer) {
                    // Its first line is what is told of it.
                    if buffer.trim_ascii_start().contains(&b'\n') || buffer.len() >= LONGEST_GREETING {
                        break;
                    }
                    continue;
                }
                if buffer.starts_with(advertisement::VERSION_1) {
                    buffer.advance(advertisement::VERSION_1.len());
                    if !has_first_line(&buffer) {
                        continue;
                    }
                }
                advertisement::without_relative_depth(&mut buffer);
                is_first = false;
            }
            if incoming.send(Piece::Bytes(buffer.split().freeze())).await.is_err() {
                return;
            }
        }
        if is_first && is_greeting(&buffer) {
            *self.greeting = Some(buffer.clone().freeze());
        }
        if !buffer.is_empty() {
            let _ = incoming.send(Piece::Bytes(buffer.freeze())).await;
        }
        let _ = incoming.send(Piece::End).await;
    }
}

/// Whether the first line, which says what the server can do, is there as a whole.
fn has_first_line(bytes: &[u8]) -> bool {
    let length = bytes.get(..FIRST).and_then(|digits| str::from_utf8(digits).ok());
    match length.map(|digits| usize::from_str_radix(digits, 16)) {
        Some(Ok(length)) => bytes.len() >= length,
        // No line of git's: for gix to say so.
        Some(Err(_)) => true,
        None => bytes.len() >= FIRST,
    }
}

/// Whether what came first is no line of git's.
fn is_greeting(bytes: &[u8]) -> bool {
    let begin = bytes.get(..bytes.len().min(FIRST)).unwrap_or_default();
    begin.iter().any(|byte| !byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::event::{OperationId, Teller};
    use crate::git::limits::Limits;
    use crate::operation::{Operation, OperationKind};
    use crate::process::{Ended, ProcessSpec, Runner as _, SystemRunner};

    #[tokio::test]
    async fn a_process_that_hears_no_more_is_still_heard() {
        let folder = tempfile::tempdir().unwrap();
        let go = folder.path().join("go");
        mknodat(CWD, &go, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Both ways, so that nobody waits for the other to open it.
        let mut gate = OpenOptions::new().read(true).write(true).open(&go).unwrap();
        let script = "exec 0<&-; printf 0008abcd; read word <\"$1\"; echo no such repository >&2; exit 1";
        let spec = ProcessSpec::new("sh").args(["-c", script, "sh"]).arg(&go);
        let env = Env::real();
        let operation = Operation::new(OperationKind::GitFetch, "test");
        let teller = Teller::begin(env.clone(), Arc::new(()), OperationId(1), None, operation);
        let attempt = Attempt::alone(teller.voice().clone());
        let (outgoing, written) = mpsc::channel(1);
        let (pieces, mut incoming) = mpsc::channel(super::super::wire::PIECES);
        let mut side = ProcessSide {
            env: &env,
            attempt: &attempt,
            idle: Duration::from_secs(60),
            outgoing: written,
            incoming: Some(pieces),
            heard: Arc::new(Limits::default().nothing()),
            bytes: 0,
            end: None,
            greeting: None,
        };
        let runner = SystemRunner::default();
        let gix = async {
            assert!(matches!(incoming.recv().await, Some(Piece::Bytes(_))), "it has closed its input before");
            // The first cannot be written, and whoever sends the third knows that the first was taken.
            for _ in 0..3 {
                let _ = outgoing.send(Bytes::from_static(b"0000")).await;
            }
            gate.write_all(b"go\n").unwrap();
            incoming.recv().await
        };
        let serving = async {
            let captured = runner.converse(&env, &spec, &mut side).await;
            side.hang_up();
            captured
        };
        let (captured, last) = tokio::join!(serving, gix);
        let captured = captured.unwrap();
        assert_eq!((captured.ended, captured.stderr.trim()), (Ended::Code(1), "no such repository"));
        assert!(matches!(last, Some(Piece::End)), "{last:?}");
        assert_eq!(side.end, Some(End::Closed));
    }

    #[test]
    fn what_is_no_line_of_gits_is_a_greeting() {
        for (bytes, greets) in
            [("", false), ("00", false), ("0008abcd", false), ("Welcome", true), ("\n", true)]
        {
            assert_eq!(is_greeting(bytes.as_bytes()), greets, "{bytes}");
        }
    }

    #[test]
    fn the_first_line_is_waited_for() {
        for (bytes, whole) in
            [("", false), ("00", false), ("0008", false), ("0008abcd", true), ("zzzz", true)]
        {
            assert_eq!(has_first_line(bytes.as_bytes()), whole, "{bytes}");
        }
    }
}
