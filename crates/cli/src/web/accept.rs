//! Connections: how many, how long, how much. Each has one request, so that a silent one can hold nothing for long.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_ops::env::{Env, Task};

use super::listen::Listener;

/// What goes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Who answers requests.
pub(crate) trait Answer: Send + Sync + 'static {
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// What a connection may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// At once. More wait where the system keeps them; no longer than those take that are there.
    connections: usize,
    /// From being connected to the end of the request's head, a TLS handshake included.
    head: Duration,
    /// In all.
    whole: Duration,
    /// Bytes of the request's head.
    head_bytes: usize,
    /// After our last word, for what a client still sends: it would not read our answer otherwise.
    linger: Duration,
    /// After a stop, for those that are there.
    drain: Duration,
}

impl Limits {
    pub(crate) const USUAL: Self = Self {
        connections: 64,
        head: Duration::from_secs(5),
        whole: Duration::from_secs(10),
        head_bytes: 8 * 1024,
        linger: Duration::from_secs(1),
        drain: Duration::from_secs(5),
    };
}

/// Read and thrown away after our last word.
const MOST_LINGERED: usize = 64 * 1024;
/// After an error that is not one connection's, such as no descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers until `cancel`; then the listener closes first, and those that are connected have a while.
pub(crate) async fn accept<A: Answer>(
    env: &Env,
    listener: Listener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    answers: Arc<A>,
    cancel: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut tasks: Vec<Task> = Vec::with_capacity(limits.connections);
    loop {
        let place = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        // Nobody closes it.
        let Ok(place) = place else { break };
        tasks.retain(|task| !task.is_finished());
        let accepted = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) => {
                let (env_of, tls, answers) = (env.clone(), tls.clone(), Arc::clone(&answers));
                tasks.push(env.spawn("serve", async move {
                    connection(&env_of, stream, tls.as_ref(), limits, answers).await;
                    drop(place);
                }));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("no connection can be taken: {error}");
                env.bell(env.now().after(PAUSE)).await;
            }
        }
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    // Who is not done by then is cut.
    let _ = env.until(env.now().after(limits.drain), places.acquire_many(all)).await;
    drop(tasks);
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, InvalidInput};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | InvalidInput
    )
}

/// One connection from end to end, within its limits.
async fn connection<A: Answer>(
    env: &Env,
    stream: Box<dyn Stream>,
    tls: Option<&TlsAcceptor>,
    limits: Limits,
    answers: Arc<A>,
) {
    let began = env.now();
    let head_until = began.after(limits.head);
    // TLS makes it large, and there are many of them.
    let whole = Box::pin(async {
        match tls {
            None => exchange(env, stream, head_until, limits, answers).await,
            Some(tls) => match env.until(head_until, tls.accept(stream)).await {
                Some(Ok(stream)) => exchange(env, stream, head_until, limits, answers).await,
                Some(Err(error)) => tracing::debug!("no TLS with a client: {error}"),
                None => {}
            },
        }
    });
    // Who is not done by then is cut.
    let _ = env.until(began.after(limits.whole), whole).await;
}

/// One request and its answer.
async fn exchange<S: Stream, A: Answer>(
    env: &Env,
    mut stream: S,
    head_until: Tick,
    limits: Limits,
    answers: Arc<A>,
) {
    let asked = AtomicBool::new(false);
    {
        let service = service_fn(|request| {
            asked.store(true, Ordering::Relaxed);
            let answers = Arc::clone(&answers);
            async move { Ok::<_, Infallible>(answers.answer(request).await) }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            // A client may close its side once it has asked.
            .half_close(true)
            .header_read_timeout(None)
            .max_buf_size(limits.head_bytes)
            .serve_connection(TokioIo::new(&mut stream), service);
        // Large, and not worth to be moved about.
        let mut served = Box::pin(served);
        let head = poll_fn(|context| match served.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if asked.load(Ordering::Relaxed) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        match env.until(head_until, head).await {
            // It asked nothing in time.
            None => return,
            Some(true) => {}
            // What goes wrong with a client's connection is the client's.
            Some(false) => drop(served.await),
        }
    }
    let _ = env.until(env.now().after(limits.linger), linger(stream)).await;
}

/// Reads what is still sent: closed with something unread, a connection is reset, and our answer lost.
async fn linger(mut stream: impl Stream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let (mut sink, mut left) = ([0; 1024], MOST_LINGERED);
    while left > 0 {
        match stream.read(&mut sink).await {
            Ok(0) | Err(_) => return,
            Ok(count) => left = left.saturating_sub(count),
        }
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
