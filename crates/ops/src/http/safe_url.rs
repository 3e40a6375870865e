//! A URL that can be shown to anyone.

use std::fmt;

use serde::{Serialize, Serializer};
use url::Url;

/// A URL without user, password, fragment and the values of its query: those carry tokens.
///
/// ```
/// use vps_ops::http::SafeUrl;
///
/// let url = "https://me:secret@example.com/a.tar.gz?X-Sig=secret&n=2#x".parse().unwrap();
/// assert_eq!(SafeUrl::new(&url).to_string(), "https://example.com/a.tar.gz?X-Sig=****&n=****");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// What of `url` may be shown.
    #[must_use]
    pub fn new(url: &Url) -> Self {
        let mut shown = format!("{}://{}{}", url.scheme(), host_and_explicit_port(url), url.path());
        for (at, pair) in url.query().into_iter().flat_map(|query| query.split('&')).enumerate() {
            shown.push(if at == 0 { '?' } else { '&' });
            // A pair without a value may be a token itself.
            if let Some((key, _)) = pair.split_once('=') {
                shown.push_str(key);
                shown.push('=');
            }
            shown.push_str("****");
        }
        Self(shown)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Url> for SafeUrl {
    fn from(url: &Url) -> Self {
        Self::new(url)
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SafeUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn host_and_explicit_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `host:port`, the port always named, as a person looks it up in a firewall.
#[must_use]
pub fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether `text` says `//host` after its scheme. The rules for browsers take `http:///a` and `http:a` for
/// URLs of a host `a`, and leave out tabs and line breaks.
pub(crate) fn names_host(text: &str) -> bool {
    let host = text.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', '\\', '?', '#']))
        && !text.contains(['\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown_in_any_form() {
        let text = "https://canary:canary@example.com:8443/p/a%20b?canary&t=canary&t2=canary#canary";
        let url = SafeUrl::new(&text.parse().unwrap());
        let forms = [url.to_string(), format!("{url:?}"), serde_json::to_string(&url).unwrap()];
        for form in forms {
            assert!(!form.contains("canary"), "{form}");
        }
        assert_eq!(url.as_str(), "https://example.com:8443/p/a%20b?****&t=****&t2=****");
    }

    #[test]
    fn the_port_is_named_where_asked() {
        let url = "https://example.com/".parse().unwrap();
        assert_eq!(host_and_port(&url), "example.com:443");
    }
}
