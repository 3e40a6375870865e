//! Who we are to a server: from a netrc file or a header file, never from a flag.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use secrecy::ExposeSecret;
use thiserror::Error;
use url::Url;

use super::Netrc;
use super::follow::same_origin;

/// The secrets that go with requests to some hosts.
///
/// Headers from a file go to the origin they were given for and to no other; a netrc entry goes to
/// its host. Nothing of it shows in `Debug`.
///
/// ```
/// use std::sync::Arc;
/// use vps_ops::http::{Credentials, Netrc};
///
/// let netrc = Netrc::parse("machine example.com login me password canary").unwrap();
/// let credentials = Credentials::none().with_netrc(Arc::new(netrc));
/// let headers = credentials.headers_for(&"https://example.com/a".parse().unwrap());
/// assert!(headers.contains_key("authorization"));
/// assert!(!format!("{headers:?} {credentials:?}").contains("canary"));
/// ```
#[derive(Clone, Default)]
pub struct Credentials {
    headers: HeaderMap,
    origin: Option<Url>,
    netrc: Option<Arc<Netrc>>,
    /// The file that the headers are from.
    header_file: Option<PathBuf>,
    /// The only host that netrc is asked for.
    only: Option<String>,
}

/// Headers of which nobody knows where they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there are headers of which it is not known where they are from")]
pub struct Unnamed;

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("headers", &self.headers.len())
            .field("netrc", &self.netrc)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// With `headers` for the server of `origin`; all of them are treated as secret.
    #[must_use]
    pub fn with_headers(mut self, mut headers: HeaderMap, origin: &Url) -> Self {
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        self.headers = headers;
        self.origin = Some(origin.clone());
        self
    }

    /// Says from which file the headers are, so that they can be read again: whoever keeps the request keeps that name
    /// and not what is in it.
    #[must_use]
    pub fn from_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.header_file = Some(path.into());
        self
    }

    /// The file that the headers are from, if there are any.
    ///
    /// # Errors
    /// [`Unnamed`] where there are headers of which nobody said where they are from.
    pub fn header_file(&self) -> Result<Option<&Path>, Unnamed> {
        match (self.headers.is_empty(), &self.header_file) {
            (true, _) => Ok(None),
            (false, Some(path)) => Ok(Some(path)),
            (false, None) => Err(Unnamed),
        }
    }

    /// With the entries of a netrc file.
    #[must_use]
    pub fn with_netrc(mut self, netrc: Arc<Netrc>) -> Self {
        self.netrc = Some(netrc);
        self
    }

    /// The same, of which nothing of netrc goes to another host than this, whoever sends us there.
    #[cfg(any(test, feature = "git"))]
    pub(crate) fn only_for(mut self, host: &str) -> Self {
        self.only = Some(host.to_ascii_lowercase());
        self
    }

    /// The netrc file, where it may be asked for `url`.
    fn netrc_for<'a>(&'a self, url: &'a Url) -> Option<(&'a Netrc, &'a str)> {
        let (netrc, host) = (self.netrc.as_ref()?, url.host_str()?);
        let may = self.only.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(host));
        may.then_some((&**netrc, host))
    }

    /// The headers to send to `url`, marked as sensitive. The file's win over the URL's user and
    /// password, and those over netrc.
    #[must_use]
    pub fn headers_for(&self, url: &Url) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.origin.as_ref().is_some_and(|origin| same_origin(origin, url)) {
            headers.clone_from(&self.headers);
        }
        if headers.contains_key(header::AUTHORIZATION) {
            return headers;
        }
        let user = decoded(url.username());
        let entry = match (self.netrc_for(url), url.password()) {
            (Some((netrc, host)), None) if user.is_empty() => netrc.find(host),
            (Some((netrc, host)), None) => netrc.find_of(host, &user),
            _ => None,
        };
        let authorization = match entry {
            Some(entry) => Some(basic(entry.login.as_bytes(), entry.password.expose_secret().as_bytes())),
            None if user.is_empty() && url.password().is_none() => None,
            None => Some(basic(&user, &decoded(url.password().unwrap_or_default()))),
        };
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        headers
    }

    /// What a server that we were sent to is told: what was given for it by name, and nothing that stands for
    /// everyone or came from the server that sent us.
    pub(crate) fn headers_elsewhere(&self, url: &Url) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.origin.as_ref().is_some_and(|origin| same_origin(origin, url)) {
            headers.clone_from(&self.headers);
        }
        let entry = self.netrc_for(url).and_then(|(netrc, host)| netrc.find_named(host));
        if let Some(entry) = entry.filter(|_| !headers.contains_key(header::AUTHORIZATION)) {
            let (login, password) = (entry.login.as_bytes(), entry.password.expose_secret().as_bytes());
            headers.insert(header::AUTHORIZATION, basic(login, password));
        }
        headers
    }
}

/// `Basic` credentials (RFC 7617).
pub(super) fn basic(user: &[u8], password: &[u8]) -> HeaderValue {
    let text = format!("Basic {}", base64(&[user, b":", password].concat()));
    // The alphabet has no byte that a header may not have.
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let sign = ALPHABET.get(bits >> (18 - 6 * at) & 63).copied().unwrap_or(b'=');
            text.push(if at > group.len() { '=' } else { char::from(sign) });
        }
    }
    text
}

/// `%41` as `A`; what is no such escape stays as it is.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut plain = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).filter(|_| first == b'%');
        match escaped.and_then(|(digits, after)| Some((hex_pair(digits)?, after))) {
            Some((byte, after)) => {
                plain.push(byte);
                rest = after;
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let value =
        digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_by_the_vectors_of_the_rfc() {
        let plain = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let coded = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (plain, coded) in plain.iter().zip(coded) {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn escapes_are_decoded_and_what_is_none_stays() {
        assert_eq!(decoded("a%20b%2fc%zz%4"), b"a b/c%zz%4");
    }

    #[test]
    fn secrets_go_to_their_host_only() {
        let origin: Url = "https://example.com/a?canary=canary".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("private-token", HeaderValue::from_static("canary"));
        let netrc = Netrc::parse("machine other.example login u password p").unwrap();
        let all = Credentials::none().with_headers(headers, &origin).with_netrc(Arc::new(netrc));
        assert_eq!(all.headers_for(&origin).len(), 1);
        assert!(!format!("{all:?}").contains("canary"));
        for other in ["http://example.com/a", "https://example.com:444/a", "https://x.example/a"] {
            assert!(all.headers_for(&other.parse().unwrap()).is_empty(), "{other}");
        }
        let other = all.headers_for(&"http://other.example/".parse().unwrap());
        assert_eq!(other.get(header::AUTHORIZATION).unwrap(), "Basic dTpw");
        assert!(other.get(header::AUTHORIZATION).unwrap().is_sensitive());
    }

    #[test]
    fn what_is_for_one_host_goes_to_no_other() {
        let netrc =
            "machine a.example login u password p machine b.example login u password p default login d";
        let only =
            Credentials::none().with_netrc(Arc::new(Netrc::parse(netrc).unwrap())).only_for("A.example");
        let goes = |url: &str| {
            let url = url.parse().unwrap();
            let (first, then) = (only.headers_for(&url), only.headers_elsewhere(&url));
            (first.contains_key(header::AUTHORIZATION), then.contains_key(header::AUTHORIZATION))
        };
        assert_eq!(goes("https://a.example/x"), (true, true));
        assert_eq!(goes("https://b.example/x"), (false, false));
        assert_eq!(goes("https://c.example/x"), (false, false));
        assert_eq!(goes("https://u@b.example/x"), (true, false), "the URL's user, and no password");
        let sent = only.headers_for(&"https://u@b.example/x".parse().unwrap());
        assert_eq!(sent.get(header::AUTHORIZATION).unwrap(), "Basic dTo=");
    }

    #[test]
    fn user_and_password_of_the_url_are_used() {
        let url = "http://u%20:p@example.com/".parse().unwrap();
        let headers = Credentials::none().headers_for(&url);
        assert_eq!(headers.get(header::AUTHORIZATION).unwrap(), "Basic dSA6cA==");
    }

    #[test]
    fn a_user_without_a_password_has_that_users_of_the_netrc() {
        let netrc = Netrc::parse("machine h login a password x machine h login u password p").unwrap();
        let all = Credentials::none().with_netrc(Arc::new(netrc));
        let told = |url: &str| {
            let headers = all.headers_for(&url.parse().unwrap());
            headers.get(header::AUTHORIZATION).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(told("http://u@h/"), "Basic dTpw");
        assert_eq!(told("http://h/"), "Basic YTp4");
        assert_eq!(told("http://nobody@h/"), "Basic bm9ib2R5Og==");
        assert_eq!(told("http://u:own@h/"), "Basic dTpvd24=");
    }
}
