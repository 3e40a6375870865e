//! Cookies within one chain of redirects: some servers set one and send us back to see whether it came.

use http::{HeaderMap, HeaderValue, header};
use url::{Host, Url};

/// Cookies that are kept, and the bytes that one may have.
const MOST: usize = 50;
const LONGEST: usize = 4 << 10;

/// What the servers of a chain set; gone with it.
#[derive(Default)]
pub(super) struct Cookies(Vec<Cookie>);

struct Cookie {
    name: String,
    value: String,
    /// The host it is for, and whether for those below it too.
    host: String,
    below: bool,
    secure: bool,
}

impl Cookies {
    /// Takes what the server of `url` sets; its expiry is nothing to a chain, but that it is unset is.
    pub(super) fn learn(&mut self, url: &Url, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let cookie = value.to_str().ok().filter(|text| text.len() <= LONGEST);
            let Some((cookie, is_unset)) = cookie.and_then(|text| read(url, text)) else { continue };
            self.0.retain(|old| (&old.name, &old.host) != (&cookie.name, &cookie.host));
            if !is_unset && self.0.len() < MOST {
                self.0.push(cookie);
            }
        }
    }

    /// What is said to `url`.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let host = url.host_str()?;
        let is_for = |cookie: &&Cookie| {
            let below = host.strip_suffix(cookie.host.as_str()).is_some_and(|below| below.ends_with('.'));
            (host == cookie.host || (cookie.below && below)) && (!cookie.secure || url.scheme() == "https")
        };
        let said: Vec<_> = self.0.iter().filter(is_for).map(|c| format!("{}={}", c.name, c.value)).collect();
        let mut value = HeaderValue::from_str(&said.join("; ")).ok().filter(|_| !said.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// A cookie, and whether it is taken back.
fn read(url: &Url, text: &str) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let host = url.host_str()?;
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        host: host.to_owned(),
        below: false,
        secure: false,
    };
    let mut is_unset = false;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "max-age" => is_unset = value.trim().parse::<i64>().is_ok_and(|age| age <= 0),
            "domain" => {
                let domain = value.trim().trim_start_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(domain.as_str());
                let is_ours = below.is_some_and(|below| below.is_empty() || below.ends_with('.'));
                // One for a whole top-level domain is nobody's to set.
                if !is_ours || !domain.contains('.') || !matches!(url.host(), Some(Host::Domain(_))) {
                    return None;
                }
                (cookie.host, cookie.below) = (domain, true);
            }
            _ => {}
        }
    }
    (!cookie.name.is_empty()).then_some((cookie, is_unset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(set: &[&str], from: &str, to: &str) -> Option<String> {
        let mut cookies = Cookies::default();
        for set in set {
            let headers = [(header::SET_COOKIE, set.parse().unwrap())].into_iter().collect();
            cookies.learn(&from.parse().unwrap(), &headers);
        }
        Some(cookies.header(&to.parse().unwrap())?.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_back_to_whom_it_is_for_and_to_nobody_else() {
        let from = "https://a.example.com/x";
        let both = said(&["s=1; Path=/; HttpOnly", "t=2"], from, "https://a.example.com/y");
        assert_eq!(both.as_deref(), Some("s=1; t=2"));
        assert_eq!(said(&["s=1", "s=2"], from, from).as_deref(), Some("s=2"));
        assert_eq!(said(&["s=1", "s=; Max-Age=0"], from, from), None);
        assert_eq!(said(&["s=1"], from, "https://b.example.com/"), None);
        let wide = ["s=1; Domain=.example.com"];
        assert_eq!(said(&wide, from, "https://b.example.com/").as_deref(), Some("s=1"));
        assert_eq!(said(&wide, from, "https://badexample.com/"), None);
        for foreign in ["s=1; Domain=com", "s=1; Domain=other.com", "=1", "s", ""] {
            assert_eq!(said(&[foreign], from, from), None, "{foreign}");
        }
        assert_eq!(said(&["s=1; Secure"], "http://x.org/", "http://x.org/"), None);
    }
}
