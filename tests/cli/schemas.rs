//! Each JSON that the program writes is as its schema says. Every other test that reads JSON holds it against its
//! schema too (`said.rs`); this one goes through all commands, so that none is left out.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tests::schema;
use tests::server::{Behaviour, Refusing, Route, Server};

use crate::lab::Lab;
use crate::said::{Said, is_there, run, run_with};

/// Written by a real apt-get in a root of its own: `an_update_in_json`, `an_install_in_json`.
const BY_APT: [&str; 3] = ["apt.install", "apt.preview", "apt.update"];
/// Given to a program and posted, and written by what does not end by itself: `tests/integration/health/notify.rs`,
/// `serve::running::as_json_one_line_says_where`.
const TOLD: [&str; 2] = ["notify", "serve"];
/// Read and not written: `the_file_that_is_shipped_is_as_its_schema_says`, `plan::the_schema_takes_what_a_plan_is`.
const READ: [&str; 2] = ["config-file", "plan"];

/// What was printed, each by the file of its schema.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    fn see(&mut self, value: &Value) {
        self.0.insert(schema::check(value));
    }

    /// One object on standard output, and with a failure one at the end of standard error.
    fn run(&mut self, lab: &Lab, args: &[&str], code: i32) -> Said {
        let said = run(lab, &[&["--json", "-q"], args].concat());
        assert_eq!(said.code, code, "{args:?}: {}{}", said.out, said.err);
        match code {
            0 | 5 => self.see(&said.json()),
            _ => self.see(&said.error()),
        }
        said
    }
}

fn git(lab: &Lab, args: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(lab.folder.path()).args(["-c", "user.name=x", "-c", "user.email=x@example.com"]);
    let output = command.args(args).env("HOME", lab.folder.path()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
}

#[test]
fn every_command_writes_what_its_schema_says() {
    let (lab, server, dead) = (Lab::new(), Server::start(), Refusing::start());
    let mut seen = Seen::default();
    server.route("/f", Route::of(1_000));
    let (file, gone) = (server.url("/f"), dead.url("/f"));

    seen.run(&lab, &["download", "-n", &file, "f"], 0);
    seen.run(&lab, &["download", &file, "f"], 0);
    seen.run(&lab, &["download", &file, "f", "--no-clobber"], 0);
    seen.run(&lab, &["download", &gone], 1);
    seen.run(&lab, &["download", &gone], 4);
    seen.run(&lab, &["download", "nope"], 2);
    seen.run(&lab, &["download", &file, "no/f"], 7);
    seen.run(&lab, &["download", &file, "other", "--sha256", &"0".repeat(64)], 6);

    seen.run(&lab, &["run", "-n", "--", "true"], 0);
    for (args, code) in
        [(&["--", "true"] as &[_], 0), (&["--", "false"], 1), (&["--service", "no", "--", "true"], 125)]
    {
        let said = run(&lab, &[&["--json", "-q", "run"], args].concat());
        assert_eq!(said.code, code, "{}", said.err);
        seen.see(&said.error());
        run(&lab, &[&["run", "--report", "report.json"], args].concat());
        seen.see(&serde_json::from_slice(&lab.read("report.json").unwrap()).unwrap());
    }

    for command in [
        &["open", "github", "--for", "10m", "--reason", "a move"] as &[_],
        &["open", "microsoft_packages"],
        &["close", "docker_hub"],
        &["status"],
        &["status", "github"],
        &["status", "external_downloads"],
        &["reset", "github"],
        &["reset", "--all", "--yes"],
    ] {
        seen.run(&lab, &[&["circuit-breaker"], command].concat(), 0);
    }
    seen.run(&lab, &["circuit-breaker", "status", "nobody"], 2);
    seen.run(&lab, &["circuit-breaker", "reset", "--all"], 2);

    let letters = seen.run(&lab, &["dead-letter", "list"], 0).json();
    let id = letters["letters"][0]["id"].as_str().unwrap().to_owned();
    seen.run(&lab, &["dead-letter", "show", &id], 0);
    seen.run(&lab, &["dead-letter", "show", "nosuchid"], 7);
    seen.run(&lab, &["dead-letter", "drop", &id], 0);
    let said = run(&lab, &["--json", "-q", "dead-letter", "retry", "--all", "--rate", "60000"]);
    seen.see(&said.json());
    seen.run(&lab, &["dead-letter", "drop", "--all", "--yes"], 0);
    seen.run(&lab, &["dead-letter", "retry", "--all"], 0);

    seen.run(&lab, &["connectivity", "-n"], 0);
    seen.run(&lab, &["connectivity", &file, &gone], 5);

    let health = json!({"performance": {
        "services": {"mine": {"probe": {"url": [file, gone]}}},
        "health_checks": {"services": ["mine"], "timeout": 5},
    }});
    fs::write(lab.path("health.yaml"), health.to_string()).unwrap();
    let configured = ["--config", "health.yaml"];
    seen.run(&lab, &[&configured as &[_], &["health", "-n"]].concat(), 0);
    seen.run(&lab, &[&configured as &[_], &["health", "--fail-on", "degraded"]].concat(), 5);
    seen.run(&lab, &["health", "nobody"], 2);
    seen.run(&lab, &["mute", "github", "--for", "2h"], 0);
    seen.run(&lab, &["mute", "github", "--off"], 0);

    seen.run(&lab, &["config", "path"], 0);
    seen.run(&lab, &["config", "check"], 0);
    seen.run(&lab, &["config", "show"], 0);
    seen.run(&lab, &["config", "show", "--origin"], 0);
    seen.run(&lab, &["--config", "c.yaml", "config", "init"], 0);
    seen.run(&lab, &["--config", "c.yaml", "config", "init"], 7);
    seen.run(&lab, &["--config", "missing.yaml", "config", "check"], 3);
    seen.run(&lab, &["apt", "install", "--", "no such name"], 2);

    seen.run(&lab, &["plan", "new", "plan.yaml"], 0);
    seen.run(&lab, &["plan", "new", "plan.yaml"], 7);
    seen.run(&lab, &["plan", "check", "plan.yaml"], 0);
    seen.run(&lab, &["plan", "show", "plan.yaml"], 0);
    seen.run(&lab, &["plan", "check", "f"], 3);
    fs::write(lab.path("one.yaml"), "version: 1\nname: one\nsteps: [{id: a, file: {dest: a, content: x}}]\n")
        .unwrap();
    let said = run(&lab, &["--json", "apply", "one.yaml"]);
    said.out.lines().chain(said.err.lines()).for_each(|line| seen.see(&serde_json::from_str(line).unwrap()));
    seen.run(&lab, &["plan", "status", "one.yaml"], 0);
    seen.run(&lab, &["plan", "status", "nothing"], 7);
    seen.run(&lab, &["plan", "forget", "one"], 2);
    seen.run(&lab, &["plan", "forget", "one", "--yes"], 0);

    let steps = "version: 1\nsteps: [{id: a, file: {dest: out, content: x}}, {id: b, command: {argv: [\"false\"], creates: no}}]\n";
    fs::write(lab.path("p.yaml"), steps).unwrap();
    let said = run(&lab, &["--json", "-q", "apply", "p.yaml"]);
    assert_eq!(said.code, 1, "{}", said.err);
    said.out.lines().for_each(|line| seen.see(&serde_json::from_str(line).unwrap()));

    if is_there("git") {
        git(&lab, &["init", "--quiet", "source"]);
        git(&lab, &["-C", "source", "commit", "--quiet", "--allow-empty", "--message", "first"]);
        let url = format!("file://{}", lab.path("source").display());
        seen.run(&lab, &["git", "clone", "-n", &url, "clone"], 0);
        seen.run(&lab, &["git", "clone", &url, "clone"], 0);
        seen.run(&lab, &["git", "clone", &url, "clone"], 0);
        seen.run(&lab, &["git", "clone", "nothing://x", "other"], 2);
    } else {
        seen.0.insert("git.clone".to_owned());
    }

    seen.run(&lab, &["circuit-breaker", "open", "github"], 0);
    let status: Value = serde_json::from_slice(&lab.read("state/status.json").unwrap()).unwrap();
    schema::check_as("status-file", &status);
    assert_eq!(status["services"]["github"]["state"], "open");
    seen.0.insert("status-file".to_owned());

    let said = run(&lab, &["--log-format", "json", "-v", "download", &gone, "--retries", "2"]);
    said.json_lines().iter().for_each(|line| seen.see(line));

    let known: BTreeSet<String> = schema::all().into_keys().collect();
    seen.0.extend(BY_APT.iter().chain(&READ).chain(&TOLD).map(ToString::to_string));
    assert_eq!(seen.0, known, "a schema that nothing was held against, or none for what is written");
}

/// Where the store cannot be read, or none is kept, status says where what it tells is from.
#[test]
fn status_from_elsewhere_is_as_its_schema_says() {
    let lab = Lab::new();
    let memory = ("VPS_CONFIGURATOR_STATE__BACKEND", "memory");
    let said = run_with(&lab, &[memory], &["--json", "circuit-breaker", "status"]);
    assert_eq!(said.json()["source"], json!({"kind": "memory"}));
    run(&lab, &["circuit-breaker", "open", "github"]);
    fs::remove_file(lab.path("state/state.db")).unwrap();
    fs::create_dir(lab.path("state/state.db")).unwrap();
    let said = run(&lab, &["--json", "circuit-breaker", "status"]);
    let source = &said.json()["source"];
    assert_eq!(source["kind"], "snapshot", "{source}");
    assert!(source["age_seconds"].is_number(), "{source}");
}

/// The hints of orders are for people: where lines are JSON, each is.
#[test]
fn with_a_log_in_json_every_line_is_json() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(100_000).then(Behaviour::status(503)).then(Behaviour::Reset { after: 10 }));
    for command in [
        &["circuit-breaker", "open", "github"] as &[_],
        &["circuit-breaker", "reset", "github"],
        &["download", &server.url("/f"), "f"],
        &["run", "--service", "github", "--retries", "2", "--", "false"],
        &["connectivity", &server.url("/f")],
        &["config", "path"],
        &["download", "nope"],
    ] {
        let said = run(&lab, &[&["--log-format", "json", "-v"], command].concat());
        // Each is held against its schema there.
        let _ = said.json_lines();
    }
}

#[test]
fn the_schemas_are_schemas() {
    for (file, schema) in schema::all() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{file}");
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_file_that_is_shipped_is_as_its_schema_says() {
    let lab = Lab::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/default.yaml");
    let text = fs::read_to_string(shipped).unwrap();
    schema::check_as("config-file", &yaml(&text));
    // With what is commented out, but the second form of a window.
    let all = text.replace("    # ", "    ").replace("  # dir:", "  dir:").replace(" # Or memory", "");
    assert!(all.contains("\n    exponential_base: 2.0") && all.contains("\n  dir:"), "{all}");
    schema::check_as("config-file", &yaml(&all));
    fs::write(lab.path("all.yaml"), &all).unwrap();
    let said = run(&lab, &["--config", "all.yaml", "config", "check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    schema::check_as("config-file", &yaml(&run(&lab, &["config", "show"]).out));
}

/// What the program refuses for its form, the schema refuses, and the other way round.
#[test]
fn schema_and_program_agree_about_files() {
    let lab = Lab::new();
    for (text, is_right) in [
        ("{}", true),
        ("performance:", true),
        ("performance: {services: {github: }}", true),
        ("performance: {services: {mine: {hosts: [example.com], retry_budget: {max: 20}}}}", true),
        ("performance: {retry_budget: {start: 5, per_operation: 0.25, max: 50}}", true),
        ("performance: {retry_budget: }", true),
        ("performance: {circuit_breaker: {timeout: 90s, max_timeout: 5m, exponential_base: 1.5}}", true),
        ("download: {min_speed: 64KiB/s}", true),
        ("state: {backend: memory}", true),
        ("performance: {retry_budget: {begin: 5}}", false),
        ("performance: {retry_budget: {start: many}}", false),
        ("performance: {retry_budget: {start: -1}}", false),
        ("performance: {circuit_breaker: {exponential_bas: 2}}", false),
        ("performance: {circuit_breaker: {timeout: -1}}", false),
        ("performance: {services: {github: {hosts: example.com}}}", false),
        ("state: {backend: redis}", false),
        ("perfomance: {}", false),
    ] {
        fs::write(lab.path("c.yaml"), text).unwrap();
        let said = run(&lab, &["--config", "c.yaml", "config", "check"]);
        assert_eq!(said.code, if is_right { 0 } else { 3 }, "{text}: {}", said.err);
        let faults = schema::faults("config-file", &yaml(text));
        assert_eq!(faults.is_empty(), is_right, "{text}: {faults:?}");
    }
}

/// A test that cannot fail proves nothing: what is not as the schema says is found.
#[test]
fn a_field_too_many_too_few_or_of_another_kind_is_found() {
    let right = json!({"schema": "vps-configurator.run/1", "command": "true", "code": 0});
    assert_eq!(schema::check(&right), "run");
    for (key, value) in
        [("more", json!(1)), ("code", json!("0")), ("code", json!(256)), ("schema", json!("run/1"))]
    {
        let mut wrong = right.clone();
        wrong[key] = value;
        assert!(!schema::faults("run", &wrong).is_empty(), "{wrong}");
    }
    assert!(!schema::faults("run", &json!({"schema": "vps-configurator.run/1", "code": 0})).is_empty());
}
