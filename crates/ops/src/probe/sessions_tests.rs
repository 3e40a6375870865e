use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::*;
use crate::http::{Connection, LazyVerifier, Trust, Verify, install_crypto_provider, tls_config};

/// More than are resumed from, and more than an eighth of the cache.
const MANY: usize = 260;

/// Servers of `targets` names, which share their tickets as one server would.
struct World {
    sessions: Sessions,
    server: Arc<ServerConfig>,
}

impl World {
    fn of(targets: usize, version: &'static SupportedProtocolVersion) -> Self {
        install_crypto_provider();
        let verifier = Arc::new(LazyVerifier::new(Trust::default()));
        let config = tls_config(Connection::Own, Verify::Nothing, verifier).unwrap();
        let own = rcgen::generate_simple_self_signed(vec!["example.com".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let mut server = ServerConfig::builder_with_protocol_versions(&[version])
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        server.session_storage = rustls::server::ServerSessionMemoryCache::new(4 * targets);
        Self { sessions: Sessions::new(config, targets), server: Arc::new(server) }
    }

    /// A handshake with the `number`-th target `seconds` after the start, and what came with it.
    fn shake(&self, number: usize, seconds: u64) -> HandshakeKind {
        let name = format!("host-{number}.example.com");
        let config = self.sessions.of(&name, Tick::ZERO.after(Duration::from_secs(seconds)));
        let mut client = ClientConnection::new(Arc::clone(config), name.try_into().unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        while client.wants_write() || server.wants_write() || client.is_handshaking() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            server.read_tls(&mut bytes.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut left = bytes.as_slice();
            while !left.is_empty() {
                client.read_tls(&mut left).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        client.handshake_kind().unwrap()
    }

    fn round(&self, seconds: u64) -> Vec<HandshakeKind> {
        let mut kinds: Vec<HandshakeKind> = (0..MANY).map(|number| self.shake(number, seconds)).collect();
        kinds.dedup();
        kinds
    }
}

#[test]
fn with_many_targets_one_handshake_in_five_minutes_is_full_and_all_others_are_resumed() {
    for version in [&TLS13, &TLS12] {
        let world = World::of(MANY, version);
        let (full, resumed) = (vec![HandshakeKind::Full], vec![HandshakeKind::Resumed]);
        assert_eq!(world.round(0), full, "{version:?}");
        for seconds in [30, 60, 299] {
            assert_eq!(world.round(seconds), resumed, "{version:?} after {seconds} s");
        }
        assert_eq!(world.round(300), full, "{version:?}: a new certificate would be seen");
        assert_eq!(world.round(330), resumed, "{version:?}");
    }
}

#[test]
fn with_few_targets_every_handshake_is_full() {
    let world = World::of(RESUMED_FROM, &TLS13);
    for seconds in [0, 30, 60] {
        assert_eq!(world.shake(7, seconds), HandshakeKind::Full);
    }
}
