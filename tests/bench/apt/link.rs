//! A link with a delay and a rate, in front of a server: bytes pass untouched, so that keep-alive and
//! pipelining are what the two ends make of them.
//!
//! Each direction of a connection is a queue of chunks that know when they may arrive: what is on its way
//! takes its time beside, not after, what went before. Rates hold for what the server sends.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::traffic::Traffic;

/// Bytes read at once: where there is a rate, few enough that it is even.
const CHUNK: usize = 64 << 10;
const PACED_CHUNK: usize = 16 << 10;
/// Chunks on their way in one direction. Where there is a rate they wait for their turn here, as in a
/// router: what is late, since this machine has other work, is not lost.
const ON_THE_WAY: usize = 1_024;
const PACED_ON_THE_WAY: usize = 64;
/// How a TCP sender begins, and how much a receiver lets be on its way, as Linux has it.
const FIRST_WINDOW: usize = 10 * 1_448;
const LAST_WINDOW: usize = 6 << 20;

/// What a link is like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// From one end to the other; half a round trip.
    pub(crate) one_way: Duration,
    /// Bytes a second of each connection.
    pub(crate) each: Option<f64>,
    /// Bytes a second of all connections together.
    pub(crate) shared: Option<f64>,
    /// Whether a connection begins slowly, as TCP does over a distance: ten segments, twice as many each
    /// round trip.
    pub(crate) slow_start: bool,
}

/// A link to one server.
pub(crate) struct Link {
    address: SocketAddr,
    shape: Arc<Mutex<Shape>>,
    pub(crate) traffic: Traffic,
}

impl Link {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shape = Arc::new(Mutex::new(Shape::default()));
        let traffic = Traffic::default();
        let pace = Arc::new(Mutex::new(Pace::default()));
        let (now, seen) = (Arc::clone(&shape), traffic.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shape = *now.lock().unwrap();
                seen.connected();
                // Nobody is to be told of a connection that breaks.
                let _ = carry(client, server, shape, &pace, &seen);
            }
        });
        Self { address, shape, traffic }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What connections from now on are like.
    pub(crate) fn shape(&self, shape: Shape) {
        *self.shape.lock().unwrap() = shape;
    }
}

/// When the line is free again.
#[derive(Debug, Default)]
struct Pace {
    free: Option<Instant>,
}

impl Pace {
    /// Takes the line for this many bytes, and says when they have passed.
    fn pass(&mut self, bytes: usize, rate: f64) -> Instant {
        let now = Instant::now();
        let begin = self.free.map_or(now, |free| free.max(now));
        let end = begin + Duration::from_secs_f64(f64::from(u32::try_from(bytes).unwrap()) / rate);
        self.free = Some(end);
        end
    }
}

fn carry(
    client: TcpStream,
    server: SocketAddr,
    shape: Shape,
    shared: &Arc<Mutex<Pace>>,
    traffic: &Traffic,
) -> std::io::Result<()> {
    // The handshake takes a round trip, which the client's own kernel does not see.
    let open = Instant::now() + 2 * shape.one_way;
    let server = TcpStream::connect(server)?;
    for end in [&client, &server] {
        end.set_nodelay(true)?;
    }
    let up = Direction { shape, open, shared: None, window: None, traffic: None };
    let down = Direction {
        shape,
        open,
        shared: Some(Arc::clone(shared)),
        window: shape.slow_start.then(Window::new),
        traffic: Some(traffic.clone()),
    };
    up.start(client.try_clone()?, server.try_clone()?);
    down.start(server, client);
    Ok(())
}

/// One direction of a connection.
struct Direction {
    shape: Shape,
    /// Before that nothing is sent.
    open: Instant,
    /// The line that all share; `None` upwards, where there is no rate.
    shared: Option<Arc<Mutex<Pace>>>,
    window: Option<Window>,
    traffic: Option<Traffic>,
}

impl Direction {
    fn start(self, from: TcpStream, to: TcpStream) {
        let (send, receive) = sync_channel(if self.is_paced() { PACED_ON_THE_WAY } else { ON_THE_WAY });
        let traffic = self.traffic.clone();
        std::thread::spawn(move || self.take(from, &send));
        std::thread::spawn(move || deliver(to, &receive, traffic.as_ref()));
    }

    /// Whether what it carries has a rate.
    const fn is_paced(&self) -> bool {
        self.shared.is_some() && (self.shape.each.is_some() || self.shape.shared.is_some())
    }

    fn take(mut self, mut from: TcpStream, send: &SyncSender<(Instant, Vec<u8>)>) {
        let downwards = self.shared.is_some();
        let mut buffer = vec![0; if self.is_paced() { PACED_CHUNK } else { CHUNK }];
        let mut own = Pace::default();
        loop {
            let room = self.window.as_mut().map_or(buffer.len(), |window| window.room().min(buffer.len()));
            let Ok(read @ 1..) = from.read(&mut buffer[..room]) else { return };
            let mut sent = Instant::now().max(self.open);
            if let (true, Some(rate)) = (downwards, self.shape.each) {
                sent = sent.max(own.pass(read, rate));
            }
            if let (Some(line), Some(rate)) = (&self.shared, self.shape.shared) {
                sent = sent.max(line.lock().unwrap().pass(read, rate));
            }
            let arrives = sent + self.shape.one_way;
            if let Some(window) = &mut self.window {
                window.sent(read, arrives + self.shape.one_way);
            }
            if send.send((arrives, buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    }
}

fn deliver(mut to: TcpStream, receive: &Receiver<(Instant, Vec<u8>)>, traffic: Option<&Traffic>) {
    for (at, bytes) in receive {
        until(at);
        if to.write_all(&bytes).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        if let Some(traffic) = traffic {
            traffic.delivered(bytes.len());
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn until(at: Instant) {
    let left = at.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

/// How much may be on its way before the receiver has said that it came.
struct Window {
    size: usize,
    on_the_way: std::collections::VecDeque<(Instant, usize)>,
    sum: usize,
}

impl Window {
    fn new() -> Self {
        Self { size: FIRST_WINDOW, on_the_way: std::collections::VecDeque::new(), sum: 0 }
    }

    /// Waits until something may be sent, and says how much. What came makes the window as much larger.
    fn room(&mut self) -> usize {
        loop {
            let now = Instant::now();
            while let Some((_, bytes)) = self.on_the_way.pop_front_if(|(at, _)| *at <= now) {
                self.sum -= bytes;
                self.size = (self.size + bytes).min(LAST_WINDOW);
            }
            if self.sum < self.size {
                return self.size - self.sum;
            }
            let Some((next, _)) = self.on_the_way.front() else { return self.size };
            until(*next);
        }
    }

    fn sent(&mut self, bytes: usize, known: Instant) {
        self.on_the_way.push_back((known, bytes));
        self.sum += bytes;
    }
}
