//! Looks through proxies: what goes wrong there says nothing of a service.

use serde_json::json;
use tests::server::certificates::Authority;
use tests::server::{Behaviour, BlackHole, Proxy, Refusing, Route, Server, Tls};

use crate::looked_at::{at, lab_with, look_with, probed};

#[test]
fn what_a_proxy_says_or_does_not_is_its_own() {
    let server = Server::start();
    let times = |head: &'static str| Proxy::that_refuses(server.address(), &[head; 8]);
    let (wants, refuses) = (times("407 Proxy Authentication Required"), times("502 Bad Gateway"));
    let (dead, hole) = (Refusing::start(), BlackHole::start());
    for (proxy, url, detail) in [
        (wants.url(), "http://example.com/", "the proxy wants a user and a password"),
        (wants.url(), "https://example.com/", "the proxy wants a user and a password"),
        (refuses.url(), "https://example.com/", "the proxy answered 502"),
        (dead.url(""), "http://example.com/", "the proxy does not answer"),
        (dead.url(""), "https://example.com/", "the proxy does not answer"),
        (hole.url(""), "http://example.com/", "the proxy does not answer"),
        (hole.url(""), "https://example.com/", "the proxy does not answer"),
    ] {
        let lab = lab_with(&at(&[url.to_owned()]));
        let said = look_with(&lab, &[("http_proxy", &proxy), ("https_proxy", &proxy)]);
        assert_eq!(said.code, 7, "{proxy} {url}: {}", said.out);
        assert_eq!(said.detail(), format!("not judged: {detail}"), "{proxy} {url}");
    }
}

#[test]
fn what_goes_through_a_proxy_is_marked_and_what_does_not_is_not() {
    let server = Server::start();
    server.route("/", Route::of(1 << 20));
    let proxy = Proxy::start(server.address());
    let lab = lab_with(&at(&["http://example.com/".to_owned()]));
    let said = look_with(&lab, &[("http_proxy", &proxy.url())]);
    assert_eq!((said.code, &said.row()["targets"][0]["via_proxy"]), (0, &json!(true)), "{}", said.out);
    assert_eq!(proxy.seen()[0].request.method, "HEAD");
    assert_eq!(server.log().sent("/"), 0);
    let lab = lab_with(&at(&[server.url("/")]));
    let said = look_with(&lab, &[("http_proxy", &proxy.url()), ("no_proxy", "127.0.0.1")]);
    assert_eq!((said.code, &said.row()["targets"][0]["via_proxy"]), (0, &json!(false)));
    assert_eq!(proxy.seen().len(), 1);
}

#[test]
fn through_a_proxy_too_redirects_are_followed_and_a_certificate_says_what_it_is() {
    let server = Server::start();
    server.route("/", Route::only(Behaviour::redirect("http://example.com/end")).script_head());
    server.route("/end", Route::of(9));
    let proxy = Proxy::start(server.address());
    let lab = lab_with(&probed(&json!({"url": "http://example.com/", "expect": [200]})));
    let said = look_with(&lab, &[("http_proxy", &proxy.url())]);
    assert_eq!((said.code, said.detail()), (0, ""), "{}", said.out);

    let ours = Authority::new();
    let secure = Server::builder().tls(Tls::With(ours.expired())).start();
    let proxy = Proxy::start(secure.address());
    let lab = lab_with(&at(&["https://localhost:4433/".to_owned()]));
    std::fs::write(lab.path("ca.pem"), ours.pem()).unwrap();
    let trust = lab.path("ca.pem").display().to_string();
    let said = look_with(&lab, &[("https_proxy", &proxy.url()), ("SSL_CERT_FILE", &trust)]);
    assert!(said.detail().starts_with("failing 2/3: certificate expired "), "{}", said.out);
}
