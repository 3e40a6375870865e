//! Following redirects under our own rules.

use std::time::Duration;

use http::{HeaderMap, header};
use url::Url;

use super::{Fact, HttpClient, HttpError, HttpRequest, HttpResponse, SafeUrl, host_and_port};
use crate::env::Env;

/// How many redirects are followed.
pub const MAX_REDIRECTS: u8 = 10;

/// Sends `request` and follows where it is sent: at most [`MAX_REDIRECTS`] times, never from https
/// to http, never to another scheme. Sensitive headers stay with the host they were meant for, and
/// no host learns who sent us. `limit` bounds connecting and the head of each response.
///
/// Cancel safe: dropping the future closes what it opened.
///
/// # Errors
/// What kept a response from arriving, naming the host it happened with. A status is no error.
pub async fn follow(
    env: &Env,
    client: &dyn HttpClient,
    mut request: HttpRequest,
    limit: Duration,
) -> Result<HttpResponse, HttpError> {
    for redirects in 0..=MAX_REDIRECTS {
        let url = request.url.clone();
        let named = |error: HttpError| error.with(|| host_and_port(&url));
        check_scheme(&url).map_err(named)?;
        let at = env.now().after(limit);
        let mut response = match env.until(at, client.send(request.clone())).await {
            Some(response) => response.map_err(named)?,
            None => return Err(named(no_answer(limit))),
        };
        response.redirects = redirects;
        match target(&response).map_err(named)? {
            Some(next) if redirects < MAX_REDIRECTS => request = redirected(request, next).map_err(named)?,
            Some(_) => {
                let words = format!("redirected more than {MAX_REDIRECTS} times");
                return Err(named(HttpError::new(Fact::RedirectRefused).in_words(words)));
            }
            None => return Ok(response),
        }
    }
    Err(HttpError::new(Fact::RedirectRefused))
}

fn no_answer(limit: Duration) -> HttpError {
    HttpError::new(Fact::NoAnswer).in_words(format!("no answer within {}", humantime::format_duration(limit)))
}

fn check_scheme(url: &Url) -> Result<(), HttpError> {
    match url.scheme() {
        "http" | "https" => Ok(()),
        scheme => {
            Err(HttpError::new(Fact::ForeignScheme).in_words(format!("`{scheme}` URLs are not downloaded")))
        }
    }
}

/// Where `response` sends us, if it does.
fn target(response: &HttpResponse) -> Result<Option<Url>, HttpError> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refused = |words: &str| {
        let words = format!("status {}: {words}", response.status.as_u16());
        Err(HttpError::new(Fact::RedirectRefused).in_words(words))
    };
    let Some(location) = response.headers.get(header::LOCATION) else {
        return refused("a redirect to nowhere");
    };
    let Ok(location) = str::from_utf8(location.as_bytes()) else {
        return refused("a redirect that is not text");
    };
    match response.url.join(location) {
        Ok(url) => Ok(Some(url)),
        Err(_) => refused("a redirect to what is no URL"),
    }
}

fn redirected(mut request: HttpRequest, next: Url) -> Result<HttpRequest, HttpError> {
    let refused = |words: String| Err(HttpError::new(Fact::RedirectRefused).in_words(words));
    match (request.url.scheme(), next.scheme()) {
        ("https", "http") => {
            return refused(format!("a redirect from https to plain http: {}", SafeUrl::new(&next)));
        }
        (_, "http" | "https") => {}
        (_, scheme) => return refused(format!("a redirect to a `{scheme}` URL")),
    }
    if !same_origin(&request.url, &next) {
        drop_sensitive(&mut request.headers);
    }
    request.url = next;
    Ok(request)
}

/// Whether both URLs mean one server: scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

fn drop_sensitive(headers: &mut HeaderMap) {
    let secret: Vec<_> =
        headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.clone()).collect();
    for name in secret.into_iter().chain([header::AUTHORIZATION, header::COOKIE]) {
        headers.remove(name);
    }
}
