//! TLS, well done or not.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificates::Identity;

/// How a server meets a handshake.
#[derive(Clone, Debug)]
pub enum Tls {
    /// With this certificate.
    With(Arc<Identity>),
    /// Reads the greeting and closes.
    Cut,
    /// Cuts the first connections, then goes on with this certificate.
    CutFirst {
        /// How many.
        times: usize,
        /// The certificate.
        then: Arc<Identity>,
    },
    /// Reads the greeting and says nothing.
    Stall,
}

/// The same, ready to be used.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    config: Option<Arc<ServerConfig>>,
    cuts: Arc<std::sync::atomic::AtomicUsize>,
    stall: bool,
}

impl Handshake {
    pub(super) fn new(tls: &Tls) -> Self {
        let (identity, cuts, stall) = match tls {
            Tls::With(identity) => (Some(identity), 0, false),
            Tls::Cut => (None, usize::MAX, false),
            Tls::CutFirst { times, then } => (Some(then), *times, false),
            Tls::Stall => (None, 0, true),
        };
        Self { config: identity.map(|identity| identity.server_config()), cuts: Arc::new(cuts.into()), stall }
    }

    /// `None` if it did not come to a session.
    pub(super) async fn shake(&self, mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        use std::sync::atomic::Ordering::Relaxed;
        let cut = self.cuts.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        if cut || self.stall {
            let mut greeting = [0; 4096];
            while self.stall && stream.read(&mut greeting).await.is_ok_and(|n| n > 0) {}
            let _ = stream.read(&mut greeting).await;
            return None;
        }
        TlsAcceptor::from(self.config.clone()?).accept(stream).await.ok()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
