//! What our connections are like, whichever library keeps them.

use std::time::Duration;

/// Flow-control window of HTTP/2: at 100 ms it lets 160 MB a second through. It is fixed, since the
/// adaptive one sends pings that some servers answer by closing.
pub(super) const WINDOW: u32 = 16 << 20;

/// Idle connections kept to one host.
pub(super) const IDLE_PER_HOST: usize = 8;

/// How long one is kept.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// How much header a response of HTTP/2 may have, in bytes; HTTP/1 has the same limit by itself.
pub(super) const MAX_HEADERS: u32 = 400 << 10;

/// How often an HTTP/2 connection is asked whether it lives, and how long it may take to say so.
pub(super) const PING: Duration = Duration::from_secs(10);

/// Who we are to servers and proxies.
pub(crate) const USER_AGENT: &str = concat!("vps-configurator/", env!("CARGO_PKG_VERSION"));
