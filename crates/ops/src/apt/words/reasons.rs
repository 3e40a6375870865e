//! Why apt-get could not fetch something: the text behind `Failed to fetch URL`, as one of a few facts.

use http::StatusCode;

use crate::apt::facts::{Corrupt, FetchFailure, Reach, show};

/// The first of these that a reason contains decides. Certificates come before the handshake that
/// they end, and full disks before the connection that was given up because of them.
const REASONS: [(&str, FetchFailure); 37] = {
    use FetchFailure as F;
    [
        ("No space left on device", F::DiskFull),
        ("Disk quota exceeded", F::DiskFull),
        ("Read-only file system", F::ReadOnly),
        ("Hash Sum mismatch", F::Corrupt(Corrupt::Digest)),
        ("File has unexpected size", F::Corrupt(Corrupt::Length)),
        ("Size mismatch", F::Corrupt(Corrupt::Length)),
        ("Writing more data than expected", F::Corrupt(Corrupt::Length)),
        ("Clearsigned file isn't valid", F::Corrupt(Corrupt::NotSignedText)),
        ("Temporary failure resolving", F::Unreachable(Reach::Resolver)),
        ("Could not resolve", F::Unreachable(Reach::NameUnknown)),
        ("Something wicked happened resolving", F::Unreachable(Reach::NameUnknown)),
        ("Network is unreachable", F::Unreachable(Reach::NoRoute)),
        ("No route to host", F::Unreachable(Reach::NoRoute)),
        ("Network is down", F::Unreachable(Reach::NoRoute)),
        ("Cannot assign requested address", F::Unreachable(Reach::NoRoute)),
        ("ertificate", F::Unreachable(Reach::Certificate)),
        ("Could not handshake", F::Unreachable(Reach::Handshake)),
        ("SSL connection failed", F::Unreachable(Reach::Handshake)),
        ("Connection refused", F::Unreachable(Reach::Refused)),
        // The second file from a host says only this, whatever was wrong with the first.
        ("Unable to connect to", F::Unreachable(Reach::NoConnection)),
        ("Could not connect to", F::Unreachable(Reach::NoConnection)),
        ("Cannot initiate the connection", F::Unreachable(Reach::NoConnection)),
        ("Connection timed out", F::Unreachable(Reach::TimedOut)),
        ("Connection timeout", F::Unreachable(Reach::TimedOut)),
        ("Timeout was reached", F::Unreachable(Reach::TimedOut)),
        // apt-get says the same of a reset before the answer and of silence.
        ("Connection failed", F::Unreachable(Reach::Broken)),
        ("Connection reset", F::Unreachable(Reach::Broken)),
        ("Connection closed", F::Unreachable(Reach::Broken)),
        ("Error reading from server", F::Unreachable(Reach::Broken)),
        ("Error writing to the server", F::Unreachable(Reach::Broken)),
        ("Remote end closed connection", F::Unreachable(Reach::Broken)),
        ("Broken pipe", F::Unreachable(Reach::Broken)),
        ("invalid reply header", F::Unreachable(Reach::Broken)),
        ("Bad header", F::Unreachable(Reach::Broken)),
        ("Select failed", F::Unreachable(Reach::Broken)),
        ("Undetermined Error", F::Unreachable(Reach::Broken)),
        ("Data left in buffer", F::Unreachable(Reach::Broken)),
    ]
};

impl FetchFailure {
    /// What apt-get's reason means.
    #[must_use]
    pub fn of(reason: &str) -> Self {
        if let Some(status) = status(reason) {
            return Self::Http(status);
        }
        let known = REASONS.iter().find(|(words, _)| reason.contains(words));
        known.map_or_else(|| Self::Other(show::harmless(reason)), |(_, failure)| failure.clone())
    }
}

/// `404  Not Found [IP: ...]`, or a proxy's `Invalid response from proxy: HTTP/1.1 407 ...`.
fn status(reason: &str) -> Option<StatusCode> {
    let text = match reason.split_once("response from proxy: HTTP/") {
        Some((_, answer)) => answer.split_once(' ')?.1,
        None => reason,
    };
    let (number, _) = text.trim_start().split_once(' ').unwrap_or((text.trim(), ""));
    let number = number.parse::<u16>().ok().filter(|number| (300..600).contains(number))?;
    StatusCode::from_u16(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_its_fact() {
        use FetchFailure as F;
        for (reason, failure) in [
            ("404  Not Found [IP: 127.0.0.1 8080]", F::Http(StatusCode::NOT_FOUND)),
            ("503  Service Unavailable", F::Http(StatusCode::SERVICE_UNAVAILABLE)),
            ("511", F::Http(StatusCode::NETWORK_AUTHENTICATION_REQUIRED)),
            (
                "Invalid response from proxy: HTTP/1.1 407 Proxy Authentication Required",
                F::Http(StatusCode::PROXY_AUTHENTICATION_REQUIRED),
            ),
            (
                "Could not connect to x:80 (1.2.3.4). - connect (113: No route to host)",
                F::Unreachable(Reach::NoRoute),
            ),
            (
                "Could not connect to x:80 (1.2.3.4), connection timed out",
                F::Unreachable(Reach::NoConnection),
            ),
            (
                "Certificate verification failed: The certificate is NOT trusted. Could not handshake: Error",
                F::Unreachable(Reach::Certificate),
            ),
            (
                "SSL connection failed: error:0A000086:SSL routines::certificate verify failed",
                F::Unreachable(Reach::Certificate),
            ),
            ("Could not handshake: The TLS connection was closed", F::Unreachable(Reach::Handshake)),
            ("Error writing to file - write (28: No space left on device)", F::DiskFull),
            ("a new reason", F::Other("a new reason".into())),
            ("999  nothing", F::Other("999 nothing".into())),
            ("", F::Other(String::new().into())),
        ] {
            assert_eq!(FetchFailure::of(reason), failure, "{reason}");
        }
    }
}
