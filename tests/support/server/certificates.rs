//! Certificates, right and wrong, from an authority of our own.
//!
//! ```
//! let authority = tests::server::certificates::Authority::new();
//! let file = tempfile::NamedTempFile::new().unwrap();
//! std::fs::write(&file, authority.pem()).unwrap(); // for `SSL_CERT_FILE`
//! let server = authority.identity();
//! assert!(authority.pem().contains("BEGIN CERTIFICATE"));
//! # let _ = server;
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The names this machine has for itself.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

static MADE: AtomicUsize = AtomicUsize::new(0);

/// Signs what it is asked to.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one that nobody trusts yet.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each has a name of its own, or a foreign one looks like ours with a bad signature.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("test authority {number}"));
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its own certificate, for those who are to trust it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn identity(&self) -> Arc<Identity> {
        self.sign(params(&NAMES))
    }

    /// One for another host.
    #[must_use]
    pub fn for_another_host(&self) -> Arc<Identity> {
        self.sign(params(&["elsewhere.example.com"]))
    }

    /// One for names that are just these bytes, whatever a name may be, and whose subject has this one.
    ///
    /// # Panics
    /// If they take more than a hundred bytes.
    #[must_use]
    pub fn for_raw_names(&self, names: &[&[u8]], subject: &str) -> Arc<Identity> {
        let mut params = params(&[]);
        // As RFC 5280 has it: a sequence of names with the tag [2].
        let one = |name: &&[u8]| [&[0x82, length(name)], *name].concat();
        let all = names.iter().flat_map(one).collect::<Vec<u8>>();
        let content = [&[0x30, length(&all)], all.as_slice()].concat();
        let mut extension = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], content);
        extension.set_criticality(false);
        params.custom_extensions.push(extension);
        params.distinguished_name.push(rcgen::DnType::CommonName, subject);
        self.sign(params)
    }

    /// One that has run out.
    #[must_use]
    pub fn expired(&self) -> Arc<Identity> {
        let mut params = params(&NAMES);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.sign(params)
    }

    /// One that is valid from so many days from now until so many days from now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a certificate is held against the real day")]
    pub fn valid_for_days(&self, from: i64, until: i64) -> Arc<Identity> {
        let mut params = params(&NAMES);
        // Since 1970, where the library's own days begin.
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / DAY;
        let day = |from_now: i64| {
            let day = today.checked_add_signed(from_now).unwrap();
            date_time_ymd(1970, 1, 1) + Duration::from_secs(day * DAY)
        };
        (params.not_before, params.not_after) = (day(from), day(until));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Arc<Identity> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity::new(certificate.der().clone(), &key)
    }
}

impl Identity {
    /// One that vouches for itself.
    #[must_use]
    pub fn self_signed() -> Arc<Self> {
        let key = KeyPair::generate().unwrap();
        let certificate = params(&NAMES).self_signed(&key).unwrap();
        Self::new(certificate.der().clone(), &key)
    }

    /// One that vouches for itself and may vouch for others, as it is often made for one's own server; with
    /// what trusts it, and for `names`.
    #[must_use]
    pub fn of_an_own_authority(names: &[&str]) -> (Arc<Self>, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (Self::new(certificate.der().clone(), &key), certificate.pem())
    }

    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<Self> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Arc::new(Self { chain: vec![certificate], key })
    }

    /// For a server of one's own that offers `protocols`, the best first.
    #[must_use]
    pub fn config_for(&self, protocols: &[&str]) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&self.server_config());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .unwrap();
        Arc::new(config)
    }
}

/// The length of something short, as DER has it.
fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).ok().filter(|length| *length < 128).unwrap()
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}
