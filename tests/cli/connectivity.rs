//! `connectivity`: an answer over TLS says yes; nothing here leaves the machine.

use std::process::Command;

use tests::server::certificates::Authority;
use tests::server::{Behaviour, Refusing, Route, Server, Tls};

use crate::lab::Lab;
use crate::said::{Said, is_there, run, run_with};

fn secure(lab: &Lab, behaviour: Behaviour) -> Server {
    let authority = Authority::new();
    std::fs::write(lab.path("ca.pem"), authority.pem()).unwrap();
    let server = Server::builder().tls(Tls::With(authority.identity())).start();
    server.route("/", Route::of(5 << 20).then(behaviour).script_head());
    server
}

#[test]
fn an_answer_over_tls_of_any_status_is_online() {
    for behaviour in [Behaviour::Ok, Behaviour::status(503), Behaviour::redirect("https://example.invalid/")]
    {
        let lab = Lab::new();
        let server = secure(&lab, behaviour.clone());
        let trust = lab.path("ca.pem").display().to_string();
        let said = run_with(&lab, &[("SSL_CERT_FILE", &trust)], &["connectivity", &server.url("/")]);
        assert_eq!(said.code, 0, "{behaviour:?}: {}{}", said.out, said.err);
        assert!(said.out.starts_with("online\n"), "{}", said.out);
        let log = server.log();
        assert!(log.sent("/") < 1 << 20, "a page is not fetched: {log}");
    }
}

#[test]
fn plain_http_and_refusals_prove_nothing() {
    let (lab, server, dead) = (Lab::new(), Server::start(), Refusing::start());
    server.route("/", Route::of(10));
    let said = run(&lab, &["connectivity", &server.url("/"), &dead.url("/")]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.out.starts_with("offline\n"), "{}", said.out);
    assert!(said.out.contains("answered 200, but not over TLS"), "{}", said.out);
    assert!(said.out.contains("connection refused"), "{}", said.out);
}

#[test]
fn a_certificate_that_nobody_vouches_for_proves_nothing() {
    let lab = Lab::new();
    let server = secure(&lab, Behaviour::Ok);
    let other = Authority::new();
    std::fs::write(lab.path("other.pem"), other.pem()).unwrap();
    let trust = lab.path("other.pem").display().to_string();
    let said = run_with(&lab, &[("SSL_CERT_FILE", &trust)], &["connectivity", &server.url("/")]);
    assert_eq!(said.code, 5, "{}", said.out);
}

#[test]
fn a_dry_run_asks_nobody() {
    let (lab, server) = (Lab::new(), Server::start());
    let said = run(&lab, &["connectivity", "-n", &server.url("/")]);
    assert_eq!((said.code, said.out), (0, format!("would ask {}\n", server.url("/"))));
    let said = run(&lab, &["connectivity", "-n", "--json", &server.url("/")]);
    assert_eq!(said.json()["steps"][0]["target"], server.url("/"));
    assert_eq!(server.log().connections, 0);
}

/// Without a network at all: in a network namespace of its own.
fn cut_off(lab: &Lab, args: &[&str]) -> Option<Said> {
    if !is_there("unshare") {
        return None;
    }
    let inner = lab.command(args);
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user"]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(lab.folder.path()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = Said::from(command.output().unwrap());
    if said.err.contains("unshare failed") {
        tests::skip("no network namespace can be made here");
        return None;
    }
    Some(said)
}

#[test]
fn without_a_network_it_is_offline_and_the_services_are_not_blamed() {
    let lab = Lab::new();
    let Some(said) = cut_off(&lab, &["connectivity"]) else { return };
    assert_eq!(said.code, 5, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("offline\n"), "{}", said.out);
    let said = cut_off(&lab, &["download", "http://127.0.0.1/f"]).unwrap();
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("hint: this machine seems offline"), "{}", said.err);
    let status = run(&lab, &["circuit-breaker", "status", "external_downloads"]);
    assert!(!status.out.contains("  open  ") && status.out.contains("0 of 3 failures"), "{}", status.out);
}
