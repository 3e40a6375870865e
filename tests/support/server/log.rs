//! What happened, request by request.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::gate::PATIENCE;
use super::request::Request;

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It goes on.
    Running,
    /// All of it was sent.
    Complete,
    /// The server closed in good order before the end.
    Closed,
    /// The server reset the connection.
    Reset,
    /// The client went first.
    ClientGone,
}

/// A request and what it was given.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The connection's number, from 1.
    pub connection: usize,
    /// What was asked.
    pub request: Request,
    /// Since the server was started.
    pub at: Duration,
    /// The status; 0 before there is one.
    pub status: u16,
    /// The first byte of the file that this response holds.
    pub from: u64,
    /// Bytes of the body it would have.
    pub planned: u64,
    /// Bytes of the body that the kernel took.
    pub sent: u64,
    /// How it ended.
    pub ending: Ending,
    /// When it ended, since the server was started.
    pub ended: Option<Duration>,
}

impl Exchange {
    /// The first byte asked for by `Range`, if any.
    #[must_use]
    pub fn range_start(&self) -> Option<u64> {
        self.request.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.request, self.status)?;
        if self.from > 0 {
            write!(f, " from byte {}", self.from)?;
        }
        write!(f, ", sent {}", self.sent)?;
        if self.planned < u64::MAX {
            write!(f, " of {}", self.planned)?;
        }
        f.write_str(match self.ending {
            Ending::Running => " so far",
            Ending::Complete => ", complete",
            Ending::Closed => ", closed by us",
            Ending::Reset => ", reset by us",
            Ending::ClientGone => ", client gone",
        })
    }
}

/// Everything so far.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// In the order in which the requests came.
    pub exchanges: Vec<Exchange>,
    /// Connections accepted.
    pub connections: usize,
    /// Connections that are open.
    pub open: usize,
    /// The most that were open at once.
    pub most_open: usize,
    /// TLS handshakes that did not succeed.
    pub failed_handshakes: usize,
}

impl Log {
    /// The exchanges of one path.
    #[must_use]
    pub fn of(&self, path: &str) -> Vec<&Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.request.path() == path).collect()
    }

    /// The most exchanges that were under way at once, of those that `which` names.
    #[must_use]
    pub fn most_at_once(&self, which: impl Fn(&Exchange) -> bool) -> usize {
        let of: Vec<&Exchange> = self.exchanges.iter().filter(|exchange| which(exchange)).collect();
        let at = |moment: Duration| {
            of.iter().filter(|one| one.at <= moment && one.ended.is_none_or(|ended| ended > moment)).count()
        };
        of.iter().map(|one| at(one.at)).max().unwrap_or(0)
    }

    /// Bytes of bodies sent for one path.
    #[must_use]
    pub fn sent(&self, path: &str) -> u64 {
        self.of(path).iter().map(|exchange| exchange.sent).sum()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} connections, {} open", self.connections, self.open)?;
        self.exchanges.iter().try_for_each(|exchange| writeln!(f, "#{} {exchange}", exchange.connection))
    }
}

/// The log as server and test share it.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedLog {
    shared: Arc<(Mutex<Log>, Condvar)>,
}

impl SharedLog {
    /// Changes it, and wakes those who wait for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let result = change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
        result
    }

    pub(super) fn snapshot(&self) -> Log {
        self.shared.0.lock().unwrap().clone()
    }

    pub(super) fn wait_for(&self, what: &str, mut holds: impl FnMut(&Log) -> bool) -> Log {
        let log = self.shared.0.lock().unwrap();
        let (log, waited) = self.shared.1.wait_timeout_while(log, PATIENCE, |log| !holds(log)).unwrap();
        assert!(!waited.timed_out(), "the server waited in vain for: {what}\n{log}");
        log.clone()
    }

    /// Changes the exchange with this number.
    pub(super) fn exchange(&self, number: usize, change: impl FnOnce(&mut Exchange)) {
        self.change(|log| {
            if let Some(exchange) = log.exchanges.get_mut(number) {
                change(exchange);
            }
        });
    }
}
