//! The attempt's side of a clone over ssh or from this machine: a process between gix and the repository.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;

use super::wire::Piece;
use super::{GitError, LineFault, advertisement};
use crate::attempt::Attempt;
use crate::env::Env;
use crate::process::{Captured, Ended, Talk};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Bytes of the first piece that are waited for, so that what the server can do is in one.
const FIRST: usize = 4;

/// Carries bytes between gix's thread and a process.
pub(super) struct ProcessSide<'a> {
    pub(super) env: &'a Env,
    pub(super) attempt: &'a Attempt,
    pub(super) idle: Duration,
    /// From gix.
    pub(super) outgoing: mpsc::Receiver<Bytes>,
    /// To gix.
    pub(super) incoming: Option<mpsc::Sender<Piece>>,
    pub(super) bytes: u64,
    /// How it came to an end, where that was not gix's.
    pub(super) end: Option<End>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The process has closed its side.
    Closed,
    /// It was silent for too long.
    Silent,
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
                // A process that is gone says why by its end.
                if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
                    break;
                }
            }
            drop(input);
        };
        let reading = Reading {
            env: self.env,
            attempt: self.attempt,
            idle: self.idle,
            bytes: &mut self.bytes,
            end: &mut self.end,
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
    bytes: &'a mut u64,
    end: &'a mut Option<End>,
}

impl Reading<'_> {
    async fn run(self, mut output: ChildStdout, incoming: mpsc::Sender<Piece>) {
        let mut buffer = BytesMut::new();
        let mut is_first = true;
        loop {
            buffer.reserve(CHUNK);
            let until = self.env.now().after(self.idle);
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
            if is_first {
                if !has_first_line(&buffer) {
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

/// ssh's own code: it never came to the command, or lost it. Any other is the command's.
const SSH_FAILED: i32 = 255;

/// Why a process that talks to the other end failed, by how it ended; `talked` when the other end had said
/// something.
pub(super) fn failed(program: &str, captured: &Captured, talked: bool) -> Option<GitError> {
    let code = match captured.ended {
        Ended::Code(0) | Ended::Signal(0) => return None,
        Ended::Code(code) => code,
        Ended::Signal(signal) => signal.saturating_add(128),
    };
    let lines = captured.stderr.lines().map(str::trim).filter(|line| !is_noise(line));
    let lines: Vec<&str> = lines.collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    let said: String = last.join("; ").chars().filter(|letter| !letter.is_control()).take(400).collect();
    let fault = match fault(&captured.stderr) {
        // Who had begun to talk had let us in, and who refuses says so: only the connection can have ended.
        LineFault::None if code == SSH_FAILED && (talked || said.is_empty()) => LineFault::Broken,
        fault => fault,
    };
    Some(GitError::Connection { program: program.to_owned(), code, said, fault })
}

/// What stands around the words that say why.
fn is_noise(line: &str) -> bool {
    line.is_empty() || line.starts_with('@') || line.starts_with("Warning: Permanently added")
}

/// ssh says in words only what became of its connection.
fn fault(said: &str) -> LineFault {
    const BROKEN: [&str; 8] = [
        "Connection refused",
        "Connection timed out",
        "Connection reset",
        "Connection closed",
        "Operation timed out",
        "closed by remote host",
        "send disconnect: Broken pipe",
        "not responding",
    ];
    const OFFLINE: [&str; 3] =
        ["No route to host", "Network is unreachable", "Temporary failure in name resolution"];
    if OFFLINE.iter().any(|words| said.contains(words)) {
        return LineFault::Offline;
    }
    if BROKEN.iter().any(|words| said.contains(words)) { LineFault::Broken } else { LineFault::None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure as _;
    use vps_breaker::Verdict;
    use vps_retry::Class;
    use vps_retry::Classify;

    fn ended(code: i32, said: &str) -> Option<GitError> {
        failed("ssh", &Captured::new(Ended::Code(code), "", said), false)
    }

    #[test]
    fn what_ssh_says_decides_whether_it_is_tried_again() {
        for said in [
            "ssh: connect to host example.com port 22: Connection refused",
            "kex_exchange_identification: Connection closed by remote host",
            "Connection to example.com closed by remote host.",
            "client_loop: send disconnect: Broken pipe",
            "Timeout, server example.com not responding.",
        ] {
            assert_eq!(ended(255, said).unwrap().class(), Class::Transient, "{said}");
        }
        let offline = ended(255, "ssh: connect to host example.com port 22: No route to host").unwrap();
        assert_eq!((offline.class(), offline.verdict()), (Class::NotSent, Verdict::Neutral));
        for said in [
            "git@example.com: Permission denied (publickey).",
            "Host key verification failed.",
            "ERROR: Repository not found.",
            "ssh: Could not resolve hostname x.invalid: Name or service not known",
        ] {
            assert_eq!(ended(255, said).unwrap().class(), Class::Permanent, "{said}");
        }
        assert!(ended(0, "").is_none());
    }

    #[test]
    fn a_line_that_ends_in_the_talk_was_cut() {
        let ended = |code, said, talked| {
            failed("ssh", &Captured::new(Ended::Code(code), "", said), talked).unwrap().class()
        };
        assert_eq!(ended(255, "who knows", true), Class::Transient);
        assert_eq!(ended(255, "who knows", false), Class::Permanent);
        assert_eq!(ended(255, "", false), Class::Transient);
        assert_eq!(ended(128, "", true), Class::Permanent, "the command's own end");
    }

    #[test]
    fn the_words_that_say_why_are_kept() {
        let said = "Warning: Permanently added 'example.com' to the list of known hosts.\r\n@@@@@@@\n\
                    a\nb\n\nc\x1b[2J\nd\n";
        let Some(GitError::Connection { said, .. }) = ended(255, said) else { panic!("no error") };
        assert_eq!(said, "b; c[2J; d");
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
