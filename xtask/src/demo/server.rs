//! A server that does what it is told: one answer a request, the last one again and again.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

/// Bytes of the file, and of its first half.
const SIZE: usize = 8 * 1024 * 1024;
pub(super) const HALF: usize = SIZE / 2;

/// What one request gets.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// The connection is cut before an answer.
    Reset,
    /// 503, and how many seconds to wait.
    RetryAfter(u32),
    Status(u16),
    /// The file up to this byte, then silence.
    HoldAfter(usize),
    /// The file, from where it was asked for.
    Whole,
}

#[derive(Default)]
struct Shared {
    script: VecDeque<Answer>,
    log: Vec<String>,
}

pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    held: Receiver<()>,
}

/// The file: no two blocks are equal.
pub(super) fn content() -> Vec<u8> {
    let mut state: u32 = 1;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(SIZE)
    .collect()
}

impl Server {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (hold, held) = channel();
        let content = Arc::new(content());
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, content, hold) = (Arc::clone(&state), Arc::clone(&content), hold.clone());
                // A client that goes away is part of the show.
                std::thread::spawn(move || drop(serve(stream, &state, &content, &hold)));
            }
        });
        Ok(Self { address, shared, held })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.shared).script = answers.into_iter().collect();
    }

    /// Says what was done to the client since the last time.
    pub(super) fn tell(&self) -> Result<()> {
        let log = std::mem::take(&mut lock(&self.shared).log);
        if log.is_empty() {
            super::say("   (the server saw no request)")?;
        }
        for line in log {
            super::say(&format!("   (the server: {line})"))?;
        }
        Ok(())
    }

    pub(super) fn wait_until_held(&self) -> Result<()> {
        self.held.recv_timeout(Duration::from_secs(20)).context("the download did not get that far")
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, shared: &Mutex<Shared>, content: &[u8], hold: &Sender<()>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut from = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            from = range.trim().trim_end_matches('-').parse().unwrap_or(0);
        }
    }
    let answer = {
        let mut shared = lock(shared);
        if shared.script.len() > 1 { shared.script.pop_front() } else { shared.script.front().copied() }
    };
    let asked = if from > 0 { format!("GET from byte {from}") } else { "GET".to_owned() };
    let say = |what: &str| lock(shared).log.push(format!("{asked} -> {what}"));
    match answer.unwrap_or(Answer::Whole) {
        Answer::Reset => say("connection cut"),
        Answer::RetryAfter(seconds) => {
            say(&format!("503, Retry-After: {seconds}"));
            write!(
                stream,
                "HTTP/1.1 503 Slow Down\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )?;
        }
        Answer::Status(code) => {
            say(&code.to_string());
            write!(stream, "HTTP/1.1 {code} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        }
        Answer::HoldAfter(bytes) => {
            head(&mut stream, from, content.len())?;
            stream.write_all(content.get(from..bytes).unwrap_or_default())?;
            stream.flush()?;
            say(&format!("{} bytes, then silence", bytes.saturating_sub(from)));
            hold.send(())?;
            // Until the client is gone.
            reader.read_line(&mut String::new())?;
        }
        Answer::Whole => {
            say(&format!("{} bytes", content.len().saturating_sub(from)));
            head(&mut stream, from, content.len())?;
            stream.write_all(content.get(from..).unwrap_or_default())?;
        }
    }
    Ok(())
}

fn head(stream: &mut TcpStream, from: usize, size: usize) -> Result<()> {
    let status = if from > 0 {
        format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}", size - 1)
    } else {
        "200 OK".to_owned()
    };
    let length = size.saturating_sub(from);
    write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    Ok(())
}
