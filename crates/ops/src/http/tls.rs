//! TLS: one provider of cryptography, named here only, and a configuration for each kind of connection.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::{Connection, Verify};

/// Makes our cryptography that of the whole process, for libraries that ask for the default one.
/// Does nothing from the second time on.
///
/// ```
/// vps_ops::http::install_crypto_provider();
/// vps_ops::http::install_crypto_provider();
/// ```
pub fn install_crypto_provider() {
    // An error means that there is one already.
    let _ = ring::default_provider().install_default();
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    install_crypto_provider();
    CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone)
}

/// The configuration of one kind of connection. Reads nothing: roots are loaded at the first handshake.
pub(crate) fn config(
    connection: Connection,
    verify: Verify,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = match verify {
        Verify::Certificate => verifier,
        Verify::Nothing => Arc::new(AnyCertificate(provider.signature_verification_algorithms)),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // Without it a server never learns that we speak HTTP/2: nobody sets it for a configuration of ours.
    config.alpn_protocols = match connection {
        Connection::Own => vec![b"http/1.1".to_vec()],
        Connection::Shared => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(config)
}

/// For [`Verify::Nothing`]: takes any certificate, but still proves that its key signs the handshake.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
