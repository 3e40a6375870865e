//! Servers that fall silent, each at another step.

use std::time::Instant;

use serde_json::json;
use tests::server::{BlackHole, Refusing, Server, Silent, Tls};

use crate::looked_at::{lab_with, look};

#[test]
fn it_is_said_at_which_step_nobody_answered() {
    let (hole, silent, refusing) = (BlackHole::start(), Silent::start(), Refusing::start());
    let (stalls, cuts) = (Server::builder().tls(Tls::Stall).start(), Server::builder().tls(Tls::Cut).start());
    let of = |url: String| json!({"probe": {"url": url}});
    let lab = lab_with(&json!({
        "connect": of(hole.url("/")),
        "cut": of(cuts.url("/")),
        "plain": of(silent.url("/").replace("http:", "https:")),
        "refused": of(refusing.url("/")),
        "tls": of(stalls.url("/")),
        "wait": of(silent.url("/")),
    }));
    let began = Instant::now();
    let said = look(&lab);
    assert!(began.elapsed().as_secs() < 8, "twice the timeout and a second, for each of two runs");
    assert_eq!(said.code, 5);
    for (name, detail) in [
        ("connect", "timed out after 1s while connecting"),
        ("cut", "TLS handshake failed"),
        ("plain", "timed out after 1s in the TLS handshake"),
        ("refused", "connection refused"),
        ("tls", "timed out after 1s in the TLS handshake"),
        ("wait", "timed out after 1s while waiting for an answer"),
    ] {
        assert_eq!(said.detail_of(name), format!("failing 2/3: {detail}"), "{name}: {}", said.out);
    }
    let last = &said.of("tls")["last"];
    assert!(last["tls_seconds"].as_f64().unwrap() > 0.9 && last["wait_seconds"].is_null(), "{last}");
}
