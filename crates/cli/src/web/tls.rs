//! `--tls-cert` and `--tls-key`: looked at when we start, so that no client finds out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use vps_ops::env::fs::{Care, Fs};
use vps_ops::foreign::shown;

use crate::cmd::secret_file::{self, SecretFileError};

/// Bytes that a chain of certificates may have.
const LARGEST: u64 = 1 << 20;

/// Why there is no TLS.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    #[error("the certificate {} cannot be read", shown(path))]
    Certificate { path: PathBuf, source: std::io::Error },
    #[error("there is no PEM certificate in {}", shown(path))]
    NoCertificate { path: PathBuf },
    #[error("the key {} is not used", shown(path))]
    KeyFile { path: PathBuf, source: SecretFileError },
    #[error("there is no PEM private key in {}", shown(path))]
    NoKey { path: PathBuf },
    #[error("the certificate {} and the key {} are not of use together", shown(certificate), shown(key))]
    Together { certificate: PathBuf, key: PathBuf, source: rustls::Error },
}

/// TLS with this chain, the server's own certificate first, and its key.
pub(crate) fn acceptor(fs: &dyn Fs, certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let failed = |source| TlsError::Certificate { path: certificate.to_owned(), source };
    let file = fs.open_with(certificate, Care::Links).map_err(failed)?;
    let chain = file.read_small(LARGEST).map_err(failed)?;
    let chain: Result<Vec<CertificateDer<'static>>, pem::Error> =
        CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| TlsError::NoCertificate { path: certificate.to_owned() })?;
    let secret =
        secret_file::read(fs, key).map_err(|source| TlsError::KeyFile { path: key.to_owned(), source })?;
    // What is wrong with it would be its content.
    let secret = PrivateKeyDer::from_pem_slice(secret.as_bytes())
        .map_err(|_| TlsError::NoKey { path: key.to_owned() })?;
    vps_ops::http::install_crypto_provider();
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, secret).map_err(|source| {
            TlsError::Together { certificate: certificate.to_owned(), key: key.to_owned(), source }
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use vps_ops::env::Env;

    use super::*;

    #[test]
    fn a_certificate_that_is_not_its_keys_is_known_at_the_start() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (one, other) = (made(), made());
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let certificate = write("cert", &one.cert.pem());
        let (key, wrong) = (
            write("key", &one.signing_key.serialize_pem()),
            write("wrong", &other.signing_key.serialize_pem()),
        );
        let garbage = write("garbage", "-----BEGIN NONSENSE-----\n");
        let env = Env::real();
        let with = |certificate: &Path, key: &Path| acceptor(&**env.fs(), certificate, key).map(drop);
        with(&certificate, &key).unwrap();
        assert!(matches!(with(&certificate, &wrong), Err(TlsError::Together { .. })));
        assert!(matches!(with(&certificate, &garbage), Err(TlsError::NoKey { .. })));
        assert!(matches!(with(&garbage, &key), Err(TlsError::NoCertificate { .. })));
        assert!(matches!(with(&folder.path().join("missing"), &key), Err(TlsError::Certificate { .. })));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o622)).unwrap();
        assert!(matches!(with(&certificate, &key), Err(TlsError::KeyFile { .. })));
    }
}
