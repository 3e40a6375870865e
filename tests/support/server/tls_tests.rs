use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Tls;
use crate::server::certificates::{Authority, Identity};
use crate::server::{Behaviour, Content, Route, Server};

/// Fetches `/file` trusting that authority: the body, or what TLS says.
fn fetch(server: &Server, authority: &Authority) -> Result<Vec<u8>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(server.address()).unwrap());
    let mut body = Vec::new();
    stream
        .write_all(b"GET /file HTTP/1.1\r\nConnection: close\r\n\r\n")
        .and_then(|()| stream.read_to_end(&mut body))
        .map_err(|error| error.to_string())?;
    let at = body.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    Ok(body.split_off(at + 4))
}

fn server(tls: Tls, behaviour: Behaviour) -> Server {
    let server = Server::builder().tls(tls).start();
    server.route("/file", Route::of(5000).then(behaviour));
    assert!(server.url("/file").starts_with("https://"));
    server
}

#[test]
fn a_file_under_tls() {
    let authority = Authority::new();
    let server = server(Tls::With(authority.identity()), Behaviour::Ok);
    assert_eq!(fetch(&server, &authority).unwrap(), Content::seeded(5000, 5000).bytes());
    assert_eq!(server.log().sent("/file"), 5000);
}

#[test]
fn a_cut_under_tls_has_no_last_word() {
    let authority = Authority::new();
    let server = server(Tls::With(authority.identity()), Behaviour::Close { after: 100 });
    assert!(fetch(&server, &authority).unwrap_err().contains("close_notify"));
}

#[test]
fn certificates_are_wrong_each_in_its_way() {
    let authority = Authority::new();
    for (identity, says) in [
        (authority.for_another_host(), "not valid for name"),
        (authority.expired(), "expired"),
        (Identity::self_signed(), "UnknownIssuer"),
        (Authority::new().identity(), "UnknownIssuer"),
    ] {
        let server = server(Tls::With(identity), Behaviour::Ok);
        let error = fetch(&server, &authority).unwrap_err();
        assert!(error.contains(says), "{error}");
        server.wait_for("the end", |log| log.failed_handshakes == 1);
    }
}

#[test]
fn handshakes_are_cut_as_often_as_asked() {
    let authority = Authority::new();
    let server = server(Tls::CutFirst { times: 2, then: authority.identity() }, Behaviour::Ok);
    for _ in 0..2 {
        fetch(&server, &authority).unwrap_err();
    }
    assert_eq!(fetch(&server, &authority).unwrap().len(), 5000);
    assert_eq!(server.log().failed_handshakes, 2);
}
