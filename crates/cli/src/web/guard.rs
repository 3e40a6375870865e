//! Who is answered at all: who asks for this very machine, by a method that changes nothing, and sends nothing along.

use std::net::{IpAddr, Ipv6Addr};

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, StatusCode, Version};

/// Names of this machine. A page of somebody else's that has its own name resolve to us (DNS rebinding) asks for that
/// name: it is not answered, and reads nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// In lower case, without port.
    allowed: Vec<String>,
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It names no host, several, or none that one can read.
    BadHost,
    /// It is for somebody else.
    OtherHost,
    Method,
    Body,
}

impl Refusal {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::BadHost => "one Host is needed\n",
            Self::OtherHost => "not for this host; --allow-host NAME has it answered\n",
            Self::Method => "only GET and HEAD\n",
            Self::Body => "no body is taken\n",
        }
    }
}

impl Hosts {
    /// This machine's own, and these.
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.to_vec() }
    }

    /// Whether the request may be looked at any further.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Refusal> {
        let mut named = request.headers.get_all(HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().map_err(|_| Refusal::BadHost)?,
            _ => return Err(Refusal::BadHost),
        };
        // What is asked of a proxy has a host of its own, which counts as well.
        let of_target = request.uri.authority().map(http::uri::Authority::as_str);
        for host in [Some(host), of_target].into_iter().flatten() {
            let host = without_port(host).ok_or(Refusal::BadHost)?;
            if !self.is_ours(host) {
                return Err(Refusal::OtherHost);
            }
        }
        if ![Method::GET, Method::HEAD].contains(&request.method) {
            return Err(Refusal::Method);
        }
        let length = request.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
        if length || request.headers.contains_key(TRANSFER_ENCODING) || request.version > Version::HTTP_11 {
            return Err(Refusal::Body);
        }
        Ok(())
    }

    fn is_ours(&self, host: &str) -> bool {
        let is_loopback = match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(v4)) => v4.is_loopback(),
            Ok(IpAddr::V6(v6)) => v6 == Ipv6Addr::LOCALHOST,
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        };
        is_loopback || self.allowed.contains(&host.to_ascii_lowercase())
    }
}

/// A name or an address to be answered for, as `--allow-host` has it, in lower case.
pub(crate) fn allowed_host(text: &str) -> Result<String, String> {
    let host = text.trim_matches(['[', ']']).to_ascii_lowercase();
    // An address of IPv6 has colons of its own.
    let is_plain = host.parse::<IpAddr>().is_ok() || without_port(&host) == Some(host.as_str());
    let is_name = !host.is_empty() && !host.contains(['/', '@', ' ', '*']);
    if is_plain && is_name {
        return Ok(host);
    }
    Err("must be a name or an IP alone, as status.example.com: no port, no URL".to_owned())
}

/// The host of `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; nothing where it is none of them.
fn without_port(text: &str) -> Option<&str> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(v6) => v6.split_once(']').filter(|(v6, _)| v6.parse::<Ipv6Addr>().is_ok())?,
        None => match text.find(':') {
            Some(at) => text.split_at_checked(at)?,
            None => (text, ""),
        },
    };
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let is_right = !host.is_empty() && host.bytes().all(is_name);
    let is_end = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    (is_right && is_end).then_some(host)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(hosts: &[&str], target: &str, more: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::get(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let names = ["Status.example.com", "[2001:db8::1]"].map(|name| allowed_host(name).unwrap());
        Hosts::new(&names).check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_this_machine_by_its_own_names_is_asked() {
        let ours =
            ["127.0.0.1", "127.0.0.1:80", "127.4.5.6:9", "localhost", "LocalHost:9469", "[::1]", "[::1]:1"];
        let allowed = ["status.example.com", "STATUS.example.com:443", "[2001:db8::1]:9469"];
        for host in ours.into_iter().chain(allowed) {
            assert_eq!(check(&[host], "/", &[]), Ok(()), "{host}");
        }
        let others =
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "192.0.2.1"];
        for host in others.into_iter().chain(["localhost.", "[::2]:80", "[::ffff:7f00:1]", "2130706433"]) {
            assert_eq!(check(&[host], "/", &[]), Err(Refusal::OtherHost), "{host}");
        }
        let bad =
            ["", ":80", "localhost:x", "localhost:80:80", "a b", "::1", "[::1", "[::1]x", "[localhost]"];
        for host in
            bad.into_iter().chain(["evil@localhost", "localhost/", "localhost:123456", "localhost,evil"])
        {
            assert_eq!(check(&[host], "/", &[]), Err(Refusal::BadHost), "{host}");
        }
    }

    #[test]
    fn what_can_never_be_a_host_is_not_allowed_in_silence() {
        for name in
            ["", "status.example.com:443", "https://status.example.com", "*.example.com", "a b", "[::1]:80"]
        {
            assert!(allowed_host(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_request_has_one_host_however_it_says_it() {
        assert_eq!(check(&[], "/", &[]), Err(Refusal::BadHost));
        assert_eq!(check(&["localhost", "localhost"], "/", &[]), Err(Refusal::BadHost));
        assert_eq!(check(&["localhost"], "http://localhost/", &[]), Ok(()));
        assert_eq!(check(&["localhost"], "http://evil.example/", &[]), Err(Refusal::OtherHost));
        assert_eq!(check(&["localhost"], "http://localhost@evil.example/", &[]), Err(Refusal::BadHost));
        assert_eq!(check(&["evil.example"], "http://localhost/", &[]), Err(Refusal::OtherHost));
    }

    #[test]
    fn a_body_is_none_of_ours() {
        assert_eq!(check(&["localhost"], "/", &[("content-length", "0")]), Ok(()));
        for body in [("content-length", "1"), ("content-length", "00x"), ("transfer-encoding", "chunked")] {
            assert_eq!(check(&["localhost"], "/", &[body]), Err(Refusal::Body), "{body:?}");
        }
    }
}
