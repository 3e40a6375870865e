//! Servers that do what they are told: one answer a request, the last one again and again.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tokio::net::TcpSocket;

/// How long a client may take to get where it has to.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes written at a time.
const PIECE: usize = 64 << 10;

/// What one request gets. Bytes are those of this answer's own body.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// The connection is cut before an answer.
    Reset,
    /// 503, and how many seconds to wait.
    RetryAfter(u32),
    Status(u16),
    /// So much of the file, and the connection is cut.
    CutAfter(u64),
    /// So much of the file, then silence.
    HoldAfter(u64),
    /// The file, from where it was asked for.
    Whole,
}

/// A file of that many bytes; no two blocks of it are equal.
pub(super) struct File {
    seed: u32,
    pub(super) size: u64,
}

impl File {
    pub(super) const fn of(seed: u32, size: u64) -> Self {
        Self { seed, size }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut state = self.seed;
        let next = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        next.take(usize::try_from(self.size).unwrap_or(usize::MAX)).collect()
    }

    pub(super) fn sha256(&self) -> String {
        Sha256::digest(self.bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A path of the server.
#[derive(Default)]
struct Served {
    content: Arc<[u8]>,
    script: VecDeque<Answer>,
    /// Bytes of bodies.
    sent: u64,
}

#[derive(Default)]
struct Shared {
    paths: BTreeMap<String, Served>,
    connections: usize,
    log: Vec<String>,
}

pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    /// Paths where somebody is held.
    held: Receiver<String>,
}

impl Server {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no loopback server")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (hold, held) = channel();
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                lock(&state).connections += 1;
                let (state, hold) = (Arc::clone(&state), hold.clone());
                // A client that goes away is part of the show.
                std::thread::spawn(move || drop(serve(stream, &state, &hold)));
            }
        });
        Ok(Self { address, shared, held })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Has a file at a path, which everybody gets.
    pub(super) fn put(&self, path: &str, file: &File) {
        let served = Served { content: file.bytes().into(), script: [Answer::Whole].into(), sent: 0 };
        lock(&self.shared).paths.insert(path.to_owned(), served);
    }

    /// What those who ask for it get from now on.
    pub(super) fn script(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        if let Some(served) = lock(&self.shared).paths.get_mut(path) {
            served.script = answers.into_iter().collect();
        }
    }

    /// What was done to the client since the last time.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared).log)
    }

    /// Bytes of a file that were sent, of all answers together.
    pub(super) fn sent(&self, path: &str) -> u64 {
        lock(&self.shared).paths.get(path).map_or(0, |served| served.sent)
    }

    pub(super) fn connections(&self) -> usize {
        lock(&self.shared).connections
    }

    pub(super) fn wait_until_held(&self, path: &str) -> Result<()> {
        loop {
            if self.held.recv_timeout(PATIENCE).context("the download did not get that far")? == path {
                return Ok(());
            }
        }
    }
}

/// A port where nobody listens, and which nobody else gets.
pub(super) struct Refusing {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Refusing {
    pub(super) fn start() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, shared: &Mutex<Shared>, hold: &Sender<String>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut path, mut from) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if path.is_empty() {
            line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
        } else if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            from = range.trim().trim_end_matches('-').parse().unwrap_or(0);
        }
    }
    let (content, answer) = {
        let mut shared = lock(shared);
        let served = shared.paths.entry(path.clone()).or_default();
        let script = &mut served.script;
        let answer = if script.len() > 1 { script.pop_front() } else { script.front().copied() };
        (Arc::clone(&served.content), answer.unwrap_or(Answer::Status(404)))
    };
    let asked = if from > 0 { format!("{path} from byte {from}") } else { path.clone() };
    let say = |what: &str| lock(shared).log.push(format!("{asked} -> {what}"));
    let rest = content.get(from..).unwrap_or_default();
    let part = |bytes: u64| rest.get(..usize::try_from(bytes).unwrap_or(usize::MAX)).unwrap_or(rest);
    let body = |stream: &mut TcpStream, bytes: &[u8]| -> Result<()> {
        head(stream, from, content.len())?;
        for piece in bytes.chunks(PIECE) {
            stream.write_all(piece)?;
            if let Some(served) = lock(shared).paths.get_mut(&path) {
                served.sent += piece.len() as u64;
            }
        }
        Ok(stream.flush()?)
    };
    if from > 0 && rest.is_empty() && matches!(answer, Answer::Whole) {
        say("416, there is no more");
        let range = format!("Content-Range: bytes */{}\r\n", content.len());
        write!(stream, "HTTP/1.1 416 No More\r\n{range}Content-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Ok(());
    }
    match answer {
        Answer::Reset => say("connection cut"),
        Answer::RetryAfter(seconds) => {
            say(&format!("503, Retry-After: {seconds}"));
            let wait = format!("Retry-After: {seconds}\r\n");
            write!(stream, "HTTP/1.1 503 Slow Down\r\n{wait}Content-Length: 0\r\nConnection: close\r\n\r\n")?;
        }
        Answer::Status(code) => {
            say(&code.to_string());
            write!(stream, "HTTP/1.1 {code} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        }
        Answer::CutAfter(bytes) => {
            say(&format!("{} bytes, then cut", part(bytes).len()));
            body(&mut stream, part(bytes))?;
        }
        Answer::HoldAfter(bytes) => {
            say(&format!("{} bytes, then silence", part(bytes).len()));
            body(&mut stream, part(bytes))?;
            hold.send(path.clone())?;
            // Until the client is gone.
            reader.read_line(&mut String::new())?;
        }
        Answer::Whole => {
            say(&format!("{} bytes, all that was left", rest.len()));
            body(&mut stream, rest)?;
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
