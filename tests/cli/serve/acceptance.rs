//! What was promised of all views together: a service that is stopped is seen in time, and one that is back is used again
//! without anybody's call.

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::server::{Route, Server};
use tests::starved::Starved;
use tests::wait_until;

use super::Serving;
use crate::lab::Lab;
use crate::pseudo_terminal::PseudoTerminal;
use crate::said::{is_there, run};

const INTERVAL: f64 = 10.0;
const TIMEOUT: f64 = 1.0;
/// An interval, what rounds are spread by, and a look.
const SEEN_WITHIN: f64 = INTERVAL * 1.1 + TIMEOUT;
/// The looks that follow a bad one, 2 and 8 s after it.
const SURE_WITHIN: f64 = 10.0 + 2.0 * TIMEOUT;
/// Other processes read once a second what the prober found; the rest is for a machine that is busy.
const TO_OTHERS: f64 = 2.0;

fn configure(lab: &Lab, url: &str) {
    let text = format!(
        "performance:
  health_checks:
    services: [github]
    interval: {INTERVAL}
    timeout: {TIMEOUT}
    degraded_after: 0.5
    unhealthy_after: 0.8
  circuit_breaker:
    timeout: 4
  services:
    github:
      probe:
        url: {url}
"
    );
    std::fs::write(lab.path("config.yaml"), text).unwrap();
}

fn github(serving: &Serving) -> Value {
    let all: Value = serde_json::from_str(&serving.get("/api/status").body).unwrap();
    all["services"]["github"].clone()
}

#[test]
fn a_service_that_stops_is_seen_in_all_views_in_time_and_its_circuit_closes_once_it_is_back() {
    if !is_there("setsid") {
        return;
    }
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    let port = server.address().port();
    configure(&lab, &server.url("/"));
    let serving = Serving::start(&lab, &[]);
    wait_until("a first look", || (github(&serving)["status"] == "healthy").then_some(()));
    let mut command = lab.command(&["--config", "config.yaml", "dashboard"]);
    command.env("TERM", "xterm");
    let mut terminal = PseudoTerminal::start(&command);
    terminal.wait_for_text("| 1 HEALTHY");
    let health = || run(&lab, &["--config", "config.yaml", "health"]).out;

    // The look at the start is beside the rounds: the first of those comes half an interval later, or up to one and a half.
    wait_until("the first round", || (server.log().exchanges.len() > 1).then_some(()));
    drop(server);
    // A machine that lets us wait is no lateness of ours.
    let (stopped, starved) = (Instant::now(), Starved::begin());
    let words = "failing 1/3: connection refused";
    wait_until("a bad look", || (github(&serving)["progress"]["count"] == 1).then_some(()));
    let (by_page, in_page) = (stopped.elapsed().as_secs_f64(), serving.get("/").body);
    wait_until("it in the table", || health().contains(words).then_some(()));
    let by_table = stopped.elapsed().as_secs_f64();
    terminal.wait_for_text(words);
    let by_terminal = stopped.elapsed().as_secs_f64();
    assert!(in_page.contains(words), "{in_page}");
    assert!(by_page <= SEEN_WITHIN + 0.5 + starved.seconds(), "{by_page} s until the page said so");
    assert!(by_table <= SEEN_WITHIN + TO_OTHERS + starved.seconds(), "{by_table} s until `health` said so");
    assert!(
        by_terminal <= SEEN_WITHIN + TO_OTHERS + starved.seconds(),
        "{by_terminal} s until `dashboard` said so"
    );

    wait_until("to be sure", || (github(&serving)["status"] == "unhealthy").then_some(()));
    let sure = stopped.elapsed().as_secs_f64() - by_page;
    assert!(sure <= SURE_WITHIN + 0.5 + starved.seconds(), "{sure} s until it was UNHEALTHY");
    wait_until("that no more looks are needed, in the table", || {
        let table = health();
        (table.contains("UNHEALTHY: github") && !table.contains("failing")).then_some(())
    });
    terminal.wait_for_text("| 1 UNHEALTHY");

    // Calls fail, too: three of them open its circuit.
    let failing = ["--config", "config.yaml", "run", "--service", "github", "--retries", "3", "--", "false"];
    assert_eq!(run(&lab, &failing).code, 1);
    let circuit = || {
        let said = run(&lab, &["--config", "config.yaml", "--json", "circuit-breaker", "status", "github"]);
        said.json()["services"]["github"].clone()
    };
    let open = circuit();
    let due = Instant::now() + Duration::from_secs_f64(open["retry_after_seconds"].as_f64().unwrap());
    let back = Server::builder().port(port).start();
    back.route("/", Route::of(10));
    wait_until("the circuit to close", || (circuit()["state"] == "closed").then_some(()));
    let late = Instant::now().saturating_duration_since(due).as_secs_f64();
    assert!(late <= 1.0 + 0.5 + starved.seconds(), "closed {late} s after it was due");
    assert!(Instant::now() + Duration::from_millis(500) >= due, "and not before");
    // Looks only: nobody's call was needed.
    let asked = back.log();
    assert!(asked.exchanges.iter().all(|exchange| exchange.request.method == "HEAD"), "{asked:?}");
    // On probation until a call says so, too.
    wait_until("it to answer", || (github(&serving)["status"] == "degraded").then_some(()));
    assert_eq!(run(&lab, &["--config", "config.yaml", "run", "--service", "github", "--", "true"]).code, 0);
    wait_until("all to be well", || (github(&serving)["status"] == "healthy").then_some(()));
    terminal.wait_for_text("| 1 HEALTHY");
    terminal.press("q");
    assert_eq!(terminal.end().code(), Some(0));
}
