//! Certificates and proxies.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use tests::apt::{Finished, Running};
use tests::git::Forge;
use tests::server::certificates::Authority;
use tests::server::{Behaviour, Proxy, Refusing, Route, Server, Tls};

use super::lab::Lab;

const CANARY: &str = "c4n4ry";

/// A clone to `dest` with one authority trusted, and more in its environment.
fn clone(lab: &Lab, authority: &Authority, url: &str, variables: &[(&str, &str)]) -> Finished {
    let roots = lab.path("roots.pem");
    fs::write(&roots, authority.pem()).unwrap();
    let mut command = lab.command(&[url, "dest"]);
    command.env("SSL_CERT_FILE", &roots).envs(variables.iter().copied());
    Running::start(command).wait()
}

fn fails_at_once(lab: &Lab, authority: &Authority, url: &str, variables: &[(&str, &str)]) -> Finished {
    let failed = clone(lab, authority, url, variables).expect(1);
    assert!(!failed.text().contains("Retrying"), "{}", failed.text());
    lab.assert_left(&[]);
    failed
}

#[test]
fn a_wrong_certificate_is_asked_once() {
    let authority = Authority::new();
    for (identity, word) in [(authority.expired(), "xpired"), (authority.for_another_host(), "elsewhere")] {
        let Some(forge) = Forge::start_with(Some(Tls::With(identity))) else { return };
        let (_sample, lab) = (forge.sample("s"), Lab::new());
        let failed = fails_at_once(&lab, &authority, &forge.url("s"), &[]).says("certificate").says(word);
        let _ = failed.says("clock").says("SSL_CERT_FILE");
        assert_eq!((forge.log().connections, forge.all()), (1, 0));
    }
}

#[test]
fn a_plain_server_is_no_tls() {
    let (lab, listener) = (Lab::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://{}/s.git", listener.local_addr().unwrap());
    // As a web server does that is greeted in TLS.
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    let _ = fails_at_once(&lab, &Authority::new(), &url, &[]).says("the answer is not TLS").says("http://");
}

#[test]
fn a_proxy_is_used_where_it_should_be() {
    let authority = Authority::new();
    let Some(forge) = Forge::start_with(Some(Tls::With(authority.identity()))) else { return };
    let (sample, proxy) = (forge.sample("s"), Proxy::start(forge.server().address()));
    let through = proxy.url().replacen("://", &format!("://user:{CANARY}@"), 1);
    for (none, tunnels) in [("", 1), ("127.0.0.1", 0)] {
        let (lab, before) = (Lab::new(), proxy.seen().len());
        let variables = [("https_proxy", &*through), ("no_proxy", none)];
        let cloned = clone(&lab, &authority, &forge.url("s"), &variables).expect(0);
        assert!(!cloned.text().contains(CANARY), "{}", cloned.text());
        assert_eq!(lab.dest().head(), sample.id("main"));
        assert_eq!(proxy.seen().len() - before, tunnels, "{none}");
    }
    let seen = proxy.seen();
    assert_eq!(
        (&*seen[0].request.method, seen[0].request.header("proxy-authorization").is_some()),
        ("CONNECT", true)
    );
}

#[test]
fn a_proxy_that_fails_is_told() {
    let authority = Authority::new();
    let Some(forge) = Forge::start_with(Some(Tls::With(authority.identity()))) else { return };
    let (_sample, wants, dead) = (forge.sample("s"), Server::start(), Refusing::start());
    wants.route(&forge.server().address().to_string(), Route::only(Behaviour::status(407)));
    let with = |url: &str| url.trim_end_matches('/').replacen("://", &format!("://user:{CANARY}@"), 1);
    let lab = Lab::new();
    let through = with(&wants.url(""));
    let failed = fails_at_once(&lab, &authority, &forge.url("s"), &[("https_proxy", &through)]);
    let failed = failed.says("the proxy wants a user and a password").says("https_proxy=");
    assert!(!failed.text().contains(CANARY), "{}", failed.text());
    // One that refuses otherwise, for good, and one that is not there.
    for (proxy, retried) in [(with(&Server::start().url("")), false), (with(&dead.url("")), true)] {
        let failed = clone(&lab, &authority, &forge.url("s"), &[("https_proxy", &proxy)]).expect(1);
        let failed = failed.says("a proxy is on the way");
        assert_eq!(failed.text().contains("Retrying"), retried, "{}", failed.text());
        assert!(!failed.text().contains(CANARY), "{}", failed.text());
        lab.assert_left(&[]);
        fs::remove_dir_all(lab.path("state")).unwrap();
        fs::create_dir(lab.path("state")).unwrap();
    }
    assert_eq!(forge.log().connections, 0);
}

#[test]
fn an_unknown_host_is_asked_for_twice() {
    let lab = Lab::new();
    let failed = lab.fails(1, "http://git.invalid/s.git", &[]);
    // A machine without a resolver cannot tell.
    if failed.text().contains("the resolver does not answer") {
        tests::skip("nobody here knows that `git.invalid` does not exist");
        return;
    }
    let failed = failed.says("no such host").says("spelling");
    assert_eq!(failed.text().matches("Retrying").count(), 1, "{}", failed.text());
}
