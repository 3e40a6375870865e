//! What is where.

use tests::server::{Behaviour, Gate, Route, Server};
use tests::wait_until;

use super::{Serving, configure};
use crate::lab::Lab;

const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

#[test]
fn every_path_has_its_kind_and_no_other_is_there() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let serving = Serving::start(&lab, &[]);
    for (path, code, kind) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/?page=7", 200, "text/html; charset=utf-8"),
        ("/style.css", 200, "text/css; charset=utf-8"),
        ("/app.js", 200, "text/javascript; charset=utf-8"),
        ("/api/status", 200, "application/json"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("/healthz", 200, "text/plain; charset=utf-8"),
        ("/favicon.ico", 404, "text/plain; charset=utf-8"),
        ("/../../etc/passwd", 404, "text/plain; charset=utf-8"),
        ("/style.css/", 404, "text/plain; charset=utf-8"),
        ("//", 404, "text/plain; charset=utf-8"),
        ("/%61pp.js", 404, "text/plain; charset=utf-8"),
    ] {
        let got = serving.get(path);
        assert_eq!((got.code, got.header("content-type")), (code, kind), "{path}");
        for (name, value) in HEADERS {
            assert_eq!(got.headers(name), [value], "{path}");
        }
        assert!(!got.head.to_lowercase().contains("access-control"), "{path}: nobody else reads it");
        assert_eq!(got.header("connection"), "close");
        let head = serving.ask("HEAD", path, "");
        assert_eq!((head.code, head.body.as_str()), (code, ""), "{path}");
        for (name, value) in HEADERS {
            assert_eq!(head.headers(name), [value], "{path}");
        }
    }
    assert_eq!(serving.get("/healthz").body, "ok\n");
    wait_until("each service to be looked at", || (serving.get("/readyz").code == 200).then_some(()));
}

/// The lab's configuration with this in place of that.
fn reconfigure(lab: &Lab, changes: &[(&str, &str)]) {
    let mut text = String::from_utf8(lab.read("config.yaml").unwrap()).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{text}");
        text = text.replace(from, to);
    }
    std::fs::write(lab.path("config.yaml"), text).unwrap();
}

#[test]
fn ready_is_who_has_looked_at_all_and_well_is_who_turns_whatever_the_services_are() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    // The first look goes on until it is let on.
    server.route(
        "/",
        Route::of(10)
            .then(Behaviour::HoldBeforeHeaders { gate: gate.clone() })
            .then(Behaviour::Ok)
            .script_head(),
    );
    configure(&lab, &[("mirror", &server.url("/"))]);
    reconfigure(&lab, &[("interval: 2", "interval: 60"), ("timeout: 1", "timeout: 30")]);
    let began = std::time::Instant::now();
    let serving = Serving::start(&lab, &[]);
    gate.wait_until_reached();
    let codes = (serving.get("/healthz").code, serving.get("/readyz").code);
    // On a machine that is busy the time may be over already.
    let is_over = began.elapsed() >= std::time::Duration::from_secs(10);
    assert!(codes == (200, 503) || (is_over && codes == (200, 200)), "{codes:?}");
    gate.open();
    wait_until("ready", || (serving.get("/readyz").code == 200).then_some(()));
}

#[test]
fn who_looks_at_nothing_by_itself_is_ready() {
    let lab = Lab::new();
    configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
    reconfigure(&lab, &[("    interval", "    enabled: false\n    interval")]);
    let serving = Serving::start(&lab, &[]);
    wait_until("ready", || (serving.get("/readyz").code == 200).then_some(()));
    assert!(serving.get("/").body.contains("UNKNOWN"), "nobody looked");
}

#[test]
fn the_status_is_json_by_its_schema_and_has_a_tag() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let serving = Serving::start(&lab, &[]);
    let status = || {
        let got = serving.get("/api/status");
        let value: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        let _ = tests::schema::check(&value);
        value
    };
    let value = wait_until("an answer", || {
        let value = status();
        (value["services"]["mirror"]["now"] == "healthy").then_some(value)
    });
    assert_eq!(value["schema"], "vps-configurator.health/1");
    assert_eq!(value["prober_pid"], serving.id());
    wait_until("it to be known again", || {
        let tag = serving.ask("HEAD", "/api/status", "").header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let again = serving.ask("GET", "/api/status", &format!("If-None-Match: {tag}\r\n"));
        // Something may have happened in between.
        (again.code == 304 && again.body.is_empty() && again.header("etag") == tag).then_some(())
    });
    assert_eq!(serving.ask("GET", "/api/status", "If-None-Match: \"other\"\r\n").code, 200);
}

#[test]
fn a_change_has_another_tag() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let serving = Serving::start(&lab, &[]);
    let tag = || serving.ask("HEAD", "/api/status", "").header("etag").to_owned();
    wait_until("an answer", || serving.get("/").body.contains("HEALTHY").then_some(()));
    let before = tag();
    drop(server);
    wait_until("a failure", || serving.get("/").body.contains("failing").then_some(()));
    assert_ne!(tag(), before);
}

#[test]
fn metrics_come_as_they_are_asked_for_with_health_in_them() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let serving = Serving::start(&lab, &[]);
    let open = "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3\r\n";
    wait_until("a look", || {
        let got = serving.ask("GET", "/metrics", open);
        assert_eq!(got.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(got.body.ends_with("# EOF\n"));
        let looked = r#"vps_configurator_health_samples_total{service="mirror",result="healthy"} "#;
        let count = got.body.lines().find_map(|line| line.strip_prefix(looked))?;
        (count.parse::<u64>().unwrap() > 0).then_some(())
    });
    let text = serving.get("/metrics").body;
    for line in [
        r#"vps_configurator_health_status{service="mirror",status="#,
        r#"vps_configurator_health_response_seconds{service="mirror"} "#,
        r#"vps_configurator_health_phase_seconds{service="mirror",phase="connect"} "#,
        r#"vps_configurator_health_last_sample_timestamp_seconds{service="mirror"} "#,
        r#"vps_configurator_health_lost_ratio{service="mirror"} 0.0"#,
        r#"vps_configurator_health_unstable{service="mirror"} 0"#,
        "vps_configurator_probe_queue_seconds ",
        "vps_configurator_this_machine_online 1",
        r#"vps_configurator_circuit_breaker_state{service="mirror",state="closed"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    crate::metrics::assert_prometheus_reads(&text);
}

#[test]
fn totals_of_probes_go_on_where_the_last_run_ended() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let looked = |serving: &Serving| {
        let text = serving.get("/metrics").body;
        let all = text.lines().filter(|line| line.starts_with("vps_configurator_health_samples_total{"));
        all.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum::<u64>()
    };
    let first = Serving::start(&lab, &[]);
    let before = wait_until("a look", || Some(looked(&first)).filter(|count| *count > 0));
    assert_eq!(first.stop(rustix::process::Signal::TERM).code, 143);
    assert!(looked(&Serving::start(&lab, &[])) >= before);
    let file = ["--config", "config.yaml", "health", "--metrics-file", "all.prom"];
    assert_eq!(crate::said::run(&lab, &file).code, 0);
    let text = String::from_utf8(lab.read("all.prom").unwrap()).unwrap();
    assert!(text.contains(r#"vps_configurator_health_status{service="mirror",status="healthy"} "#), "{text}");
}
