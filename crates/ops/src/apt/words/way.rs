//! Whom apt-get could not reach for a URL: its host, or somebody before it.

use crate::apt::facts::{FetchFailure, show};

/// What stands before the host and port that was not reached.
const PEER: [&str; 4] = [
    "Could not connect to ",
    "Unable to connect to ",
    "Cannot initiate the connection to ",
    "Connection to ",
];
/// The same where only a name is said.
const NAME: [&str; 2] = ["Could not resolve '", "Temporary failure resolving '"];

/// The failure that `reason` tells of, for `subject`: a URL, alone or at the beginning.
pub(super) fn of(subject: &str, reason: &str) -> FetchFailure {
    match (FetchFailure::of(reason), peer(reason)) {
        (FetchFailure::Unreachable(reach), Some(peer)) if is_other(subject, peer) => {
            FetchFailure::OnTheWay { peer: show::bounded(peer, 200), reach }
        }
        (failure, _) => failure,
    }
}

/// `proxy.example.com:3142`, or the name alone.
fn peer(reason: &str) -> Option<&str> {
    let after = |words: &&str| reason.split_once(*words).map(|(_, rest)| rest);
    if let Some(rest) = PEER.iter().find_map(after) {
        return rest.split([' ', ',']).next().map(|peer| peer.trim_end_matches([':', '.']));
    }
    NAME.iter().find_map(after)?.split('\'').next()
}

fn is_other(subject: &str, peer: &str) -> bool {
    let url = show::strip_user(subject.split(' ').next().unwrap_or_default());
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (host, port) = host_and_port(rest.split('/').next().unwrap_or_default());
    let (other, other_port) = host_and_port(peer);
    // A name alone, or a port that the URL leaves to its method, says nothing of the port; `http` is what
    // apt-get writes for it where the system knows the number by that name.
    let same_port = match (port, other_port) {
        (Some(port), Some(other)) => port == other || matches!(other, "http" | "https"),
        (None, Some(other)) => matches!(other, "80" | "443" | "http" | "https"),
        (_, None) => true,
    };
    !(other.is_empty() || host.eq_ignore_ascii_case(other) && same_port)
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host.trim_matches(['[', ']']), Some(port)),
        _ => (authority.trim_matches(['[', ']']), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::facts::Reach;

    #[test]
    fn who_was_not_reached_is_the_host_or_somebody_before_it() {
        let refused =
            |peer: &str| format!("Could not connect to {peer} (::1). - connect (111: Connection refused)");
        let other = |peer: &str, reach| FetchFailure::OnTheWay { peer: peer.into(), reach };
        let url = "http://me:pw@example.com:8080/a stable InRelease";
        for (subject, reason, expected) in [
            (url, refused("localhost:3142"), other("localhost:3142", Reach::Refused)),
            (url, refused("example.com:3142"), other("example.com:3142", Reach::Refused)),
            (url, refused("example.com:8080"), FetchFailure::Unreachable(Reach::Refused)),
            ("http://example.com/a", refused("example.com:80"), FetchFailure::Unreachable(Reach::Refused)),
            ("http://[::1]:81/a", refused("::1:81"), FetchFailure::Unreachable(Reach::Refused)),
            (
                url,
                "Unable to connect to localhost:3142:".into(),
                other("localhost:3142", Reach::NoConnection),
            ),
            (url, "Could not resolve 'cache'".into(), other("cache", Reach::NameUnknown)),
            (url, "Could not resolve 'example.com'".into(), FetchFailure::Unreachable(Reach::NameUnknown)),
            ("file:/srv/a", refused("x:1"), FetchFailure::Unreachable(Reach::Refused)),
        ] {
            assert_eq!(of(subject, &reason), expected, "{subject}: {reason}");
        }
    }
}
