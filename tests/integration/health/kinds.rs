//! Looks that go less far than an answer.

use serde_json::json;
use tests::server::certificates::Authority;
use tests::server::{Refusing, Server, Silent, Tls};

use crate::looked_at::{lab_with, look, look_with};

#[test]
fn kind_is_how_far_a_look_goes() {
    let (silent, refusing) = (Silent::start(), Refusing::start());
    let authority = Authority::new();
    let secure = Server::builder().tls(Tls::With(authority.identity())).start();
    let port = secure.address().port();
    let of = |url: String| json!({"probe": {"url": url}});
    let lab = lab_with(&json!({
        "by_kind": {"probe": {"url": silent.url("/"), "kind": "tcp"}},
        "dns": of("dns://localhost".to_owned()),
        "no_tls": of(format!("tls://{}", refusing.address())),
        "refused": of(format!("tcp://{}", refusing.address())),
        "tcp": of(format!("tcp://{}", silent.address())),
        "tls": of(format!("tls://localhost:{port}")),
    }));
    std::fs::write(lab.path("ca.pem"), authority.pem()).unwrap();
    let trust = lab.path("ca.pem").display().to_string();
    let said = look_with(&lab, &[("SSL_CERT_FILE", &trust)]);
    assert_eq!(said.code, 5);
    for (name, now, detail) in [
        ("by_kind", "healthy", ""),
        ("dns", "healthy", ""),
        ("no_tls", "unhealthy", "failing 2/3: connection refused"),
        ("refused", "unhealthy", "failing 2/3: connection refused"),
        ("tcp", "healthy", ""),
        ("tls", "healthy", ""),
    ] {
        assert_eq!(said.of(name)["now"], now, "{name}: {}", said.out);
        assert_eq!(said.detail_of(name), detail, "{name}: {}", said.out);
    }
    assert!(said.of("tls")["certificate_ends"].is_string());
    assert!(secure.log().exchanges.is_empty(), "nothing was asked");
    assert!(said.of("dns")["last"]["connect_seconds"].is_null());
}

#[test]
fn an_address_is_no_name_that_a_resolver_answered() {
    let silent = Silent::start();
    let lab = lab_with(&json!({"mine": {"probe": {"url": format!("tcp://{}", silent.address())}}}));
    let said = look(&lab);
    assert!(said.row()["last"]["dns_seconds"].is_null(), "{}", said.json);
    assert!(said.json["this_machine"]["resolver_seconds"].is_null());
}
