//! What to do about a failure, as values: who shows them finds the words. A library's user has no flags, a
//! dashboard no terminal.

use std::time::Duration;

use crate::apt::AptHint;
use crate::download::DownloadHint;
#[cfg(feature = "git")]
use crate::git::GitHint;
use crate::http::HttpHint;
use crate::process::ProcessHint;
use crate::service::ServiceName;

/// An error that knows what to do about it.
pub trait Advise {
    /// What to do, the most useful first.
    fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }
}

/// One thing to do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// Somebody holds the circuit open by hand: let go of it.
    LetGoOfCircuit {
        /// Whose circuit.
        service: ServiceName,
    },
    /// Wait for the circuit instead of stopping at it.
    WaitForCircuit,
    /// What may be waited for an open circuit is too little.
    WaitLonger,
    /// See what is known of the circuit.
    SeeCircuit {
        /// Whose circuit.
        service: ServiceName,
    },
    /// Allow the whole more time.
    AllowMoreTime,
    /// Come back later: the server said when.
    ServerAskedToWait {
        /// How long it asked to be left alone.
        at_least: Duration,
    },
    /// Start fewer calls at once, or let more calls to these services be under way at once.
    FewerAtOnce {
        /// The group of services whose bulkhead was full.
        group: String,
    },
    /// About an HTTP failure.
    Http(HttpHint),
    /// About a failed download.
    Download(DownloadHint),
    /// About a command that failed.
    Process(ProcessHint),
    /// About a failure of apt's.
    Apt(AptHint),
    /// About a failed clone or update.
    #[cfg(feature = "git")]
    Git(GitHint),
}
