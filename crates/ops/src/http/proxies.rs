//! Which proxy a request goes through: one rule for everything that asks over HTTP.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use http::HeaderValue;
use thiserror::Error;
use url::{Host, Url};

use super::credentials::{basic, decoded};
use super::safe_url::{host_and_port, names_host};
use crate::foreign::Foreign;

/// The proxies of an environment: `http_proxy`, `https_proxy`, `all_proxy`, and `no_proxy` for whom they are
/// not for; in capitals too, but `HTTP_PROXY` not under CGI, where a client names it.
///
/// A setting that is no proxy's URL is an error for every request that it is for: asking the server directly
/// instead is what whoever set it does not want.
///
/// ```
/// use vps_ops::http::Proxies;
///
/// let set = |name: &str| match name {
///     "http_proxy" => Some("proxy.example.com:3128".into()),
///     "no_proxy" => Some("localhost,10.0.0.0/8,.internal:8080".into()),
///     _ => None,
/// };
/// let proxies = Proxies::read(set);
/// let of = |url: &str| proxies.of(&url.parse().unwrap()).unwrap().map(|proxy| proxy.to_string());
/// assert_eq!(of("http://example.com/").as_deref(), Some("proxy.example.com:3128"));
/// assert_eq!(of("http://10.1.2.3/"), None);
/// assert_eq!(of("https://example.com/"), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Setting,
    https: Setting,
    none_for: Vec<Exception>,
}

type Setting = Option<Result<Proxy, ProxyError>>;

/// A proxy. Shown as `host:port`, never with its user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Url);

impl Proxy {
    /// Its URL, user and password included.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Where it is: its scheme, host and port.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.0.scheme(), host_and_port(&self.0))
    }

    /// What tells it who asks, where its URL says so.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = (self.0.username(), self.0.password());
        let named = !user.is_empty() || password.is_some();
        named.then(|| basic(&decoded(user), &decoded(password.unwrap_or_default())))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_and_port(&self.0))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A setting that is no proxy of ours. Its value, which may hold a password, is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// No URL, or one without a host.
    #[error("`{variable}` does not name a proxy; write it as `http://host:port`")]
    NotUrl {
        /// The variable that is set to it.
        variable: &'static str,
    },
    /// A proxy that speaks something else.
    #[error("`{variable}` names a `{scheme}` proxy; only http and https proxies are supported")]
    Scheme {
        /// The variable that is set to it.
        variable: &'static str,
        /// What it speaks.
        scheme: Foreign,
    },
}

impl Proxies {
    /// Those that `variable` gives, by name.
    #[must_use]
    pub fn read(variable: impl Fn(&'static str) -> Option<OsString>) -> Self {
        let set = |name: &'static str| {
            let value = variable(name).filter(|value| !value.to_string_lossy().trim().is_empty());
            value.map(|value| (name, value))
        };
        let cgi = set("REQUEST_METHOD").is_some();
        let all = || set("all_proxy").or_else(|| set("ALL_PROXY"));
        let http = set("http_proxy").or_else(|| set("HTTP_PROXY").filter(|_| !cgi)).or_else(all);
        let https = set("https_proxy").or_else(|| set("HTTPS_PROXY")).or_else(all);
        let none_for = set("no_proxy").or_else(|| set("NO_PROXY")).map(|(_, value)| value);
        let proxy = |(name, value): (&'static str, OsString)| Proxy::parse(name, value.to_str());
        Self {
            http: http.map(proxy),
            https: https.map(proxy),
            none_for: none_for.map(|list| exceptions(&list.to_string_lossy())).unwrap_or_default(),
        }
    }

    /// Those of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment's proxies hold for whoever sends requests"
    )]
    pub fn of_environment() -> Self {
        Self::read(std::env::var_os)
    }

    /// The proxy that a request to `url` goes through.
    ///
    /// # Errors
    /// [`ProxyError`] where what is set for it is no proxy.
    pub fn of(&self, url: &Url) -> Result<Option<&Proxy>, ProxyError> {
        let setting = if url.scheme() == "https" { &self.https } else { &self.http };
        match setting {
            Some(_) if self.none_for.iter().any(|exception| exception.holds_for(url)) => Ok(None),
            Some(proxy) => proxy.as_ref().map(Some).map_err(Clone::clone),
            None => Ok(None),
        }
    }
}

impl Proxy {
    fn parse(variable: &'static str, text: Option<&str>) -> Result<Self, ProxyError> {
        let not_url = ProxyError::NotUrl { variable };
        let Some(text) = text.map(str::trim) else { return Err(not_url) };
        let url = match text.split_once("://") {
            Some(_) if !names_host(text) => return Err(not_url),
            Some(_) => Url::parse(text),
            // As it is written for many other programs.
            None if text.trim_end_matches('/').contains(['/', '\\', ' ', '"']) => return Err(not_url),
            None => Url::parse(&format!("http://{text}")),
        };
        match url {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Err(ProxyError::Scheme { variable, scheme: url.scheme().to_owned().into() })
            }
            Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(Self(url)),
            _ => Err(not_url),
        }
    }
}

/// Whom the proxies are not for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    whom: Whom,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    Everyone,
    /// This host and all below it.
    Name(String),
    /// Addresses that begin with as many bits as these.
    Net(IpAddr, u32),
}

fn exceptions(list: &str) -> Vec<Exception> {
    let entries = list.split([',', ' ', '\t', '\n']).map(str::trim);
    entries.filter(|entry| !entry.is_empty()).filter_map(Exception::parse).collect()
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        if let Some(net) = Whom::net(text) {
            return Some(Self { whom: net, port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let whom = match Whom::net(name.trim_start_matches('[').trim_end_matches(']')) {
            Some(net) => net,
            None if name == "*" => Whom::Everyone,
            None => {
                let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.');
                Whom::Name(name.to_ascii_lowercase())
            }
        };
        Some(Self { whom, port }).filter(|exception| exception.whom != Whom::Name(String::new()))
    }

    fn holds_for(&self, url: &Url) -> bool {
        if self.port.is_some() && self.port != url.port_or_known_default() {
            return false;
        }
        match (&self.whom, url.host()) {
            (Whom::Everyone, _) => true,
            (Whom::Name(name), Some(Host::Domain(host))) => {
                let below = host.trim_end_matches('.').strip_suffix(name.as_str());
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            (Whom::Net(net, bits), Some(Host::Ipv4(host))) => shares(*net, IpAddr::V4(host), *bits),
            (Whom::Net(net, bits), Some(Host::Ipv6(host))) => shares(*net, IpAddr::V6(host), *bits),
            _ => false,
        }
    }
}

impl Whom {
    /// `10.0.0.0/8`, or one address.
    fn net(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self::Net(address, bits))
    }
}

/// Whether both addresses begin with the same `bits`.
fn shares(a: IpAddr, b: IpAddr, bits: u32) -> bool {
    let differ = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(pairs: &[(&'static str, &'static str)]) -> Proxies {
        let value = |name| pairs.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
        Proxies::read(value)
    }

    fn of(proxies: &Proxies, url: &str) -> Result<Option<String>, ProxyError> {
        proxies.of(&url.parse().unwrap()).map(|proxy| proxy.map(ToString::to_string))
    }

    #[test]
    fn what_is_no_proxy_is_an_error_and_never_nothing() {
        for wrong in ["http//p:1", "\"http://p:1\"", "http:///p", "http://", "http:\\\\p", "a b", "p:99999"] {
            let set = proxies(&[("http_proxy", wrong)]);
            let error = of(&set, "http://example.com/").unwrap_err();
            assert!(error.to_string().starts_with("`http_proxy` "), "{wrong}");
            assert_eq!(of(&set, "https://example.com/"), Ok(None), "{wrong}");
        }
        for wrong in ["htp://p:1", "socks5://u:canary@p:1", "socks5h://p", "ftp://p"] {
            let error = of(&proxies(&[("all_proxy", wrong)]), "https://example.com/").unwrap_err();
            assert!(matches!(error, ProxyError::Scheme { .. }), "{wrong}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn small_letters_go_first_and_all_is_for_what_has_none() {
        let set =
            proxies(&[("http_proxy", " http://a:1 "), ("HTTP_PROXY", "b:1"), ("ALL_PROXY", "https://c")]);
        assert_eq!(of(&set, "http://example.com/"), Ok(Some("a:1".into())));
        assert_eq!(of(&set, "https://example.com/"), Ok(Some("c:443".into())));
        assert_eq!(of(&proxies(&[("HTTP_PROXY", "b:1")]), "http://x/"), Ok(Some("b:1".into())));
        let cgi = proxies(&[("HTTP_PROXY", "b:1"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(of(&cgi, "http://x/"), Ok(None));
        assert_eq!(of(&proxies(&[("http_proxy", "")]), "http://x/"), Ok(None));
        let shown = format!("{:?}", proxies(&[("http_proxy", "http://u:canary@a:1/")]));
        assert!(shown.contains("a:1") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn who_asks_is_read_from_its_url() {
        for (url, header) in [
            ("http://p:1", None),
            ("http://me@p:1", Some("Basic bWU6")),
            ("http://me:a%3ab@p:1", Some("Basic bWU6YTpi")),
        ] {
            let proxy = Proxy::parse("all_proxy", Some(url)).unwrap();
            let authorization = proxy.authorization();
            assert_eq!(authorization.as_ref().map(|value| value.to_str().unwrap()), header, "{url}");
            assert!(authorization.is_none_or(|value| value.is_sensitive()));
        }
    }

    #[test]
    fn exceptions_hold_for_names_and_addresses() {
        let direct = |list: &'static str, url: &str| {
            of(&proxies(&[("all_proxy", "http://p:1"), ("no_proxy", list)]), url) == Ok(None)
        };
        for (list, url) in [
            ("*", "http://127.0.0.1:9/"),
            ("*", "https://example.com/"),
            ("a, example.com", "http://example.com/"),
            ("Example.COM", "http://sub.example.com/"),
            (".example.com", "http://example.com/"),
            ("*.example.com", "http://a.example.com/"),
            ("example.com:8080", "http://example.com:8080/"),
            ("127.0.0.1", "http://127.0.0.1:9/"),
            ("127.0.0.1:9", "http://127.0.0.1:9/"),
            ("10.0.0.0/8 192.168.0.0/16", "http://192.168.7.7/"),
            ("::1", "http://[::1]:9/"),
            ("[::1]:9", "http://[::1]:9/"),
            ("fd00::/8", "http://[fd12::1]/"),
            ("0.0.0.0/0", "http://1.2.3.4/"),
        ] {
            assert!(direct(list, url), "{list} {url}");
        }
        for (list, url) in [
            ("example.com", "http://badexample.com/"),
            ("example.com:8080", "http://example.com/"),
            ("127.0.0.1:9", "http://127.0.0.1:8/"),
            ("10.0.0.0/8", "http://11.0.0.1/"),
            ("10.0.0.0/99", "http://10.0.0.1/"),
            ("fd00::/8", "http://1.2.3.4/"),
            ("0.1", "http://127.0.0.1/"),
            (".", "http://example.com/"),
            ("", "http://example.com/"),
        ] {
            assert!(!direct(list, url), "{list} {url}");
        }
    }
}
