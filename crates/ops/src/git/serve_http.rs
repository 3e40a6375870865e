//! The attempt's side of an HTTP clone: sends what gix asks for, under the limits of every request of ours.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::sync::mpsc;
use url::Url;

use super::advertisement::Beginning;
use super::limits::Taken;
use super::listening::Listening;
use super::wire::{Answer, Ask, Incoming, Piece};
use super::{GitError, advertisement, words};
use crate::attempt::Attempt;
use crate::env::Env;
use crate::http::{
    Connection, Credentials, Fact, HttpClient, HttpError, HttpRequest, HttpResponse, SafeUrl, follow,
    host_and_port, no_answer, retry_after, silent,
};

/// Bytes of a list of refs that are waited for: with the first line, in which is what the server can do.
const FIRST_LINES: usize = 128 << 10;
/// Bytes of an answer in which a refusal is looked for.
const LONGEST_BEGINNING: usize = 64 << 10;
/// What a redirect must leave of the first request's path.
const FIRST: &str = "/info/refs";

/// How long each wait may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) connect: Duration,
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

/// Serves one attempt's requests.
pub(super) struct HttpSide<'a> {
    pub(super) env: &'a Env,
    pub(super) client: &'a dyn HttpClient,
    pub(super) credentials: &'a Credentials,
    /// As it was typed, with its credentials.
    pub(super) url: &'a Url,
    pub(super) waits: Waits,
    /// The memory that gix takes for what it heard.
    pub(super) heard: Arc<Taken>,
    pub(super) attempt: &'a Attempt,
    pub(super) bytes: u64,
    /// Whether the server speaks protocol 2, in which a refusal has a frame that gix knows.
    pub(super) is_version_2: bool,
}

impl HttpSide<'_> {
    /// Answers until nobody asks any more, or to the first failure: gix gets no answer then.
    pub(super) async fn serve(&mut self, mut asks: mpsc::UnboundedReceiver<Ask>) -> Result<(), GitError> {
        while let Some(ask) = asks.recv().await {
            self.answer(ask).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, ask: Ask) -> Result<(), GitError> {
        let is_first = ask.post.is_none();
        let (response, base) =
            if is_first { self.first(&ask).await? } else { (self.next(&ask).await?, None) };
        self.attempt.answered();
        let status = response.status;
        if !status.is_success() {
            let retry_after = retry_after(&response.headers, self.env.wall());
            return Err(GitError::Status { status, retry_after });
        }
        let headers = lines(&response.headers);
        let (pieces, body) = Incoming::channel();
        if ask.answer.send(Answer { headers, base, body }).is_err() {
            return Ok(());
        }
        if is_first { self.list(response, pieces).await } else { self.stream(response, pieces).await }
    }

    /// The request for the list of refs: the only one that is led elsewhere.
    async fn first(&self, ask: &Ask) -> Result<(HttpResponse, Option<String>), GitError> {
        let request = self.request(ask, Method::GET, Bytes::new())?;
        let asked = request.url.clone();
        let limit = self.limit();
        let response = follow(self.env, self.client, request, limit).await?;
        if response.redirects == 0 {
            return Ok((response, None));
        }
        let mut base = response.url.clone();
        let Some(path) = base.path().strip_suffix(FIRST).map(str::to_owned) else {
            let words = format!("led to {}, which is no repository's list", SafeUrl::new(&base));
            let host = host_and_port(&asked);
            return Err(HttpError::new(Fact::RedirectRefused).in_words(words).with(|| host).into());
        };
        base.set_path(&path);
        base.set_query(None);
        Ok((response, Some(base.to_string())))
    }

    async fn next(&self, ask: &Ask) -> Result<HttpResponse, GitError> {
        let body = Bytes::from(ask.post.clone().unwrap_or_default());
        let request = self.request(ask, Method::POST, body)?;
        let host = host_and_port(&request.url);
        let limit = self.limit();
        let answer = self.env.until(self.env.now().after(limit), self.client.send(request)).await;
        let response = match answer {
            Some(response) => response.map_err(|error| error.with(|| host.clone()))?,
            None => return Err(no_answer(limit).with(|| host).into()),
        };
        if response.status.is_redirection() {
            let words = "a redirect in the middle of a conversation";
            return Err(HttpError::new(Fact::RedirectRefused).in_words(words).with(|| host).into());
        }
        Ok(response)
    }

    /// How long the head of an answer may take: as long as silence may last wherever it falls, a head that drips no
    /// longer than a small request, and neither so long that no other attempt is left.
    fn limit(&self) -> Duration {
        self.attempt.leaving_time(self.env.now(), self.waits.head.min(self.waits.idle))
    }

    fn request(&self, ask: &Ask, method: Method, body: Bytes) -> Result<HttpRequest, GitError> {
        let unusable = |why: &str| GitError::Protocol { why: why.into() };
        let url = Url::parse(&ask.url).map_err(|_| unusable("a request to what is no URL"))?;
        let mut request = HttpRequest { method, body, ..HttpRequest::get(url) };
        for line in &ask.headers {
            let (name, value) = line.split_once(':').ok_or_else(|| unusable("a header without a name"))?;
            let name =
                HeaderName::try_from(name.trim()).map_err(|_| unusable("a header with an odd name"))?;
            let value =
                HeaderValue::try_from(value.trim()).map_err(|_| unusable("a header with an odd value"))?;
            request.headers.insert(name, value);
        }
        request.headers.extend(self.secrets(&request.url));
        request.credentials = self.credentials.clone();
        request.connect_limit = self.attempt.leaving_time(self.env.now(), self.waits.connect);
        request.connection = Connection::Shared;
        Ok(request)
    }

    /// What was typed in the URL goes to its own server only; one that we were sent to is told no more than in
    /// the redirect itself.
    fn secrets(&self, url: &Url) -> HeaderMap {
        if !crate::http::same_origin(self.url, url) {
            return self.credentials.headers_elsewhere(url);
        }
        let mut url = url.clone();
        // Both are URLs with a host, which take them.
        let _ = url.set_username(self.url.username());
        let _ = url.set_password(self.url.password());
        self.credentials.headers_for(&url)
    }

    /// The list of refs: an old server's first lines are changed on the way.
    async fn list(
        &mut self,
        mut response: HttpResponse,
        pieces: mpsc::Sender<Piece>,
    ) -> Result<(), GitError> {
        let mut listening = Listening::new(&self.heard);
        let mut first = Vec::new();
        while first.len() < FIRST_LINES
            && let Some(chunk) = self.chunk(&mut response, &mut listening).await?
        {
            first.extend_from_slice(&chunk);
        }
        self.is_version_2 = advertisement::is_version_2(&first);
        advertisement::without_version_line(&mut first);
        advertisement::without_relative_depth(&mut first);
        // Who has hung up has what it wants, or has failed.
        if pieces.send(Piece::Bytes(first.into())).await.is_err() {
            return Ok(());
        }
        self.rest(&mut response, &mut listening, &pieces).await
    }

    /// All that comes after what was looked at.
    async fn rest(
        &mut self,
        response: &mut HttpResponse,
        listening: &mut Listening,
        pieces: &mpsc::Sender<Piece>,
    ) -> Result<(), GitError> {
        while let Some(chunk) = self.chunk(response, listening).await? {
            if pieces.send(Piece::Bytes(chunk)).await.is_err() {
                return Ok(());
            }
        }
        let _ = pieces.send(Piece::End).await;
        Ok(())
    }

    async fn stream(
        &mut self,
        mut response: HttpResponse,
        pieces: mpsc::Sender<Piece>,
    ) -> Result<(), GitError> {
        let mut listening = Listening::new(&self.heard).of_answers();
        // Held back until it is known to be no refusal; that is a line or two.
        let mut begun = BytesMut::new();
        while !self.is_version_2
            && let Some(chunk) = self.chunk(&mut response, &mut listening).await?
        {
            begun.extend_from_slice(&chunk);
            match advertisement::beginning(&begun) {
                Beginning::Refused(said) => return Err(words::of_refusal(&said)),
                Beginning::Open if begun.len() < LONGEST_BEGINNING => {}
                Beginning::Open | Beginning::Fine => break,
            }
        }
        // gix has what it wants, or has failed.
        if !begun.is_empty() && pieces.send(Piece::Bytes(begun.freeze())).await.is_err() {
            return Ok(());
        }
        self.rest(&mut response, &mut listening, &pieces).await
    }

    async fn chunk(
        &mut self,
        response: &mut HttpResponse,
        listening: &mut Listening,
    ) -> Result<Option<Bytes>, GitError> {
        let idle = self.waits.idle;
        let chunk = self.env.until(self.env.now().after(idle), response.body.chunk()).await;
        let host = || host_and_port(&response.url);
        match chunk {
            Some(Ok(chunk)) => {
                let came = chunk.as_ref().map_or(0, |chunk| u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                self.bytes = self.bytes.saturating_add(came);
                self.attempt.progress(self.bytes, None, 0);
                listening.hear(chunk.as_deref().unwrap_or_default())?;
                Ok(chunk)
            }
            Some(Err(error)) => Err(error.with(host).into()),
            None => Err(silent(idle).with(host).into()),
        }
    }
}

/// The headers that gix looks at, a line each.
fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for value in headers.get_all(header::CONTENT_TYPE) {
        lines.extend_from_slice(b"content-type: ");
        // What follows a semicolon says nothing here.
        lines.extend(value.as_bytes().iter().take_while(|byte| **byte != b';'));
        lines.push(b'\n');
    }
    lines
}
