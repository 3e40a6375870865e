//! The request, and as many more of it as one attempt may need: after a restart, or because a
//! signed URL behind a redirect has run out.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use url::Url;

use super::attempt::Failed;
use super::error::Fault;
use super::part::Part;
use super::record::Origin;
use super::request::DownloadRequest;
use super::validator::Validator;
use super::words::{Answer, Asked, read};
use crate::attempt::Attempt;
use crate::env::Env;
use crate::http::{
    Body, Connection, HttpClient, HttpRequest, HttpResponse, follow, host_and_port, retry_after,
};

/// A file, or the rest of one, about to arrive.
pub(super) struct Incoming {
    pub(super) body: Body,
    /// Who sends it.
    pub(super) host: String,
    /// Its length, where known.
    pub(super) total: Option<u64>,
    /// Where this answer ends, if it is not to the end of the file.
    pub(super) until: Option<u64>,
    /// What the server says that it is, if that is a page for people.
    pub(super) page: bool,
    /// Whether nothing but the end of the connection says that it is complete.
    pub(super) closes: bool,
}

/// What asking needs to know.
pub(super) struct Asking<'a> {
    pub(super) env: &'a Env,
    pub(super) http: &'a dyn HttpClient,
    pub(super) request: &'a DownloadRequest,
    /// The source, always as it was given: what redirects led to may have run out.
    pub(super) url: &'a Url,
    pub(super) attempt: &'a Attempt,
    /// Whether the connection must be one of its own, whatever the request says.
    pub(super) own: bool,
}

impl Asking<'_> {
    /// Asks until there is a body to receive. The part is set to receive it: empty, or as long as
    /// what was asked from.
    pub(super) async fn ask(&self, part: &mut Part, mut asked: Asked) -> Result<Incoming, Failed> {
        let mut renewed = false;
        loop {
            let response = self.send(&asked).await?;
            self.attempt.answered();
            let host = host_and_port(&response.url);
            match read(&asked, response.status, &response.headers, response.version) {
                Answer::Whole { total, closes } => {
                    let HttpResponse { headers, body, .. } = response;
                    self.begin_anew(part, Validator::of(&headers), total).await?;
                    let page = is_page(&headers);
                    return Ok(Incoming { body, host, total, until: None, page, closes });
                }
                Answer::Rest { total, until } => {
                    self.go_on(part, &response, total);
                    let body = response.body;
                    return Ok(Incoming { body, host, total, until, page: false, closes: false });
                }
                Answer::Complete => {
                    let total = Some(part.written);
                    let body = Body::empty();
                    return Ok(Incoming { body, host, total, until: None, page: false, closes: false });
                }
                Answer::Restart(why) => {
                    self.attempt.note(format!("starting from zero: {why}"));
                    asked = Asked::default();
                }
                Answer::Refused(Fault::Status { status, .. })
                    if asked.start > 0
                        && response.redirects > 0
                        && !renewed
                        && matches!(status.as_u16(), 403 | 404) =>
                {
                    renewed = true;
                    self.attempt.note("the address behind the redirect has run out: asking for a new one");
                }
                Answer::Refused(fault) => {
                    return Err(Failed { fault: self.timed(fault, &response), host: Some(host) });
                }
            }
        }
    }

    async fn send(&self, asked: &Asked) -> Result<HttpResponse, Failed> {
        let mut request = HttpRequest::get(self.url.clone());
        request.headers = self.request.credentials.headers_for(self.url);
        request.connect_limit = self.request.limits.connect;
        request.verify = self.request.verify;
        request.connection = if self.own { Connection::Own } else { self.request.connection };
        if asked.start > 0 {
            let range = HeaderValue::from_str(&format!("bytes={}-", asked.start));
            request.headers.extend(range.ok().map(|range| (header::RANGE, range)));
            let condition = asked.validator.as_ref().and_then(Validator::header);
            request.headers.extend(condition.map(|condition| (header::IF_RANGE, condition)));
        }
        request.credentials = self.request.credentials.clone();
        Ok(follow(self.env, self.http, request, self.head_limit()).await?)
    }

    /// Until its head is complete nobody can see whether a server is silent or drips: it has as long as silence
    /// may last, connecting included, and never so long that no time is left for another attempt.
    fn head_limit(&self) -> Duration {
        let limits = &self.request.limits;
        self.attempt.leaving_time(self.env.now(), limits.head.min(limits.idle))
    }

    async fn begin_anew(
        &self,
        part: &mut Part,
        validator: Option<Validator>,
        total: Option<u64>,
    ) -> Result<(), Fault> {
        if part.written > 0 {
            self.attempt.note("the server sent the whole file again: starting from zero");
        }
        let origin = Origin {
            url: Origin::hash(self.url),
            validator,
            total,
            checksum: self.request.digest().cloned(),
        };
        let path = part.path();
        part.restart(Some(origin)).await.map_err(|source| Fault::Disk { doing: "empty", path, source })
    }

    /// The part is of this source from now on: that is whom the next attempt may ask by validator.
    fn go_on(&self, part: &mut Part, response: &HttpResponse, total: Option<u64>) {
        let (url, checksum) = (Origin::hash(self.url), self.request.digest().cloned());
        let Some(before) = part.origin.take() else { return };
        let validator =
            if before.url == url { before.validator.clone() } else { Validator::of(&response.headers) };
        let now = Origin { url, validator, total, checksum };
        if now != before {
            // What stands in the record is still true of the bytes, but names another source.
            part.record_is_due = true;
        }
        part.origin = Some(now);
    }

    fn timed(&self, fault: Fault, response: &HttpResponse) -> Fault {
        match fault {
            Fault::Status { status, .. } => {
                Fault::Status { status, retry_after: retry_after(&response.headers, self.env.wall()) }
            }
            fault => fault,
        }
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// What of `part` can be asked on from at `url`; everything is asked for where nothing can.
///
/// Without a digest only the very source that its bytes came from may go on with it, and only by a
/// strong validator. With the same digest any source may: what comes of it is checked.
pub(super) fn from_part(part: &Part, url: &Url, request: &DownloadRequest) -> Asked {
    let Some(origin) = part.origin.as_ref().filter(|_| part.is_resumable()) else { return Asked::default() };
    let (start, total) = (part.written, origin.total);
    if origin.url == Origin::hash(url) && (origin.validator.is_some() || request.digest().is_some()) {
        return Asked { start, validator: origin.validator.clone(), total };
    }
    if request.digest().is_some() && origin.checksum.as_ref() == request.digest() {
        return Asked { start, validator: None, total };
    }
    Asked::default()
}
