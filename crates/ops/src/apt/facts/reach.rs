//! Why something could not be fetched.

use std::fmt;

use crate::foreign::Foreign;
use http::StatusCode;

/// Why something could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchFailure {
    /// Nobody reached, or the connection failed.
    Unreachable(Reach),
    /// Somebody else than the server was to be reached, such as a proxy, and was not.
    OnTheWay {
        /// Its host and port, as apt-get names them.
        peer: Foreign,
        /// How.
        reach: Reach,
    },
    /// The server answered, but with no file.
    Http(StatusCode),
    /// What came is not what the index promises.
    Corrupt(Corrupt),
    /// The disk is full.
    DiskFull,
    /// The disk cannot be written to.
    ReadOnly,
    /// Something else, apt-get's words fit for a screen.
    Other(Foreign),
}

/// How a server was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reach {
    /// The connection was refused.
    Refused,
    /// No connection came about, in time or at all.
    NoConnection,
    /// There is no way to the host.
    NoRoute,
    /// The resolver did not answer.
    Resolver,
    /// There is no such host.
    NameUnknown,
    /// The server fell silent.
    TimedOut,
    /// The connection broke.
    Broken,
    /// The encrypted connection could not be set up.
    Handshake,
    /// Its certificate is not accepted.
    Certificate,
}

/// In what way a file was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Corrupt {
    /// Its digest.
    Digest,
    /// Its length.
    Length,
    /// It is not signed text at all: often the log-in page of a network.
    NotSignedText,
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reach) => fmt::Display::fmt(reach, f),
            Self::OnTheWay { peer, reach } => write!(f, "the way there leads over {peer}, and {reach}"),
            Self::Http(status) => {
                write!(f, "the server answered {}", status.as_u16())?;
                status.canonical_reason().map_or(Ok(()), |reason| write!(f, " {reason}"))
            }
            Self::Corrupt(corrupt) => fmt::Display::fmt(corrupt, f),
            Self::DiskFull => f.write_str("the disk is full"),
            Self::ReadOnly => f.write_str("the disk is read-only"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the connection was refused",
            Self::NoConnection => "no connection could be made",
            Self::NoRoute => "there is no route to the host",
            Self::Resolver => "the name server did not answer",
            Self::NameUnknown => "there is no such host",
            Self::TimedOut => "the server fell silent",
            Self::Broken => "the connection broke",
            Self::Handshake => "no encrypted connection could be set up",
            Self::Certificate => "the server's certificate is not accepted",
        })
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digest => "the file's digest is not the one the index promises",
            Self::Length => "the file's length is not the one the index promises",
            Self::NotSignedText => "the answer is no signed index",
        })
    }
}
