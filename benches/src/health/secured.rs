//! What looking over TLS costs: a thousand addresses of loopback, each with a certificate of its own, since a session is
//! resumed by whom it was with.

use std::collections::HashMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};

use super::served::Served;
use super::usage::Usage;
use super::{MEASURED, SERVICES};
use crate::table::{note, row};

/// Clients at once.
const THREADS: usize = 8;

pub(super) fn print(binary: &Path, folder: &Path) {
    let (servers, authority) = configs();
    let trusted = folder.join("authority.pem");
    fs::write(&trusted, authority).unwrap();
    let port = serve(servers);
    let written = super::written(folder, "secured", "https", port, SERVICES);
    let served = match Served::start(binary, &written, SERVICES, &[("SSL_CERT_FILE", &trusted)]) {
        Ok(served) => served,
        Err(error) => return note("`serve` over TLS", &error.to_string()),
    };
    let (before, began) = (Usage::of(served.pid()), Instant::now());
    std::thread::sleep(MEASURED);
    let (after, seconds) = (Usage::of(served.pid()), began.elapsed().as_secs_f64());
    let cpu = after.seconds - before.seconds;
    let percent = 100.0 * cpu / seconds;
    row("`serve` over TLS, CPU of a core", &format!("{percent:.2} % here"), "<= 1 %", percent <= 1.0);
    let each = 1e6 * cpu / (SERVICES as f64 * seconds / super::INTERVAL.as_secs_f64());
    note("the same for each look", &format!("{each:.0} us here"));
    let mebibytes = after.resident as f64 / (1 << 20) as f64;
    row("`serve` over TLS, resident memory", &format!("{mebibytes:.1} MiB"), "<= 32 MiB", mebibytes <= 32.0);
}

/// By address: with tickets as most servers give them.
type Configs = HashMap<String, Arc<ServerConfig>>;

/// The servers', and the authority that `serve` is to trust.
fn configs() -> (Configs, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configs = (0..SERVICES).map(|number| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![super::address(number)]).unwrap();
        let own = params.signed_by(&key, &issuer).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        config.ticketer = Arc::clone(&ticketer);
        (super::address(number), Arc::new(config))
    });
    (configs.collect(), authority)
}

/// Its port; it is there as long as this process.
fn serve(configs: Configs) -> u16 {
    let configs = Arc::new(configs);
    let listener = TcpListener::bind(("0.0.0.0", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for _ in 0..THREADS {
        let (listener, configs) = (listener.try_clone().unwrap(), Arc::clone(&configs));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let Some(config) = stream.local_addr().ok().and_then(|at| configs.get(&at.ip().to_string()))
                else {
                    continue;
                };
                answer(&mut stream, config);
            }
        });
    }
    port
}

fn answer(stream: &mut TcpStream, config: &Arc<ServerConfig>) {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    super::page::answer(&mut Stream::new(&mut connection, stream));
}
