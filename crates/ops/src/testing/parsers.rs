//! Every parser of foreign bytes, to be given anything at all. Each says in a word or two what it made of them,
//! which tells inputs apart that lead to different places, and which texts a person would come to see; it panics
//! where a law of its own does not hold.
//!
//! ```
//! let parsers = vps_ops::testing::parsers::parsers();
//! let (_, netrc) = parsers.iter().find(|(name, _)| *name == "netrc").unwrap();
//! assert_eq!(netrc(b"machine a.example.com login me").0, "found");
//! ```

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use secrecy::SecretString;

use crate::http::{Netrc, Proxies, parse_header_file, retry_after};

/// A parser's name, and the parser.
pub type Parser = (&'static str, fn(&[u8]) -> (String, Vec<String>));

/// All of them, without git's.
#[must_use]
pub fn parsers() -> Vec<Parser> {
    let http: [Parser; 4] = [
        ("netrc", netrc),
        ("header_file", header_file),
        ("retry_after", retry_after_header),
        ("proxies", proxies),
    ];
    [
        &http[..],
        crate::apt::parsers::PARSERS,
        crate::circuit::parsers::PARSERS,
        crate::download::parsers::PARSERS,
        crate::unpack::parsers::PARSERS,
    ]
    .concat()
}

fn silent(shape: impl Into<String>) -> (String, Vec<String>) {
    (shape.into(), Vec::new())
}

/// The first word of what `Debug` shows.
fn kind(shown: &impl std::fmt::Debug) -> String {
    format!("{shown:?}").chars().take_while(|one| one.is_alphabetic()).collect()
}

fn netrc(bytes: &[u8]) -> (String, Vec<String>) {
    match Netrc::parse(&String::from_utf8_lossy(bytes)) {
        Ok(netrc) => match netrc.find("a.example.com") {
            Some(_) => silent("found"),
            None => silent("not found"),
        },
        Err(error) => (kind(&error), vec![error.to_string()]),
    }
}

fn header_file(bytes: &[u8]) -> (String, Vec<String>) {
    match parse_header_file(&SecretString::from(String::from_utf8_lossy(bytes).into_owned())) {
        Ok(headers) => silent(format!("{} headers", headers.len().min(4))),
        Err(error) => (kind(&error), vec![error.to_string()]),
    }
}

fn retry_after_header(bytes: &[u8]) -> (String, Vec<String>) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return silent("no header") };
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
    // 2001-09-09, so that a date may lie on either side.
    match retry_after(&headers, Duration::from_secs(1_000_000_000)) {
        None => silent("none"),
        Some(Duration::ZERO) => silent("at once"),
        Some(_) => silent("later"),
    }
}

/// One variable for all, and one for those that go without.
fn proxies(bytes: &[u8]) -> (String, Vec<String>) {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    let (proxy, exceptions) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let proxies = Proxies::read(|name| match name {
        "all_proxy" => Some(OsString::from_vec(proxy.to_vec())),
        "no_proxy" => Some(OsString::from_vec(exceptions.to_vec())),
        _ => None,
    });
    let mut shown = Vec::new();
    let said = ["http://a.example.com/", "https://[::1]:8443/", "http://192.0.2.1/"].map(|url| {
        let Ok(url) = url::Url::parse(url) else { return "?" };
        match proxies.of(&url) {
            Ok(None) => "direct",
            Ok(Some(_)) => "proxy",
            Err(error) => {
                shown.push(error.to_string());
                "wrong"
            }
        }
    });
    (said.join(" "), shown)
}
