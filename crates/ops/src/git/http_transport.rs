//! gix's idea of HTTP over the attempt's: see [`wire`](super::wire).

use std::any::Any;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use tokio::sync::{mpsc, oneshot};

use super::wire::{Answer, Ask, Incoming, given_up};

/// Asks the attempt for each request.
#[derive(Debug)]
pub(super) struct WiredHttp {
    asks: mpsc::UnboundedSender<Ask>,
    base: Option<String>,
}

impl WiredHttp {
    pub(super) fn new(asks: mpsc::UnboundedSender<Ask>) -> Self {
        Self { asks, base: None }
    }
}

impl Http for WiredHttp {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let ask = Unsent::new(url, headers, None);
        let answer = ask.send(&self.asks).map_err(gix::Error::from_error)?;
        self.base = answer.base;
        Ok(GetResponse {
            headers: Headers(Source::Here(Cursor::new(answer.headers))),
            body: Body { here: Some(answer.body), later: None },
        })
    }

    /// gix writes what is to be sent after this returns: it is sent when gix first wants to read.
    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, PostBody>> {
        let exchange = Exchange {
            asks: self.asks.clone(),
            unsent: Some(Unsent::new(url, headers, Some(Vec::new()))),
            body: None,
        };
        let exchange = Arc::new(Mutex::new(exchange));
        Ok(PostResponse {
            post_body: PostBody(Arc::clone(&exchange)),
            headers: Headers(Source::Later(Arc::clone(&exchange))),
            body: Body { here: None, later: Some(exchange) },
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.base.clone()
    }
}

/// A request that was not sent yet.
#[derive(Debug)]
struct Unsent {
    url: String,
    headers: Vec<String>,
    post: Option<Vec<u8>>,
}

impl Unsent {
    fn new(url: &str, headers: impl IntoIterator<Item = impl AsRef<str>>, post: Option<Vec<u8>>) -> Self {
        let headers = headers.into_iter().map(|header| header.as_ref().to_owned()).collect();
        Self { url: url.to_owned(), headers, post }
    }

    fn send(self, asks: &mpsc::UnboundedSender<Ask>) -> io::Result<Answer> {
        let (answer, answered) = oneshot::channel();
        let Self { url, headers, post } = self;
        asks.send(Ask { url, headers, post, answer }).map_err(|_| given_up())?;
        answered.blocking_recv().map_err(|_| given_up())
    }
}

/// A POST: what is written, then what is answered.
#[derive(Debug)]
pub(super) struct Exchange {
    asks: mpsc::UnboundedSender<Ask>,
    unsent: Option<Unsent>,
    body: Option<Incoming>,
}

impl Exchange {
    /// Sends it, once; the headers of the answer.
    fn send(&mut self) -> io::Result<Vec<u8>> {
        let Some(unsent) = self.unsent.take() else { return Ok(Vec::new()) };
        let answer = unsent.send(&self.asks)?;
        self.body = Some(answer.body);
        Ok(answer.headers)
    }
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct PostBody(Arc<Mutex<Exchange>>);

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match exchange.unsent.as_mut().and_then(|unsent| unsent.post.as_mut()) {
            Some(post) => post.write(bytes),
            None => Err(io::Error::other("the request was sent already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
enum Source {
    Here(Cursor<Vec<u8>>),
    Later(Arc<Mutex<Exchange>>),
}

/// The headers of an answer, a line each.
#[derive(Debug)]
pub(super) struct Headers(Source);

impl Headers {
    fn here(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if let Source::Later(exchange) = &self.0 {
            let headers = exchange.lock().unwrap_or_else(PoisonError::into_inner).send()?;
            self.0 = Source::Here(Cursor::new(headers));
        }
        match &mut self.0 {
            Source::Here(headers) => Ok(headers),
            Source::Later(_) => Err(given_up()),
        }
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.here()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.here()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Source::Here(headers) = &mut self.0 {
            headers.consume(amount);
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Body {
    here: Option<Incoming>,
    later: Option<Arc<Mutex<Exchange>>>,
}

impl Body {
    fn here(&mut self) -> io::Result<&mut Incoming> {
        if let Some(exchange) = self.later.take() {
            let mut exchange = exchange.lock().unwrap_or_else(PoisonError::into_inner);
            exchange.send()?;
            self.here = exchange.body.take();
        }
        self.here.as_mut().ok_or_else(given_up)
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.here()?.read(buffer)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.here()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(here) = &mut self.here {
            here.consume(amount);
        }
    }
}
