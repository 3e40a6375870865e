//! The one place of the test peers that starts threads and tasks, looks at the clock and sleeps: the
//! peers live in real time, beside the program under test.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpStream;

/// How long a closed connection waits for the client to close too.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// The present, as `Date` says it.
#[expect(clippy::disallowed_methods, reason = "a real server has the real date")]
pub(super) fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// A moment to measure from.
#[expect(clippy::disallowed_methods, reason = "a real server lives in real time")]
pub(super) fn moment() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the pace of a slow server")]
pub(super) async fn pause(gap: Duration) {
    tokio::time::sleep(gap).await;
}

/// Ends `future` when `limit` is over.
#[expect(clippy::disallowed_methods, reason = "a client that stays must not keep a task for ever")]
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

#[expect(clippy::disallowed_methods, reason = "one task a connection")]
pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// Work that blocks, on another thread.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// A runtime on a thread of its own, so that blocking tests and other processes are served too. It
/// ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub(super) struct Background {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Background {
    /// Runs `start` there, hands back what it returns, and keeps the runtime going.
    #[expect(clippy::disallowed_methods, reason = "the server's own thread")]
    pub(super) fn run<T, F>(start: impl FnOnce() -> F + Send + 'static) -> (T, Self)
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (give, take) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let started = start().await;
                give.send(started).unwrap();
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        });
        let started = take.recv().expect("the server starts");
        (started, Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns when the client's kernel has acknowledged everything, or the connection is gone.
pub(super) async fn drained(stream: &TcpStream) {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return };
    for _ in 0..2000 {
        match unacknowledged(local, peer) {
            Some(0) | None => return,
            Some(_) => pause(Duration::from_millis(1)).await,
        }
    }
}

/// The bytes in the kernel's send queue of a connection, from its table.
fn unacknowledged(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let (SocketAddr::V4(local), SocketAddr::V4(peer)) = (local, peer) else { return None };
    let written = |address: std::net::SocketAddrV4| {
        format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
    };
    let ends = format!(" {} {} ", written(local), written(peer));
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let (_, rest) = table.split_once(&ends)?;
    let queues = rest.split_whitespace().nth(1)?;
    u64::from_str_radix(queues.split(':').next()?, 16).ok()
}
