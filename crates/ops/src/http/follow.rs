//! Following redirects under our own rules.

use std::time::Duration;

use http::{HeaderMap, header};
use url::Url;

use super::cookies::Cookies;
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
    let mut cookies = Cookies::default();
    // What the caller says is said to its own host, and by its own words.
    let own_cookie = request.headers.contains_key(header::COOKIE);
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
            Some(next) if redirects < MAX_REDIRECTS => {
                cookies.learn(&url, &response.headers);
                request = redirected(request, next).map_err(named)?;
                if !own_cookie {
                    request.headers.remove(header::COOKIE);
                    request.headers.extend(cookies.header(&request.url).map(|said| (header::COOKIE, said)));
                }
            }
            Some(_) => {
                let words = format!("redirected more than {MAX_REDIRECTS} times");
                return Err(named(HttpError::new(Fact::RedirectRefused).in_words(words)));
            }
            None => return Ok(response),
        }
    }
    Err(HttpError::new(Fact::RedirectRefused))
}

/// Nothing came within `limit`.
pub(crate) fn no_answer(limit: Duration) -> HttpError {
    let limit = match limit.as_millis() {
        short @ 0..1_000 => format!("{}ms", short.max(1)),
        _ => format!("{:.1}s", limit.as_secs_f64()),
    };
    HttpError::new(Fact::NoAnswer).in_words(format!("no answer within {limit}"))
}

/// Nothing more came for `idle`.
pub(crate) fn silent(idle: Duration) -> HttpError {
    HttpError::new(Fact::Idle).in_words(format!("no data for {}", humantime::format_duration(idle)))
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
    match response.url.join(&as_text(location.as_bytes())) {
        Ok(url) => Ok(Some(url)),
        Err(_) => refused("a redirect to what is no URL"),
    }
}

/// As it is, where it is UTF-8. Of what is not, each byte beyond ASCII as it would be escaped: those of Latin-1
/// name the same file on the server that they came from.
fn as_text(location: &[u8]) -> String {
    if let Ok(text) = str::from_utf8(location) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(location.len());
    for &byte in location {
        if byte.is_ascii() {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
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
        // Nothing of what was meant for the first host, but what its owner keeps for this one.
        request.headers.extend(request.credentials.headers_elsewhere(&next));
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use vps_retry::Class;

    use super::*;
    use crate::testing::scripted_http::{Script, ScriptedHttp};
    use vps_retry::Classify;

    const START: &str = "https://example.com/dir/a";

    async fn get(answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static) -> Outcome {
        let env = Env::real();
        let http = ScriptedHttp::new(env.clone(), answer);
        let mut request = HttpRequest::get(START.parse().unwrap());
        let mut secret = HeaderValue::from_static("canary");
        secret.set_sensitive(true);
        request.headers.insert("private-token", secret);
        request.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("canary"));
        request.headers.insert(header::RANGE, HeaderValue::from_static("bytes=5-"));
        let response = follow(&env, &http, request, Duration::from_secs(5)).await;
        Outcome { response, asked: http.asked() }
    }

    struct Outcome {
        response: Result<HttpResponse, HttpError>,
        asked: Vec<HttpRequest>,
    }

    fn to(url: &'static str) -> impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static {
        move |_, number| if number == 1 { Script::redirects(url) } else { Script::status(200) }
    }

    #[tokio::test]
    async fn ten_redirects_are_followed_and_eleven_are_not() {
        for (redirects, answered) in [(10, true), (11, false)] {
            let outcome = get(move |_, number| match number {
                number if number <= redirects => Script::redirects("next"),
                _ => Script::status(200),
            });
            let outcome = outcome.await;
            assert_eq!(outcome.response.is_ok(), answered);
            assert_eq!(outcome.asked.len(), 11);
            if let Err(error) = outcome.response {
                assert_eq!((error.fact(), error.class()), (Fact::RedirectRefused, Class::Permanent));
            }
        }
    }

    #[tokio::test]
    async fn never_to_plain_http_or_another_scheme_or_nowhere() {
        for url in
            ["http://example.com/a?t=canary", "ftp://example.com/a", "file:///etc/passwd", "https://:1"]
        {
            let outcome = get(to(url)).await;
            let error = outcome.response.unwrap_err();
            assert_eq!(error.fact(), Fact::RedirectRefused, "{url}");
            assert_eq!(outcome.asked.len(), 1);
            assert!(!error.to_string().contains("canary") && error.to_string().contains("example.com:443"));
        }
        let nowhere = get(|_, _| Script::status(302)).await;
        assert_eq!(nowhere.response.unwrap_err().fact(), Fact::RedirectRefused);
    }

    #[tokio::test]
    async fn secrets_stay_with_their_server_and_the_range_goes_along() {
        for (url, kept) in [
            ("/b", true),
            ("https://example.com:443/b", true),
            ("https://example.com:444/b", false),
            ("https://other.example/b", false),
        ] {
            let outcome = get(to(url)).await;
            let second = &outcome.asked[1].headers;
            for name in ["private-token", "authorization"] {
                assert_eq!(second.contains_key(name), kept, "{url} {name}");
            }
            assert!(second.contains_key(header::RANGE) && !second.contains_key(header::REFERER));
            assert_eq!(outcome.response.unwrap().redirects, 1);
        }
    }

    #[tokio::test]
    async fn a_location_in_latin_1_names_the_same_bytes() {
        assert_eq!(as_text(b"/caf\xe9"), "/caf%E9");
        assert_eq!(as_text("/café".as_bytes()), "/café");
    }

    #[tokio::test]
    async fn a_cookie_comes_back_within_the_chain() {
        let outcome = get(|_, number| match number {
            1 => Script::redirects("/dir/b").header("set-cookie", "s=1; Path=/"),
            2 => Script::redirects("https://cdn.example/b"),
            _ => Script::status(200),
        });
        let asked = outcome.await.asked;
        let cookie = |at: usize| asked[at].headers.get(header::COOKIE).map(|value| value.to_str().unwrap());
        assert_eq!((cookie(0), cookie(1), cookie(2)), (None, Some("s=1"), None));
    }

    #[tokio::test]
    async fn a_netrc_holds_for_the_host_that_we_are_sent_to_but_its_default_does_not() {
        let netrc = "machine cdn.example login u password p\ndefault login anonymous password none";
        let netrc = std::sync::Arc::new(super::super::Netrc::parse(netrc).unwrap());
        for (host, kept) in [("cdn.example", true), ("other.example", false)] {
            let env = Env::real();
            let http = ScriptedHttp::new(env.clone(), move |_, number| match number {
                1 => Script::redirects(&format!("https://{host}/b")),
                _ => Script::status(200),
            });
            let mut request = HttpRequest::get(START.parse().unwrap());
            request.credentials = super::super::Credentials::none().with_netrc(std::sync::Arc::clone(&netrc));
            follow(&env, &http, request, Duration::from_secs(5)).await.unwrap();
            assert_eq!(http.asked()[1].headers.contains_key(header::AUTHORIZATION), kept, "{host}");
        }
    }

    #[tokio::test]
    async fn a_failure_names_the_host_that_failed() {
        let outcome = get(|_, number| match number {
            1 => Script::redirects("https://cdn.example/b"),
            _ => Script::fails(Fact::Refused),
        });
        let error = outcome.await.response.unwrap_err();
        assert_eq!(error.to_string(), "connection refused (cdn.example:443)");
    }

    #[tokio::test]
    async fn other_answers_of_the_300s_are_answers() {
        for status in [300, 304, 305] {
            assert!(get(move |_, _| Script::status(status)).await.response.is_ok(), "{status}");
        }
    }
}
