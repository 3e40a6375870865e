//! Whom this machine trusts: loaded at the first handshake, never for plain http.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_native_certs::CertificateResult;
use thiserror::Error;

use super::tls::provider;

/// Where Debian and its relatives keep all roots in one file, which is read four times as fast as
/// the folder.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where the roots of trust come from: the values of `SSL_CERT_FILE` and `SSL_CERT_DIR`, or the
/// system where neither is set.
///
/// ```
/// use vps_ops::http::Trust;
///
/// let trust = Trust { cert_file: Some("/etc/my-ca.pem".into()), ..Trust::default() };
/// assert_ne!(trust, Trust::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The value of `SSL_CERT_FILE`: a file of PEM certificates.
    pub cert_file: Option<PathBuf>,
    /// The value of `SSL_CERT_DIR`: a folder of them, or several with `:` between.
    pub cert_dir: Option<PathBuf>,
}

/// The roots of trust cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(super) enum RootsError {
    #[error("`{variable}` names `{path}`, which cannot be read: {reason}")]
    Unreadable { variable: &'static str, path: PathBuf, reason: String },
    #[error("`{variable}` names `{path}`, which holds no certificate")]
    Empty { variable: &'static str, path: PathBuf },
    #[error("this machine has no trusted certificates; install `ca-certificates` or set `SSL_CERT_FILE`")]
    None,
    #[error("the trusted certificates cannot be used: {0}")]
    Unusable(String),
}

impl From<RootsError> for rustls::Error {
    fn from(error: RootsError) -> Self {
        Self::Other(OtherError(Arc::new(error)))
    }
}

type Verifier = Result<Arc<Verified>, RootsError>;

/// Roots, and who verifies by them.
#[derive(Debug)]
struct Verified {
    by: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
}

/// Verifies against the machine's roots, loading them when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct LazyVerifier {
    trust: Trust,
    quick: OnceLock<Verifier>,
    thorough: OnceLock<Verifier>,
}

impl LazyVerifier {
    /// A variable that is set to nothing counts as not set.
    pub(crate) fn new(Trust { cert_file, cert_dir }: Trust) -> Self {
        let set = |path: &PathBuf| !path.as_os_str().is_empty();
        let trust = Trust { cert_file: cert_file.filter(set), cert_dir: cert_dir.filter(set) };
        Self { trust, ..Self::default() }
    }

    fn quick(&self) -> Result<&Arc<Verified>, rustls::Error> {
        let verifier = self.quick.get_or_init(|| verifier(self.trust.load()?));
        verifier.as_ref().map_err(|error| error.clone().into())
    }

    /// All that can be found, for an issuer whom the bundle does not know.
    fn thorough(&self) -> Option<&Arc<Verified>> {
        if self.trust != Trust::default() {
            return None;
        }
        let found = || verifier(rustls_native_certs::load_native_certs().certs);
        self.thorough.get_or_init(found).as_ref().ok()
    }
}

impl Trust {
    fn load(&self) -> Result<Vec<CertificateDer<'static>>, RootsError> {
        if *self == Self::default() {
            let mut found = rustls_native_certs::load_certs_from_paths(Some(Path::new(BUNDLE)), None).certs;
            if found.is_empty() {
                found = rustls_native_certs::load_native_certs().certs;
            }
            return if found.is_empty() { Err(RootsError::None) } else { Ok(found) };
        }
        let mut roots = Vec::new();
        if let Some(path) = &self.cert_file {
            roots.extend(named("SSL_CERT_FILE", path, |path| {
                rustls_native_certs::load_certs_from_paths(Some(path), None)
            })?);
        }
        if let Some(list) = &self.cert_dir {
            roots.extend(folders(list)?);
        }
        Ok(roots)
    }
}

/// Those of all folders of a list, with `:` between them as in `PATH`; one that is missing is nothing where
/// another has some.
fn folders(list: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let (mut roots, mut missed) = (Vec::new(), None);
    for path in std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
        let load = |path: &Path| rustls_native_certs::load_certs_from_paths(None, Some(path));
        match named("SSL_CERT_DIR", &path, load) {
            Ok(found) => roots.extend(found),
            Err(error) => missed = missed.or(Some(error)),
        }
    }
    match missed {
        Some(error) if roots.is_empty() => Err(error),
        _ => Ok(roots),
    }
}

fn named(
    variable: &'static str,
    path: &Path,
    load: impl FnOnce(&Path) -> CertificateResult,
) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    if let Err(error) = std::fs::metadata(path) {
        return Err(RootsError::Unreadable { variable, path: path.to_owned(), reason: error.to_string() });
    }
    let CertificateResult { certs, errors, .. } = load(path);
    match (certs.is_empty(), errors.first()) {
        (false, _) => Ok(certs),
        (true, Some(error)) => {
            Err(RootsError::Unreadable { variable, path: path.to_owned(), reason: error.to_string() })
        }
        (true, None) => Err(RootsError::Empty { variable, path: path.to_owned() }),
    }
}

fn verifier(roots: Vec<CertificateDer<'static>>) -> Verifier {
    let mut store = RootCertStore::empty();
    // A root that cannot be read is passed over, as every other client does.
    store.add_parsable_certificates(roots.iter().cloned());
    if store.is_empty() {
        return Err(RootsError::None);
    }
    let by = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build();
    let by = by.map_err(|error| RootsError::Unusable(error.to_string()))?;
    Ok(Arc::new(Verified { by, roots }))
}

impl ServerCertVerifier for LazyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let by = |verifier: &Verified| {
            let verified =
                verifier.by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
            match verified {
                // Of a certificate only that: its dates were looked at before.
                Err(error) if is_of_a_ca(&error) && verifier.roots.contains(end_entity) => {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                    Ok(ServerCertVerified::assertion())
                }
                verified => verified,
            }
        };
        match by(self.quick()?) {
            Err(error @ rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                self.thorough().map_or(Err(error), |verifier| by(verifier))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Whether all that is wrong with a certificate is that it may issue others, as one that somebody made for his
/// own server and trusts by itself often may.
pub(super) fn is_of_a_ca(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(why))) = error else {
        return false;
    };
    // Its type is not to be had from here; this is its name.
    why.to_string() == "CaUsedAsEndEntity"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_file_is_named_with_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let error = Trust { cert_file: Some(missing.clone()), cert_dir: None }.load().unwrap_err();
        assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
        std::fs::write(&missing, "").unwrap();
        let error = Trust { cert_file: Some(missing.clone()), cert_dir: None }.load().unwrap_err();
        assert_eq!(error, RootsError::Empty { variable: "SSL_CERT_FILE", path: missing });
        let both = format!("/no/such/folder:{}", folder.path().display());
        let error = Trust { cert_file: None, cert_dir: Some(both.into()) }.load().unwrap_err();
        assert!(error.to_string().contains("`/no/such/folder`"), "{error}");
        let error = Trust { cert_file: None, cert_dir: Some(folder.path().into()) }.load().unwrap_err();
        assert!(error.to_string().contains("SSL_CERT_DIR"), "{error}");
    }

    #[test]
    fn nothing_is_read_before_a_handshake() {
        let verifier = LazyVerifier::new(Trust { cert_file: Some("/no/such/file".into()), cert_dir: None });
        assert!(verifier.quick.get().is_none());
        assert!(verifier.quick().is_err());
    }
}
