//! What is kept of what, and what is not.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tests::server::{Behaviour, Gate, Refusing, Route, Server};

use super::{fails, id, letters, only};
use crate::lab::Lab;
use crate::said::{Said, run, run_with};

/// Everything in the state folder.
fn state(lab: &Lab) -> Vec<u8> {
    let files = fs::read_dir(lab.path("state")).unwrap();
    files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn a_failure_says_how_to_do_it_again_in_its_last_line() {
    let lab = Lab::new();
    let (said, letter) = fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 7"]);
    assert_eq!(said.code, 7);
    let last = said.err.lines().last().unwrap();
    let expected = format!(
        "hint: kept as dead letter {letter}; do it again with `vps-configurator dead-letter retry {letter}`"
    );
    assert_eq!(last, expected);
    let said = run(&lab, &["-qq", "run", "--retries", "1", "--", "sh", "-c", "exit 7"]);
    assert_eq!((said.code, said.err.as_str()), (7, ""));
    let kept = only(&lab);
    assert_eq!((id(&kept), kept["failures"].as_u64(), kept["attempts"].as_u64()), (letter, Some(2), Some(2)));
    let said = run(&lab, &["--json", "-q", "run", "--", "false"]);
    let hints = said.error()["hints"].to_string();
    assert!(hints.contains("dead-letter retry"), "{hints}");
}

#[test]
fn whether_a_circuit_ended_it_is_known() {
    let (lab, dead) = (Lab::new(), Refusing::start());
    let url = dead.url("/f");
    fails(&lab, &["download", &url, "f", "--retries", "3"]);
    let first = only(&lab);
    assert_eq!((first["ended_by"].as_str(), first["class"].as_str()), (Some("failure"), Some("not_sent")));
    let (said, _) = fails(&lab, &["download", &url, "f"]);
    assert_eq!(said.code, 4, "{}", said.err);
    let second = only(&lab);
    assert_eq!((second["ended_by"].as_str(), second["class"].as_str()), (Some("circuit"), Some("rejected")));
    assert_eq!((second["failure"].as_str(), second["failures"].as_u64()), (Some("circuit_open"), Some(2)));
    let list = |args: &[&str]| {
        let said = run(&lab, &[&["dead-letter", "list"], args].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    for shown in
        [&[] as &[_], &["--class", "rejected"], &["--service", "external_downloads"], &["--since", "1h"]]
    {
        assert!(list(shown).contains(&id(&second)), "{shown:?}");
    }
    for hidden in [&["--class", "transient"], &["--service", "github"]] {
        assert_eq!(list(hidden), "none of these; 1 dead letter of others\n");
    }
    assert_eq!(run(&lab, &["dlq", "list", "--class", "bad"]).code, 2);
}

#[test]
fn a_stop_leaves_none() {
    for signal in [Signal::INT, Signal::TERM] {
        let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
        server.route("/f", Route::of(50_000).then(Behaviour::Hold { after: 10, gate: gate.clone() }));
        let child = lab.start(&["download", &server.url("/f")]);
        gate.wait_until_reached();
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
        let said = Said::from(child.wait_with_output().unwrap());
        assert!(said.code > 128 && !said.err.contains("dead letter"), "{} {}", said.code, said.err);
        assert_eq!(letters(&lab), [""; 0]);
    }
}

#[test]
fn what_is_the_callers_fault_leaves_none() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let url = server.url("/f");
    fs::write(lab.path("plain"), "x").unwrap();
    for (args, code) in [
        (&["run", "--", "no-such-program-anywhere"] as &[&str], 127),
        (&["run", "--", "./plain"], 126),
        (&["run", "--service", "nobody", "--", "true"], 125),
        (&["download", &url, "missing/f"], 7),
        (&["download", "nope"], 2),
        (&["download", "-n", "http://127.0.0.1:1/f"], 0),
        (&["run", "-n", "--", "false"], 0),
    ] {
        let said = run(&lab, args);
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        assert!(!said.err.contains("dead letter"), "{args:?}: {}", said.err);
    }
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn its_key_turns_it_off_and_without_state_there_is_none() {
    let lab = Lab::new();
    for variable in [
        ("VPS_CONFIGURATOR_PERFORMANCE__DEAD_LETTERS__ENABLED", "false"),
        ("VPS_CONFIGURATOR_STATE__BACKEND", "memory"),
    ] {
        let said = run_with(&lab, &[variable], &["run", "--", "false"]);
        assert!(said.code == 1 && !said.err.contains("dead letter"), "{}", said.err);
    }
    assert_eq!(letters(&lab), [""; 0]);
    let said = run_with(&lab, &[("VPS_CONFIGURATOR_STATE__BACKEND", "memory")], &["dead-letter", "list"]);
    assert_eq!(said.code, 7, "{}", said.err);
}

#[test]
fn the_oldest_goes_with_a_warning_where_there_are_too_many() {
    let lab = Lab::new();
    let most = [("VPS_CONFIGURATOR_PERFORMANCE__DEAD_LETTERS__MAX_COUNT", "1")];
    let (_, first) = fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 1"]);
    let said = run_with(&lab, &most, &["run", "--retries", "1", "--", "sh", "-c", "exit 2"]);
    assert!(said.err.contains(&format!("the dead letter {first} (sh) is dropped")), "{}", said.err);
    assert_ne!(id(&only(&lab)), first);
}

#[test]
fn a_store_that_cannot_be_used_is_one_warning_more_and_no_other_end() {
    let lab = Lab::new();
    fs::write(lab.path("state"), "no folder").unwrap();
    let said = run(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 7"]);
    assert_eq!(said.code, 7);
    assert_eq!(said.err.matches("no dead letter could be kept of this").count(), 1, "{}", said.err);
    assert!(!said.err.contains("do it again with"), "{}", said.err);
    for command in [&["list"] as &[_], &["export"], &["retry", "--all"], &["drop", "abc"]] {
        let said = run(&lab, &[&["dead-letter"], command].concat());
        assert_eq!(said.code, 7, "that there are none is not known: {}", said.out);
    }
}

#[test]
fn a_damaged_store_is_set_aside_with_its_letters_and_that_is_said() {
    let lab = Lab::new();
    let (_, letter) = fails(&lab, &["run", "--retries", "1", "--", "false"]);
    for file in ["state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(lab.path("state").join(file)));
    }
    fs::write(lab.path("state/state.db"), "").unwrap();
    let said = run(&lab, &["dead-letter", "list"]);
    assert_eq!(said.code, 7, "an empty file is no empty list: {}", said.out);
    let said = run(&lab, &["run", "--", "true"]);
    assert!(
        said.err.contains("set aside as") && said.err.contains("dead letters that were in it"),
        "{}",
        said.err
    );
    assert_eq!(run(&lab, &["dead-letter", "show", &letter]).code, 7);
}

/// Nothing of what is secret gets into the state folder, and where a request cannot be written without, that is said.
#[test]
fn no_secret_is_anywhere() {
    const CANARY: &str = "c4n4ry-value";
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::only(Behaviour::status(500)));
    fs::write(lab.path("headers"), format!("X-Token: {CANARY}\n")).unwrap();
    let netrc = format!("machine 127.0.0.1 login me password {CANARY}\n");
    fs::write(lab.path(".netrc"), netrc).unwrap();
    for file in ["headers", ".netrc"] {
        let mut mode = fs::metadata(lab.path(file)).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
        fs::set_permissions(lab.path(file), mode).unwrap();
    }
    let url = server.url("/f");
    let once = ["--retries", "1"];
    fails(&lab, &[&["download", &url, "f", "--header-file", "headers"], &once[..]].concat());
    let with_password = url.replace("http://", &format!("http://me:{CANARY}@"));
    let with_query = format!("{url}?token={CANARY}");
    let header = format!("Authorization: Bearer {CANARY}");
    for args in [
        &["download", &with_password, "f", "--retries", "1"] as &[&str],
        &["download", &with_query, "f", "--retries", "1"],
        &["git", "clone", &with_password, "r", "--retries", "1"],
        &["run", "--retries", "1", "--", "sh", "-c", "exit 1", &header],
        &["run", "--retries", "1", "--", "false", &format!("--password={CANARY}")],
    ] {
        let said = run(&lab, args);
        assert!(said.err.contains("no dead letter is kept of this"), "{args:?}: {}", said.err);
        assert!(!said.err.contains("do it again with"), "{}", said.err);
    }
    // A variable is there by its name; standard input as such.
    let mut command =
        lab.command(&["run", "--retries", "1", "--stdin", "keep", "--", "sh", "-c", "cat >seen; exit 1"]);
    let mut child = command.env("SECRET_VARIABLE", CANARY).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(CANARY.as_bytes()).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert!(said.err.contains("kept as dead letter"), "{}", said.err);
    assert_eq!(lab.read("seen").unwrap(), CANARY.as_bytes());
    let state = state(&lab);
    assert!(has(&state, "SECRET_VARIABLE") && has(&state, "headers"), "it looked into the right files");
    assert!(!has(&state, CANARY));
    assert_eq!(letters(&lab).len(), 2);
    let said = run(&lab, &["dead-letter", "export"]);
    assert!(said.out.contains("SECRET_VARIABLE") && !said.out.contains(CANARY));
}
