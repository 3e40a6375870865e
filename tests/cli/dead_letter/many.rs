//! `retry` of several, `drop`, `export`, and how many there are.

use std::fs;

use rusqlite::Connection;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::server::{Refusing, Route, Server};

use super::{fails, id, letters, retry};
use crate::lab::Lab;
use crate::said::{Said, run, run_with};

/// No pause that a test would notice.
const AT_ONCE: [&str; 5] = ["dead-letter", "retry", "--all", "--rate", "60000"];

#[test]
fn of_each_service_one_goes_first_and_the_others_only_after_it() {
    let (lab, good, bad) = (Lab::new(), Server::start(), Server::start());
    // Its circuit is not what is looked at here.
    let closed = [("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__ENABLED", "false")];
    for (server, names) in [(&bad, ["b1", "b2", "b3"]), (&good, ["g1", "g2", "g3"])] {
        for name in names {
            let url = server.url(&format!("/{name}"));
            assert_eq!(run_with(&lab, &closed, &["download", &url, name]).code, 1);
        }
    }
    assert_eq!(letters(&lab).len(), 6);
    for name in ["/g1", "/g2", "/g3", "/b2", "/b3"] {
        good.route(name, Route::of(10));
        bad.route(name, Route::of(10));
    }
    let asked = |server: &Server| server.log().exchanges.len();
    let before = asked(&bad);
    let said = run_with(&lab, &closed, &[&["--json"], &AT_ONCE[..]].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    let results: Vec<(String, Value, Value)> = said.json()["letters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| {
            let name = turn["target"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (name, turn["result"].clone(), turn["code"].clone())
        })
        .collect();
    let told: Vec<(&str, &str, Option<u64>)> = results
        .iter()
        .map(|(name, result, code)| (name.as_str(), result.as_str().unwrap(), code.as_u64()))
        .collect();
    assert_eq!(
        told,
        [
            ("b1", "failed", Some(1)),
            ("b2", "left", None),
            ("b3", "left", None),
            ("g1", "done", Some(0)),
            ("g2", "done", Some(0)),
            ("g3", "done", Some(0)),
        ]
    );
    assert_eq!(asked(&bad), before + 1, "one canary");
    assert_eq!(letters(&lab).len(), 3);
    bad.route("/b1", Route::of(10));
    let said = run_with(&lab, &closed, &AT_ONCE);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.ends_with("3 done, 0 failed, 0 refused by a circuit, 0 left\n"), "{}", said.out);
    assert!(lab.path("b3").exists());
    assert_eq!(letters(&lab), [""; 0]);
    let said = run(&lab, &AT_ONCE);
    assert_eq!((said.code, said.out.as_str()), (0, "no dead letters\n"), "all of none are done");
    assert_eq!(run(&lab, &["dead-letter", "drop", "--all", "--yes"]).out, "no dead letters\n");
}

#[test]
fn where_only_circuits_are_in_the_way_that_is_the_code() {
    let (lab, dead) = (Lab::new(), Refusing::start());
    for name in ["a", "b"] {
        fails(&lab, &["download", &dead.url(&format!("/{name}")), name, "--retries", "3"]);
    }
    let said = run(&lab, &AT_ONCE);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    assert!(said.out.contains("0 done, 0 failed, 1 refused by a circuit, 1 left\n"), "{}", said.out);
    assert_eq!(letters(&lab).len(), 2);
}

#[test]
fn commands_of_no_service_do_not_wait_for_each_other() {
    let lab = Lab::new();
    let (_, fails_still) = fails(&lab, &["run", "--retries", "1", "--", "false"]);
    let (_, works) = fails(&lab, &["run", "--retries", "1", "--", "test", "-e", "ready"]);
    fs::write(lab.path("ready"), "").unwrap();
    let said = run(&lab, &["dead-letter", "retry", &fails_still, &works, "--rate", "60000"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let left = letters(&lab);
    assert_eq!(left.iter().map(id).collect::<Vec<_>>(), std::slice::from_ref(&fails_still));
    let said = run(&lab, &["dead-letter", "retry", &fails_still, "nosuchid"]);
    assert!(said.code == 7 && said.err.contains("there is no dead letter nosuchid"), "{}", said.err);
}

#[test]
fn letters_are_dropped_by_name_or_all_and_that_is_not_asked_in_a_script() {
    let lab = Lab::new();
    let (_, one) = fails(&lab, &["run", "--retries", "1", "--", "false"]);
    fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 2"]);
    fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 3"]);
    let said = run(&lab, &["dead-letter", "drop", &one]);
    assert_eq!((said.code, said.out), (0, format!("dropped {one}\n")));
    assert_eq!(run(&lab, &["dead-letter", "drop", &one]).code, 7);
    let said = run(&lab, &["--config", "missing.yaml", "dead-letter", "drop", "--all"]);
    assert!(said.code == 2 && said.err.contains("add --yes"), "{}", said.err);
    assert_eq!(letters(&lab).len(), 2);
    let said = run(&lab, &["--json", "dead-letter", "drop", "--all", "--yes"]);
    assert_eq!(said.json()["ids"].as_array().unwrap().len(), 2);
    assert_eq!(letters(&lab), [""; 0]);
    assert_eq!(retry(&lab, &one).code, 7);
}

#[test]
fn what_is_dropped_before_the_store_fails_is_said_and_the_rest_is_kept() {
    for json in [false, true] {
        let lab = Lab::new();
        let [one, two, three] = ["1", "2", "3"]
            .map(|code| fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", &format!("exit {code}")]).1);
        // From the second on.
        let store = Connection::open(lab.path("state/state.db")).unwrap();
        let refuses = format!(
            "CREATE TRIGGER refuses BEFORE DELETE ON entries WHEN OLD.key = 'letter/{two}' \
             BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END"
        );
        store.execute_batch(&refuses).unwrap();
        let format: &[&str] = if json { &["--json"] } else { &[] };
        let said = run(&lab, &[format, &["dead-letter", "drop", &one, &two, &three]].concat());
        assert!(said.code == 7 && said.err.contains("the disk is gone"), "{} {}", said.code, said.err);
        match json {
            true => assert_eq!(said.json()["ids"], serde_json::json!([one])),
            false => assert_eq!(said.out, format!("dropped {one}\n")),
        }
        // The others are as they were, and go once it is well again.
        store.execute_batch("DROP TRIGGER refuses").unwrap();
        drop(store);
        let mut left: Vec<String> = letters(&lab).iter().map(id).collect();
        left.sort();
        let mut wanted = vec![two.clone(), three.clone()];
        wanted.sort();
        assert_eq!(left, wanted);
        assert_eq!(run(&lab, &["dead-letter", "drop", &two, &three]).code, 0);
    }
}

#[test]
fn all_of_them_go_out_one_a_line_and_are_counted() {
    let lab = Lab::new();
    let (_, one) = fails(&lab, &["run", "--retries", "1", "--", "false"]);
    fails(&lab, &["run", "--retries", "1", "--metrics-file", "all.prom", "--", "sh", "-c", "exit 2"]);
    let said = run(&lab, &["dead-letter", "export"]);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(|line| drop(tests::schema::check(line)));
    assert_eq!(lines.len(), 2);
    let first = lines.iter().find(|line| line["id"] == one.as_str()).unwrap();
    assert_eq!(first["request"]["arguments"]["command"], serde_json::json!(["false"]));
    assert_eq!((first["version"].as_u64(), first["lease"].is_null()), (Some(1), true));
    let metrics = String::from_utf8(lab.read("all.prom").unwrap()).unwrap();
    assert!(metrics.contains("\nvps_configurator_dead_letters 2\n"), "{metrics}");
}

#[test]
fn what_goes_to_standard_output_is_done_again_alone() {
    let (lab, server) = (Lab::new(), Server::start());
    let (_, letter) = fails(&lab, &["download", &server.url("/f"), "-", "--retries", "1"]);
    server.route("/f", Route::of(10));
    let said = run(&lab, &[&["--json"], &AT_ONCE[..]].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(said.json()["letters"][0]["result"], "alone");
    let output = lab.run(&["dead-letter", "retry", &letter]);
    assert!(output.status.success() && output.stdout.len() == 10, "{output:?}");
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn who_is_stopped_says_which_letter_it_was_at_and_how_many_are_left() {
    let lab = Lab::new();
    for word in ["1", "2", "3"] {
        // Blocks where there is a pipe to read from.
        fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "read line < pipe", word]);
    }
    let oldest = id(letters(&lab).last().unwrap());
    mknodat(CWD, lab.path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let child = lab.command(&AT_ONCE).spawn().unwrap();
    // Opened once there is a reader.
    let pipe = fs::File::options().write(true).open(lab.path("pipe")).unwrap();
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    drop(pipe);
    assert_eq!(said.code, 130, "{}", said.err);
    assert!(said.out.ends_with(" 0 left, 3 stopped or not begun\n"), "{}", said.out);
    assert!(said.err.contains(&format!("{oldest} (1 of 3): run of sh -c read")), "{}", said.err);
    assert_eq!(letters(&lab).len(), 3);
}

#[test]
fn a_row_says_where_it_is_cut_and_a_page_counts_as_people_do() {
    let lab = Lab::new();
    let (_, letter) = fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 7", &"x".repeat(80)]);
    let rows = run(&lab, &["dead-letter", "list"]).out;
    assert!(rows.lines().any(|row| row.ends_with("xxx…")), "{rows}");
    let page = run(&lab, &["dead-letter", "show", &letter]).out;
    assert!(page.contains(" 1 time, after 1 attempt in all\n"), "{page}");
}
