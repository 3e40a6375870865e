//! A look through a proxy: by the client that calls go by, which has the connections and the words for it.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use url::Url;
use vps_breaker::Tick;
use vps_health::Phases;

use super::exchange::{Head, Look};
use super::found::certificate_refusal;
use crate::env::Env;
use crate::http::{Connection, Fact, HttpClient, HttpError, HttpRequest};

/// Asks for the head of `url`, to be over at `end`. One time is all there is: who waits for what is the proxy's affair.
pub(super) async fn ask(env: &Env, http: &dyn HttpClient, url: &Url, get: bool, end: Tick) -> Look {
    let began = env.now();
    let limit = end.since(began).max(Duration::from_millis(1));
    let mut request = HttpRequest::head(url.clone());
    if get {
        request.method = Method::GET;
    }
    // A proxy that is not reached says so before all time is over: it is not the service that is silent.
    request.connect_limit = limit / 10 * 9;
    request.connection = Connection::Own;
    request.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let answer = env.until(end, http.send(request)).await;
    let is_late = answer.is_none();
    let result = match answer {
        Some(Ok(response)) => Ok(Some(Head { status: response.status, headers: response.headers })),
        Some(Err(error)) => Err(error),
        None => Err(HttpError::new(Fact::NoAnswer)),
    };
    let took = env.now().since(began);
    let phases = Phases { wait: Some(took), ..Phases::NONE };
    let certificate_refusal = result.as_ref().err().and_then(HttpError::cause).and_then(certificate_refusal);
    Look { is_late, was_connected: true, certificate_refusal, ..Look::of(phases, result) }
}
