//! What programs read: every `--json` output and the error object, as they stand in `snapshots/`.

use std::fs;

use tests::server::{Behaviour, Content, Refusing, Route, Server};

use crate::lab::Lab;
use crate::said::{golden, run};

/// One object on standard output, with its schema in it.
fn json(lab: &Lab, args: &[&str], code: i32) -> String {
    let said = run(lab, &[&["--json", "-q"], args].concat());
    assert_eq!(said.code, code, "{args:?}: {}", said.err);
    let value = said.json();
    assert!(value["schema"].as_str().unwrap().starts_with("vps-configurator."), "{value}");
    said.out
}

/// One object on standard error, last.
fn error(lab: &Lab, args: &[&str]) -> String {
    let said = run(lab, &[&["--json", "-q"], args].concat());
    assert_eq!(said.out, "", "{args:?}");
    let error = said.error();
    assert_eq!(error["code"], said.code, "{args:?}");
    format!("{error:#}\n")
}

#[test]
fn download() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 10_000);
    server.route("/f", Route::content(content.clone()));
    golden!("download-preview", json(&lab, &["download", "-n", &server.url("/f"), "f"], 0));
    golden!("download", json(&lab, &["download", &server.url("/f"), "f", "--sha256", &content.sha256()], 0));
    golden!("download-unchanged", json(&lab, &["download", &server.url("/f"), "f", "--no-clobber"], 0));
}

#[test]
fn run_command() {
    let lab = Lab::new();
    golden!("run-preview", json(&lab, &["run", "-n", "--service", "github", "--", "true", "secret"], 0));
    // Standard output is the command's.
    let said = run(&lab, &["--json", "-q", "run", "--", "true"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    golden!("run", format!("{:#}\n", said.error()));
}

#[test]
fn circuit_breaker() {
    let lab = Lab::new();
    let dead = Refusing::start();
    golden!(
        "circuit-breaker-open",
        json(&lab, &["circuit-breaker", "open", "github", "--for", "10m", "--reason", "a move"], 0)
    );
    golden!("circuit-breaker-close", json(&lab, &["circuit-breaker", "close", "docker_hub"], 0));
    run(&lab, &["download", &dead.url("/f")]);
    golden!("circuit-breaker-status", json(&lab, &["circuit-breaker", "status"], 0));
    golden!("circuit-breaker-status-one", json(&lab, &["circuit-breaker", "status", "github"], 0));
    golden!("circuit-breaker-reset", json(&lab, &["circuit-breaker", "reset", "external_downloads"], 0));
    golden!("circuit-breaker-reset-all", json(&lab, &["circuit-breaker", "reset", "--all", "--yes"], 0));
}

#[test]
fn connectivity() {
    let (lab, server, dead) = (Lab::new(), Server::start(), Refusing::start());
    server.route("/", Route::of(10));
    golden!("connectivity-preview", json(&lab, &["connectivity", "-n", &server.url("/")], 0));
    golden!("connectivity", json(&lab, &["connectivity", &server.url("/"), &dead.url("/")], 5));
}

#[test]
fn config() {
    let lab = Lab::new();
    fs::write(lab.path("c.yaml"), "download: {min_speed: 5}\n").unwrap();
    golden!("config-check", json(&lab, &["--config", "c.yaml", "config", "check"], 0));
    golden!("config-path", json(&lab, &["--config", "c.yaml", "config", "path"], 0));
    let all: serde_json::Value =
        serde_json::from_str(&json(&lab, &["--config", "c.yaml", "config", "show"], 0)).unwrap();
    assert_eq!(all["schema"], "vps-configurator.config/1");
    let keys = all["keys"].as_object().unwrap();
    assert!(keys.len() > 25, "{}", keys.len());
    assert!(keys.values().all(|entry| entry["origin"].is_string() && entry.get("value").is_some()), "{all}");
    assert_eq!(keys["download.min_speed"], serde_json::json!({"value": 5, "origin": "c.yaml"}));
}

#[test]
fn errors() {
    let (lab, server, dead) = (Lab::new(), Server::start(), Refusing::start());
    server.route("/gone", Route::of(1).then(Behaviour::status(404)));
    server.route("/f", Route::of(1_000));
    golden!("error-usage", error(&lab, &["download", "nope"]));
    golden!("error-config", error(&lab, &["--config", "missing.yaml", "config", "check"]));
    golden!("error-permanent", error(&lab, &["download", &server.url("/gone")]));
    golden!("error-integrity", error(&lab, &["download", &server.url("/f"), "--sha256", &"0".repeat(64)]));
    golden!("error-local", error(&lab, &["download", &server.url("/f"), "missing/f"]));
    golden!("error-failed", error(&lab, &["download", &dead.url("/f")]));
    golden!("error-circuit-open", error(&lab, &["download", &dead.url("/f")]));
    golden!("error-run", error(&lab, &["run", "--", "/nosuch/program"]));
}
