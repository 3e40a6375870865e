//! Which path is what.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, ETAG, HeaderValue, IF_NONE_MATCH, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use vps_breaker::Tick;
use vps_ops::NetworkOperationWrapper;
use vps_ops::env::Env;

use super::accept::Answer;
use super::guard::{Hosts, Refusal};
use super::headers::{answer, plain};
use super::page;
use super::systemd::SILENT;
use super::token::Token;
use super::views::Views;
use crate::metrics::{Figures, Format, HealthFigures};

/// After so long we are ready, whether all services were looked at or not.
const READY: Duration = Duration::from_secs(10);

/// What is served.
pub(crate) struct Site {
    pub(crate) env: Env,
    pub(crate) network: NetworkOperationWrapper,
    pub(crate) views: Arc<Views>,
    pub(crate) hosts: Hosts,
    pub(crate) token: Option<Token>,
    pub(crate) since: Tick,
}

impl Answer for Site {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, _) = request.into_parts();
        if let Err(refusal) = self.hosts.check(&head) {
            return refused(refusal);
        }
        let path = head.uri.path();
        // Says nothing of anything, so that whoever watches us needs no secret.
        if path != "/healthz" && self.token.as_ref().is_some_and(|token| !token.is_said(&head.headers)) {
            return unauthorized();
        }
        match path {
            "/" => self.page(head.uri.query()),
            "/style.css" => answer(StatusCode::OK, "text/css; charset=utf-8", page::STYLE),
            "/app.js" => answer(StatusCode::OK, "text/javascript; charset=utf-8", page::SCRIPT),
            "/api/status" => self.status(&head.method, &head.headers),
            "/metrics" => self.metrics(&head.headers).await,
            "/healthz" => well(self.views.watch().silent_for() < SILENT, "the watch does not turn\n"),
            "/readyz" => well(self.is_ready(), "services are being looked at for the first time\n"),
            _ => plain(StatusCode::NOT_FOUND, "there is nothing\n"),
        }
    }
}

impl Site {
    fn page(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let tag = self.views.tag();
        let text = page::render(&self.views.board(), page::number(query), &tag);
        written("text/html; charset=utf-8", text)
    }

    fn status(&self, method: &Method, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let tag = self.views.tag();
        let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags.as_bytes(), &tag));
        let mut response = if is_known {
            let mut response = plain(StatusCode::NOT_MODIFIED, "");
            response.headers_mut().remove(http::header::CONTENT_TYPE);
            response
        } else {
            // Who only wants to know whether there is something new does not have it written.
            let body = if method == Method::HEAD { Bytes::new() } else { self.views.json() };
            answer(StatusCode::OK, "application/json", body)
        };
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let format = wanted(headers);
        let Ok(mut figures) = Figures::gather(&self.network).await else {
            // Totals of this process alone would look as if all had begun anew.
            return plain(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read\n");
        };
        figures.health = HealthFigures::of(&self.views.board());
        written(format.content_type(), figures.render(format))
    }

    fn is_ready(&self) -> bool {
        self.views.watch().is_ready() || self.env.now().since(self.since) >= READY
    }
}

/// What was written; a part of it would be taken for all.
fn written(content_type: &'static str, text: Result<String, fmt::Error>) -> Response<Full<Bytes>> {
    match text {
        Ok(text) => answer(StatusCode::OK, content_type, text),
        Err(fmt::Error) => plain(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be written\n"),
    }
}

fn well(is_well: bool, why_not: &'static str) -> Response<Full<Bytes>> {
    if is_well { plain(StatusCode::OK, "ok\n") } else { plain(StatusCode::SERVICE_UNAVAILABLE, why_not) }
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    let mut response = plain(refusal.status(), refusal.text());
    if refusal == Refusal::Method {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn unauthorized() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "the token is needed\n");
    for way in ["Bearer realm=\"vps-configurator\"", "Basic realm=\"vps-configurator\", charset=\"UTF-8\""] {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(way));
    }
    response
}

/// Whether a list of tags names this one; weakly, as this header is read.
fn names(tags: &[u8], tag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(tags) = std::str::from_utf8(tags) else { return false };
    tags.split(',').any(|one| one.trim() == "*" || plain(one) == plain(tag))
}

/// The form of metrics that is liked best; the classic one where it does not matter.
fn wanted(headers: &HeaderMap) -> Format {
    let (mut open, mut classic) = (0.0_f32, 0.0_f32);
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for one in accepted.flat_map(|value| value.split(',')) {
        let mut parts = one.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let liked = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
        let liked: f32 = liked.unwrap_or(0.0);
        match kind.as_str() {
            "application/openmetrics-text" => open = liked.max(open),
            "text/plain" => classic = liked.max(classic),
            _ => {}
        }
    }
    if open > 0.0 && open >= classic { Format::OpenMetrics } else { Format::Classic }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_metrics_is_the_one_that_is_liked_best() {
        let wanted =
            |accept: &str| wanted(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]));
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            "text/plain;q=0.5, Application/OpenMetrics-Text; version=0.0.1",
        ] {
            assert_eq!(wanted(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "text/plain,application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=0",
        ] {
            assert_eq!(wanted(accept), Format::Classic, "{accept}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_no_empty_answer() {
        use http_body_util::BodyExt as _;

        for (text, status, body) in [
            (Ok("a 1\n".to_owned()), StatusCode::OK, "a 1\n"),
            (Err(fmt::Error), StatusCode::INTERNAL_SERVER_ERROR, "this cannot be written\n"),
        ] {
            let response = written(Format::Classic.content_type(), text);
            assert_eq!(response.status(), status);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
        }
    }

    #[test]
    fn a_tag_is_known_again_however_it_is_said() {
        let tag = "W/\"0a-1-q2\"";
        for tags in ["W/\"0a-1-q2\"", "\"0a-1-q2\"", "\"x\", W/\"0a-1-q2\"", "*"] {
            assert!(names(tags.as_bytes(), tag), "{tags}");
        }
        for tags in ["", "\"x\"", "0a-1-q2", "W/\"0a-1-q3\""] {
            assert!(!names(tags.as_bytes(), tag), "{tags}");
        }
    }
}
