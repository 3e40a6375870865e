//! Which handshakes are full: all of them, or where there are many targets one each few minutes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup};
use vps_breaker::Tick;

/// With more targets than these, handshakes are resumed.
const RESUMED_FROM: usize = 200;
/// Where they are, each target has a full one this often, which sees a new certificate.
const FULL_EVERY: Duration = Duration::from_secs(300);
/// Tickets that the cache of the library has room for with each server; it is sized in tickets, not in servers.
const TICKETS: usize = 8;

/// The configurations of full and of resumed handshakes, and who is due for which.
#[derive(Debug)]
pub(super) struct Sessions {
    full: Arc<ClientConfig>,
    resumed: Option<Arc<ClientConfig>>,
    /// When each target had its last full handshake.
    full_at: Mutex<BTreeMap<String, Tick>>,
}

impl Sessions {
    /// For so many targets, by `config`.
    pub(super) fn new(mut config: ClientConfig, targets: usize) -> Self {
        if targets <= RESUMED_FROM {
            config.resumption = Resumption::disabled();
            return Self { full: Arc::new(config), resumed: None, full_at: Mutex::default() };
        }
        // As large as there are targets, or each would push another out.
        let cache = Arc::new(ClientSessionMemoryCache::new(targets.saturating_mul(TICKETS)));
        // Copies, since a session is only taken up where whom it trusts is the very same object.
        let mut resumed = config.clone();
        resumed.resumption = Resumption::store(Arc::clone(&cache) as _);
        config.resumption = Resumption::store(Arc::new(Fresh(cache)));
        Self { full: Arc::new(config), resumed: Some(Arc::new(resumed)), full_at: Mutex::default() }
    }

    /// The configuration for a look at `target` that begins at `now`.
    pub(super) fn of(&self, target: &str, now: Tick) -> &Arc<ClientConfig> {
        let Some(resumed) = &self.resumed else { return &self.full };
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        match full_at.get(target) {
            Some(at) if now.since(*at) < FULL_EVERY => resumed,
            _ => {
                full_at.insert(target.to_owned(), now);
                &self.full
            }
        }
    }
}

/// A cache that is written and never read: the handshake is full, and the next one can be resumed.
#[derive(Debug)]
struct Fresh(Arc<ClientSessionMemoryCache>);

impl ClientSessionStore for Fresh {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, _server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.0.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(&self, _server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
