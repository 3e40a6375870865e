//! The lines of a run, for people and for programs. The two about APT, which no command says yet, are
//! tested beside the words, in `cli/src/observe/words.rs`.

use tests::server::{Behaviour, BlackHole, Content, Route, Server};

use crate::lab::Lab;
use crate::said::{Said, golden, run, run_with};

/// Long enough to be seen in tenths of a second.
const DELAY: (&str, &str) = ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.06");

#[test]
fn the_seeds_lines_word_for_word() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::ResetBeforeHeaders).then(Behaviour::Ok));
    server.route("/g", Route::of(10).then(Behaviour::status(500)));
    let mut all = run_with(&lab, &[DELAY], &["download", &server.url("/f")]).err;
    all += &run_with(&lab, &[DELAY], &["download", &server.url("/g")]).err;
    all += &run_with(&lab, &[DELAY], &["download", &server.url("/g")]).err;
    golden!("log-human", &all);
    for line in [
        "INFO: 🔄 Retrying in 0.1s... (2 retries left)\n",
        "INFO: ✅ Operation succeeded after 2 attempts\n",
        "ERROR: ❌ All 3 attempts failed\n",
        "WARNING: ⚠️  Attempt 1 failed: ",
        "ERROR: 🚨 Circuit breaker open: external_downloads/",
    ] {
        assert!(all.contains(line), "{line}\n{all}");
    }
}

#[test]
fn a_server_that_does_not_answer_the_call_is_a_connection_timeout() {
    let (lab, hole) = (Lab::new(), BlackHole::start());
    let said = run(&lab, &["download", &hole.url("/f"), "--connect-timeout", "0.05s", "--retries", "2"]);
    assert!(
        said.err.contains("WARNING: ⚠️  Attempt 1 failed: Connection timeout (127.0.0.1:"),
        "{}",
        said.err
    );
}

#[test]
fn the_failure_that_ends_it_is_told_once_and_those_before_it_each_once() {
    let (lab, server) = (Lab::new(), Server::start());
    let cause = "the server answered 404";
    server.route("/gone", Route::of(10).then(Behaviour::status(404)));
    for (status, path) in [(500, "/500"), (502, "/502")] {
        server.route(path, Route::of(10).then(Behaviour::status(status)));
    }
    let said = run(&lab, &["download", &server.url("/gone")]).err;
    assert_eq!(said.to_lowercase().matches(cause).count(), 1, "{said}");
    assert!(!said.contains("Attempt 1") && said.contains("  caused by: the server"), "{said}");
    // Of three, two are told before the error; what the last did to the circuit is told still.
    let said = run_with(&lab, &[DELAY], &["download", &server.url("/500")]).err;
    assert_eq!(said.to_lowercase().matches("answered 500").count(), 3, "{said}");
    let places = ["Attempt 1", "Retrying", "Attempt 2", "circuit breaker opened", "All 3", "error: "];
    let places: Vec<usize> = places.iter().map(|words| said.find(words).expect(words)).collect();
    assert!(places.is_sorted() && !said.contains("Attempt 3"), "{said}");
    // The reason for each attempt is not the error where time ran out.
    run(&lab, &["circuit-breaker", "reset", "--all", "--yes"]);
    let late = ["run", "--timeout", "0.4", "--", "sleep", "9"];
    let said = run_with(&lab, &[DELAY], &late).err;
    assert!(said.contains("Attempt 2 failed: Ran longer than"), "{said}");
    // A program is told each fact, and -v that there was one.
    let said = run_with(&lab, &[DELAY], &["--log-format", "json", "download", &server.url("/502")]);
    assert!(said.err.contains("Attempt 3 failed"), "{}", said.err);
    run(&lab, &["circuit-breaker", "reset", "--all", "--yes"]);
    let said = run_with(&lab, &[DELAY], &["-v", "download", &server.url("/502")]).err;
    assert!(said.contains("DEBUG: attempt 3 of 3 failed"), "{said}");
}

#[test]
fn the_service_of_the_seed_is_named() {
    let lab = Lab::new();
    run(&lab, &["circuit-breaker", "open", "apt_repository"]);
    let said = run(&lab, &["run", "--service", "apt_repository", "--", "true"]);
    assert!(said.err.contains("ERROR: 🚨 Circuit breaker open: apt_repository\n"), "{}", said.err);
}

#[test]
fn a_list_of_checksums_is_told_of_within_the_download() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 10);
    server.route("/f", Route::content(content.clone()));
    server.route("/sums", Route::content(Content::fixed(format!("{}  f\n", content.sha256()))));
    let said = run(&lab, &["download", &server.url("/f"), "--checksum", &server.url("/sums")]);
    let told: Vec<&str> = said.err.lines().filter_map(|line| Some(line.split_once("INFO: ")?.1)).collect();
    let (file, list) = (server.url("/f"), server.url("/sums"));
    let begun = |url: &str| format!("Downloading {url} (with retry protection)...");
    assert_eq!(told, [&*begun(&file), &*begun(&list), "✅ Download successful", "✅ Download successful"]);
    let failed = run_with(&lab, &[DELAY], &["download", &file, "--checksum", &server.url("/none")]);
    assert_eq!(failed.code, 1);
    assert_eq!(failed.err.matches("could not download").count(), 1, "{}", failed.err);
}

fn in_json(lab: &Lab, url: &str) -> Said {
    run_with(lab, &[DELAY], &["--log-format", "json", "-v", "download", url, "f"])
}

#[test]
fn the_same_facts_are_fields_in_json() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/g", Route::of(10).then(Behaviour::status(500)));
    let lines = in_json(&lab, &server.url("/g")).json_lines();
    let find = |words: &str| {
        let found =
            lines.iter().find(|line| line["message"].as_str().is_some_and(|text| text.contains(words)));
        found.unwrap_or_else(|| panic!("{words}: {lines:#?}"))
    };
    for line in lines.iter().filter(|line| line.get("schema").is_none()) {
        assert_eq!(line["operation"], "download", "{line}");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    let service = server.url("").replace("http://", "external_downloads/");
    let failed = find("Attempt 1 failed");
    assert_eq!(failed["level"], "WARN", "{failed}");
    assert_eq!((failed["attempt"].as_i64(), failed["attempts_max"].as_i64()), (Some(1), Some(3)), "{failed}");
    assert_eq!(failed["service"], service, "{failed}");
    assert_eq!(failed["class"], "transient", "{failed}");
    assert!(failed["error"].as_str().unwrap().starts_with("the server answered 500"), "{failed}");
    let retrying = find("Retrying in");
    assert_eq!(
        (retrying["retries_left"].as_i64(), retrying["delay_seconds"].as_f64()),
        (Some(2), Some(0.06))
    );
    assert_eq!(find("circuit breaker opened")["circuit_state"], "open");
    // The error ends it, in the same format, though `--json` was not said.
    let last = lines.last().unwrap();
    assert_eq!((last["schema"].as_str(), last["code"].as_i64()), (Some("vps-configurator.error/1"), Some(1)));
}

#[test]
fn json_for_results_leaves_the_log_as_it_is() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let said = run(&lab, &["--json", "download", &server.url("/f")]);
    assert_eq!(said.json()["bytes"], 10);
    assert!(said.err.starts_with("INFO: Downloading "), "{}", said.err);
    let said = run(&lab, &["--json", "-q", "download", &server.url("/f")]);
    assert_eq!((said.json()["bytes"].as_i64(), said.err.as_str()), (Some(10), ""));
}

#[test]
fn under_systemd_a_line_begins_with_its_priority() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    // The variable is believed only where it means our standard error.
    let said = run_with(&lab, &[("JOURNAL_STREAM", "1:1")], &["download", &server.url("/f")]);
    assert!(said.err.starts_with("INFO: "), "{}", said.err);
    let file = std::fs::File::create(lab.path("journal")).unwrap();
    let meta = file.metadata().unwrap();
    let stream = {
        use std::os::unix::fs::MetadataExt;
        format!("{}:{}", meta.dev(), meta.ino())
    };
    let status =
        lab.command(&["download", &server.url("/f")]).env("JOURNAL_STREAM", stream).stderr(file).status();
    assert!(status.unwrap().success());
    let lines = String::from_utf8(lab.read("journal").unwrap()).unwrap();
    assert!(lines.starts_with("<6>INFO: Downloading"), "{lines}");
}

#[test]
fn certificates_that_are_not_checked_are_said() {
    let lab = Lab::new();
    let said = run(&lab, &["download", "-n", "--insecure", "https://example.com/f"]);
    assert!(said.err.contains("WARNING: --insecure: certificates are not checked"), "{}", said.err);
    let said = run(&lab, &["download", "-n", "https://example.com/f"]);
    assert!(!said.err.contains("certificates"), "{}", said.err);
}

#[test]
fn with_json_and_q_an_error_is_one_object_and_qq_keeps_it() {
    let lab = Lab::new();
    let dead = tests::server::Refusing::start();
    for quiet in ["-q", "-qq"] {
        let said = run(&lab, &["--json", quiet, "download", &dead.url("/f"), "--retries", "2"]);
        assert_eq!(said.json_lines().len(), 1, "{quiet}: {}", said.err);
        assert_eq!(said.error()["schema"], "vps-configurator.error/1");
        run(&lab, &["circuit-breaker", "reset", "external_downloads"]);
    }
    let said = run(&lab, &["-qq", "download", &dead.url("/f"), "--retries", "1"]);
    assert_eq!(said.err, "");
}
