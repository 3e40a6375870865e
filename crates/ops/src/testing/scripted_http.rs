//! An HTTP client whose answers are written down beforehand: status, headers, and a body that
//! pauses, breaks off or falls silent where the script says so.
//!
//! ```
//! use vps_ops::env::Env;
//! use vps_ops::http::{Fact, HttpClient, HttpRequest};
//! use vps_ops::testing::scripted_http::{Script, ScriptedHttp};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let http = ScriptedHttp::new(Env::real(), |_request, number| match number {
//!     1 => Script::fails(Fact::Refused),
//!     _ => Script::status(200).sends(b"hello"),
//! });
//! let request = HttpRequest::get("http://example.com/".parse().unwrap());
//! assert_eq!(http.send(request.clone()).await.unwrap_err().fact(), Fact::Refused);
//! let mut response = http.send(request).await.unwrap();
//! assert_eq!(response.body.chunk().await.unwrap().unwrap(), "hello");
//! # });
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::env::{BoxFuture, Env};
use crate::http::{Body, BodySource, Fact, HttpClient, HttpError, HttpRequest, HttpResponse};

/// What happens in a body.
#[derive(Clone, Debug)]
enum Piece {
    Bytes(Bytes),
    Wait(Duration),
    Fail(Fact),
    Silence,
}

/// One answer.
#[derive(Clone, Debug)]
#[must_use = "a script does nothing until a client answers with it"]
pub struct Script {
    wait: Duration,
    fails: Option<Fact>,
    status: StatusCode,
    headers: HeaderMap,
    pieces: VecDeque<Piece>,
}

impl Script {
    /// A response with this status, no headers and no body. 500 where it is no status.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { wait: Duration::ZERO, fails: None, status, headers: HeaderMap::new(), pieces: VecDeque::new() }
    }

    /// No response at all.
    pub fn fails(fact: Fact) -> Self {
        Self { fails: Some(fact), ..Self::status(500) }
    }

    /// A redirect.
    pub fn redirects(to: &str) -> Self {
        Self::status(302).header("location", to)
    }

    /// The same, after a pause.
    pub fn after(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The same, with a header; what cannot be one is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            self.headers.append(name, value);
        }
        self
    }

    /// The same, with bytes in its body.
    pub fn sends(mut self, bytes: &[u8]) -> Self {
        self.pieces.push_back(Piece::Bytes(Bytes::copy_from_slice(bytes)));
        self
    }

    /// The same, with a pause in its body.
    pub fn waits(mut self, wait: Duration) -> Self {
        self.pieces.push_back(Piece::Wait(wait));
        self
    }

    /// The same, breaking off here.
    pub fn breaks(mut self, fact: Fact) -> Self {
        self.pieces.push_back(Piece::Fail(fact));
        self
    }

    /// The same, sending nothing more without ending.
    pub fn falls_silent(mut self) -> Self {
        self.pieces.push_back(Piece::Silence);
        self
    }

    /// The same body, broken off with `fact` after its first `bytes`.
    pub fn cut_after(mut self, bytes: usize, fact: Fact) -> Self {
        let mut left = bytes;
        let mut pieces = VecDeque::new();
        for piece in self.pieces {
            match piece {
                Piece::Bytes(data) if data.len() >= left => {
                    pieces.push_back(Piece::Bytes(data.slice(..left)));
                    break;
                }
                Piece::Bytes(data) => {
                    left -= data.len();
                    pieces.push_back(Piece::Bytes(data));
                }
                other => pieces.push_back(other),
            }
        }
        pieces.push_back(Piece::Fail(fact));
        self.pieces = pieces;
        self
    }
}

/// A file on a well-behaved server: ranges, conditions, a strong tag.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScriptedFile {
    /// What it holds.
    pub content: Bytes,
    /// Its entity tag, quotes included; none where the server sends none.
    pub etag: Option<String>,
    /// Bytes in each chunk of a body.
    pub chunk: usize,
}

impl ScriptedFile {
    /// A file with the strong tag `"1"`, sent 16 KiB at a time.
    #[must_use]
    pub fn new(content: impl Into<Bytes>) -> Self {
        Self { content: content.into(), etag: Some("\"1\"".to_owned()), chunk: 16 << 10 }
    }

    /// `len` bytes that differ from place to place, so that a wrong splice shows.
    #[must_use]
    pub fn of_len(len: usize, seed: u8) -> Self {
        let byte =
            |at: usize| (at ^ (at >> 7) ^ (at >> 13)).to_le_bytes()[0].wrapping_mul(31).wrapping_add(seed);
        Self::new((0..len).map(byte).collect::<Vec<_>>())
    }

    /// The answer to `request`, as RFC 9110 has it.
    pub fn answer(&self, request: &HttpRequest) -> Script {
        let total = self.content.len();
        let etag = |script: Script| self.etag.iter().fold(script, |script, tag| script.header("etag", tag));
        let text = |name| request.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let holds = text(header::IF_RANGE).is_none_or(|tag| self.etag.as_deref() == Some(tag));
        let start = text(header::RANGE)
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok())
            .filter(|_| holds);
        match start {
            None => etag(self.body(Script::status(200).header("content-length", &total.to_string()), 0)),
            Some(start) if start >= total => {
                etag(Script::status(416).header("content-range", &format!("bytes */{total}")))
            }
            Some(start) => {
                let range = format!("bytes {start}-{}/{total}", total - 1);
                let head = Script::status(206)
                    .header("content-range", &range)
                    .header("content-length", &(total - start).to_string());
                etag(self.body(head, start))
            }
        }
    }

    fn body(&self, head: Script, start: usize) -> Script {
        let (mut script, mut rest) = (head, self.content.slice(start.min(self.content.len())..));
        while !rest.is_empty() {
            script.pieces.push_back(Piece::Bytes(rest.split_to(rest.len().min(self.chunk.max(1)))));
        }
        script
    }
}

type Answer = dyn Fn(&HttpRequest, usize) -> Script + Send + Sync;

/// A client that answers as scripted, and remembers what it was asked. Clones share that.
#[derive(Clone)]
pub struct ScriptedHttp {
    env: Env,
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<HttpRequest>>>,
}

impl fmt::Debug for ScriptedHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedHttp").finish_non_exhaustive()
    }
}

impl ScriptedHttp {
    /// Answers each request by `answer`, which is told its number, from 1.
    pub fn new(env: Env, answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static) -> Self {
        Self { env, answer: Arc::new(answer), asked: Arc::default() }
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<HttpRequest> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl HttpClient for ScriptedHttp {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let number = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(request.clone());
            asked.len()
        };
        let script = (self.answer)(&request, number);
        if !script.wait.is_zero() {
            self.env.sleep(script.wait).await;
        }
        if let Some(fact) = script.fails {
            return Err(HttpError::new(fact));
        }
        let body = Body::new(ScriptedBody { env: self.env.clone(), pieces: script.pieces, waiting: None });
        Ok(HttpResponse::new(script.status, script.headers, request.url, body))
    }
}

struct ScriptedBody {
    env: Env,
    pieces: VecDeque<Piece>,
    waiting: Option<BoxFuture<()>>,
}

impl BodySource for ScriptedBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            match self.pieces.pop_front() {
                Some(Piece::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Wait(wait)) => self.waiting = Some(self.env.sleep(wait)),
                Some(Piece::Fail(fact)) => return Poll::Ready(Some(Err(HttpError::new(fact)))),
                Some(Piece::Silence) => self.waiting = Some(Box::pin(std::future::pending())),
                None => return Poll::Ready(None),
            }
        }
    }
}
