//! `circuit-breaker`: one process sets, the others obey.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::server::{Behaviour, Refusing, Route, Server};
use vps_ops::NetworkOperationWrapper;
use vps_ops::env::Env;
use vps_ops::settings::{Options, Settings};
use vps_ops::store::{SqliteStore, StateFolder, StoreHandle};

use crate::lab::Lab;
use crate::said::run;

fn state(lab: &Lab, service: &str) -> serde_json::Value {
    let said = run(lab, &["--json", "circuit-breaker", "status", service]);
    assert_eq!(said.code, 0, "{}", said.err);
    said.json()["services"][service].clone()
}

#[test]
fn before_anything_was_used_the_five_services_are_closed() {
    let lab = Lab::new();
    let said = run(&lab, &["circuit-breaker", "status"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let mut lines = said.out.lines();
    assert_eq!(lines.next().unwrap().split_whitespace().next(), Some("SERVICE"));
    let rows: Vec<(&str, &str)> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.next().unwrap())
        })
        .collect();
    let names = ["apt_repository", "docker_hub", "external_downloads", "github", "microsoft_packages"];
    assert_eq!(rows, names.map(|name| (name, "closed")));
}

#[test]
fn a_circuit_opened_by_hand_stops_other_processes_until_it_is_reset() {
    let lab = Lab::new();
    let said = run(&lab, &["circuit-breaker", "open", "github", "--reason", "moving house"]);
    assert_eq!((said.code, said.out.as_str()), (0, "github is held open until it is reset\n"));
    assert_eq!(said.err, "hint: let go of it with `vps-configurator circuit-breaker reset github`\n");
    let said = run(&lab, &["run", "--service", "github", "--", "touch", "ran"]);
    assert_eq!(said.code, 125);
    assert!(!lab.path("ran").exists());
    assert!(said.err.contains("held open by hand, until it is reset"), "{}", said.err);
    assert!(
        said.err.contains("hint: let go of it with `vps-configurator circuit-breaker reset github`"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("probe"), "no probe ends what a hand began: {}", said.err);
    let said = run(&lab, &["breaker", "status", "github"]);
    assert!(said.out.contains("held open by hand"), "{}", said.out);
    assert!(said.out.contains(": moving house"), "{}", said.out);
    let said = run(&lab, &["circuit-breaker", "reset", "github"]);
    assert_eq!((said.code, said.out.as_str()), (0, "reset github\n"));
    assert_eq!(run(&lab, &["run", "--service", "github", "--", "touch", "ran"]).code, 0);
    assert!(lab.path("ran").exists());
}

#[test]
fn a_group_held_open_holds_its_hosts_and_those_seen_later() {
    let (lab, known, later) = (Lab::new(), Server::start(), Server::start());
    known.route("/f", Route::of(10));
    later.route("/f", Route::of(10));
    assert_eq!(run(&lab, &["download", &known.url("/f")]).code, 0);
    let said = run(&lab, &["circuit-breaker", "open", "external_downloads", "--reason", "a move"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("with every host, also those first seen later"), "{}", said.out);
    for server in [&known, &later] {
        let said = run(&lab, &["download", &server.url("/f"), "again"]);
        assert_eq!(said.code, 4, "{}", said.err);
        assert!(said.err.contains("held open by hand, until it is reset"), "{}", said.err);
    }
    assert_eq!(run(&lab, &["run", "--service", "external_downloads", "--", "true"]).code, 125);
    let said = run(&lab, &["circuit-breaker", "reset", "external_downloads"]);
    let host = |server: &Server| server.url("").replace("http://", "reset external_downloads/");
    assert!(said.out.starts_with("reset external_downloads\n"), "{}", said.out);
    assert!(said.out.contains(&host(&known)) && said.out.contains(&host(&later)), "{}", said.out);
    assert_eq!(run(&lab, &["download", &later.url("/f"), "again"]).code, 0);
    assert_eq!(run(&lab, &["run", "--service", "external_downloads", "--", "true"]).code, 0);
}

#[test]
fn a_group_is_shown_by_its_worst_host_and_its_own_circuit_apart() {
    let (lab, good, dead) = (Lab::new(), Server::start(), Refusing::start());
    good.route("/f", Route::of(10));
    assert_eq!(run(&lab, &["download", &good.url("/f")]).code, 0);
    assert_eq!(run(&lab, &["download", &dead.url("/f"), "--retries", "2"]).code, 1);
    run(&lab, &["run", "--service", "external_downloads", "--retries", "1", "--", "false"]);
    let group = state(&lab, "external_downloads");
    assert_eq!((group["state"].as_str(), group["failure_count"].as_i64()), (Some("closed"), Some(2)));
    assert_eq!((group["total_calls"].as_i64(), group["own"]["failure_count"].as_i64()), (Some(4), Some(1)));
    let said = run(&lab, &["circuit-breaker", "status", "external_downloads"]);
    assert!(said.out.contains("external_downloads (itself)"), "{}", said.out);
    assert!(said.out.contains("the worst of 2 hosts is external_downloads/127.0.0.1"), "{}", said.out);
    run(&lab, &["circuit-breaker", "open", "external_downloads"]);
    let preview = run(&lab, &["run", "-n", "--service", "external_downloads", "--", "true"]);
    assert!(preview.out.contains("circuit external_downloads: open"), "{}", preview.out);
    // All is closed and clean: the hosts are forgotten, their calls are not.
    assert_eq!(run(&lab, &["circuit-breaker", "reset", "--all", "--yes"]).code, 0);
    let said = run(&lab, &["circuit-breaker", "status"]);
    assert!(!said.out.contains("external_downloads/"), "{}", said.out);
    assert_eq!(state(&lab, "external_downloads")["total_calls"], 4);
}

#[test]
fn resetting_everything_in_a_script_wants_yes_and_says_so_first() {
    let lab = Lab::new();
    let said = run(&lab, &["--config", "missing.yaml", "circuit-breaker", "reset", "--all"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("add --yes"), "{}", said.err);
    assert!(!lab.path("state").exists());
}

#[test]
fn one_host_is_held_by_its_own_name() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let own = server.url("").replace("http://", "external_downloads/");
    assert_eq!(run(&lab, &["circuit-breaker", "open", &own]).code, 0);
    assert_eq!(run(&lab, &["download", &server.url("/f")]).code, 4);
    assert_eq!(run(&lab, &["circuit-breaker", "reset", &own]).code, 0);
    assert_eq!(run(&lab, &["download", &server.url("/f")]).code, 0);
    let said = run(&lab, &["circuit-breaker", "open", "example.com"]);
    assert!(
        said.err.contains("hint: a host's own circuit is `external_downloads/example.com`"),
        "{}",
        said.err
    );
}

#[test]
fn open_for_a_while_lets_a_waiter_in_afterwards() {
    let lab = Lab::new();
    let said = run(&lab, &["circuit-breaker", "open", "github", "--for", "0.3s"]);
    assert_eq!(said.out, "github is held open for 300ms\n");
    let said = run(&lab, &["run", "--service", "github", "--wait", "--", "true"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn closed_by_hand_stays_closed_whatever_fails() {
    let lab = Lab::new();
    let said = run(&lab, &["circuit-breaker", "close", "github"]);
    assert_eq!(said.out, "github is held closed for 10m\n");
    for _ in 0..2 {
        assert_eq!(run(&lab, &["run", "--service", "github", "--", "false"]).code, 1);
    }
    assert_eq!(state(&lab, "github")["state"], "closed");
    assert_eq!(state(&lab, "github")["by_hand"]["state"], "closed");
    let said = run(&lab, &["circuit-breaker", "close", "github", "--for", "90s"]);
    assert_eq!(said.out, "github is held closed for 1m 30s\n");
}

#[test]
fn an_outage_opens_a_circuit_for_the_next_process() {
    let lab = Lab::new();
    let dead = Refusing::start();
    let said = run(&lab, &["download", &dead.url("/f")]);
    assert_eq!(said.code, 1);
    let service = dead.url("").replace("http://", "external_downloads/");
    assert!(said.err.contains(&format!("circuit breaker opened: {service}")), "{}", said.err);
    assert!(
        said.err.contains(&format!("hint: see `vps-configurator circuit-breaker status {service}`")),
        "{}",
        said.err
    );
    let said = run(&lab, &["download", &dead.url("/f")]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("hint: wait for it with `--wait`"), "{}", said.err);
    let said = run(&lab, &["download", &dead.url("/f"), "--wait", "--timeout", "1s"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("hint: allow more time with `--timeout`"), "{}", said.err);
    // The shorter of both limits is the one that is named.
    for (wait, timeout, hint) in [
        ("--wait=2s", "5m", "hint: wait longer with `--wait=DURATION`, or with `--wait` alone"),
        ("--wait-for-circuit=5m", "2s", "hint: allow more time with `--timeout`"),
    ] {
        let said = run(&lab, &["download", &dead.url("/f"), wait, "--timeout", timeout]);
        assert_eq!(said.code, 4, "{}", said.err);
        assert!(said.err.contains(hint), "{wait}: {}", said.err);
    }
    for wait in ["--wait=", "--wait=0", "--wait=soon"] {
        let said = run(&lab, &["download", &dead.url("/f"), wait]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("--wait"), "{wait}: {}", said.err);
    }
    let group = run(&lab, &["circuit-breaker", "status", "external_downloads"]);
    assert!(group.out.contains("1 of 1 hosts not closed"), "{}", group.out);
    assert!(group.out.contains("opened by 3 failures in a row"), "{}", group.out);
    // The group's name means its hosts.
    assert_eq!(run(&lab, &["circuit-breaker", "reset", "external_downloads"]).code, 0);
    assert_eq!(run(&lab, &["download", &dead.url("/f")]).code, 1, "tried again");
}

#[test]
fn a_reset_lets_a_waiting_process_go_on() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).times(3, &Behaviour::status(500)).then(Behaviour::Ok));
    assert_eq!(run(&lab, &["download", &server.url("/f")]).code, 1);
    let mut waiting = lab.start(&["download", &server.url("/f"), "--wait-for-circuit"]);
    let mut stderr = BufReader::new(waiting.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting: circuit breaker open") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    assert_eq!(run(&lab, &["circuit-breaker", "reset", "external_downloads"]).code, 0);
    assert_eq!(waiting.wait().unwrap().code(), Some(0), "long before the minute is over");
    assert!(lab.path("f").exists());
}

const CHILD: &str = "VPS_CLI_CHILD_STATE";

#[test]
fn a_reset_holds_for_another_running_process_within_100_ms() {
    let lab = Lab::new();
    assert_eq!(run(&lab, &["circuit-breaker", "open", "github"]).code, 0);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "circuit_breaker::the_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, lab.path("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("refused")), "it sees what another process opened");
    assert_eq!(run(&lab, &["circuit-breaker", "reset", "github"]).code, 0);
    child.stdin.take().unwrap().write_all(b"reset\n").unwrap();
    let verdict = lines.find(|line| line.contains("the first call after 100 ms"));
    assert!(verdict.as_ref().is_some_and(|line| line.contains("was let in")), "{verdict:?}");
    child.wait().unwrap();
}

/// Calls again and again; only when the test above started it.
#[test]
fn the_child() {
    #[expect(clippy::disallowed_methods, reason = "what this process was started for")]
    let Ok(folder) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let env = Env::real();
        let (folder, opener) = (StateFolder::at(folder), env.clone());
        let store = StoreHandle::on_thread(move || {
            SqliteStore::open_or_memory(&folder, &opener, |_, _, _| None, |_| {})
        });
        let network =
            NetworkOperationWrapper::builder(Settings::default().check().unwrap()).store(store).build();
        let once = || async {
            let call = |_| async { Ok::<_, Infallible>(()) };
            network.execute_with_retry("github", "call", &Options::new(), call).await.is_ok()
        };
        assert!(!once().await);
        println!("refused");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        // The copy in memory is as fresh as it can be when the reset is told of.
        let told = Instant::now();
        let let_in = loop {
            let late = told.elapsed() >= Duration::from_millis(100);
            let let_in = once().await;
            if let_in || late {
                break let_in;
            }
            env.sleep(Duration::from_millis(5)).await;
        };
        println!("the first call after 100 ms {}", if let_in { "was let in" } else { "was refused" });
    });
}

/// Held with its group, a host is shown so before its first call, and a preview says what would become of one.
#[test]
fn a_host_that_nobody_called_yet_is_held_with_its_group() {
    let lab = Lab::new();
    let host = "external_downloads/127.0.0.1:8123";
    assert_eq!(state(&lab, host)["state"], "closed");
    assert_eq!(run(&lab, &["circuit-breaker", "open", "external_downloads"]).code, 0);
    assert_eq!(state(&lab, host)["state"], "open");
    let preview = run(&lab, &["download", "-n", "http://127.0.0.1:8123/f", "f"]);
    assert!(preview.out.contains(&format!("circuit {host}: open")), "{}", preview.out);
}
