//! How it ends: done and done again, and each exit code.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use tests::server::{Behaviour, Content, Route, Server};

use super::{apply, ends, lab, plan, text};
use crate::lab::sha256;
use crate::said::{golden, run};

/// The same for every length of a path and of a pause.
fn steady(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once("  ") {
        Some((left, time)) if !left.is_empty() && time.trim().ends_with('s') => {
            format!("{}  {}\n", left.trim_end(), time.trim())
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect::<String>().replace("another 59s", "another 60s")
}

#[test]
fn what_is_missing_is_done_and_the_second_run_does_nothing() {
    let server = Server::start();
    let content = Content::seeded(7, 20_000);
    server.route("/f", Route::content(content.clone()));
    let lab = lab(&format!(
        "- {{id: fetched, download: {{url: \"{}\", sha256: {}, dest: f}}}}\n\
         - {{id: conf, file: {{dest: etc/conf, content: \"x=1\\n\", mode: \"0600\"}}}}\n\
         - {{id: ran, command: {{shell: \"echo run >>log; touch done\", creates: done}}}}\n\
         - {{id: told, command: {{shell: \"echo told >>log\", on_change: [conf]}}}}\n\
         - {{id: never, when: {{os: nothing}}, packages: [curl]}}\n",
        server.url("/f"),
        sha256(&content.bytes())
    ));
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert_eq!(fs::metadata(lab.path("etc/conf")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(text(&lab, "log"), "run\ntold\n");
    golden!("apply-done", steady(&format!("{}{}", said.err, said.out)));
    let before = server.log().connections;
    let said = apply(&lab, &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "what is so needs no words");
    assert!(said.out.starts_with("p: 5 steps  ok 4  skipped 1  "), "{}", said.out);
    assert_eq!((server.log().connections, text(&lab, "log").as_str()), (before, "run\ntold\n"));
    // An edit does its step again, and whoever watches it.
    plan(
        &lab,
        "- {id: conf, file: {dest: etc/conf, content: \"x=2\\n\"}}\n\
         - {id: told, command: {shell: \"echo told >>log\", on_change: [conf]}}\n",
    );
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(text(&lab, "log"), "run\ntold\ntold\n");
    assert!(
        said.err.contains("fetched is not in the plan any more; what it did stays as it is\n"),
        "{}",
        said.err
    );
}

#[test]
fn a_failure_is_1_and_says_why_where_and_what_comes_next() {
    let server = Server::start();
    server.route("/f", Route::of(1).then(Behaviour::status(404)));
    let lab = lab(&format!(
        "- {{id: fetched, download: {{url: \"{}\", dest: f}}}}\n\
         - {{id: needy, needs: [fetched], file: {{dest: needy, content: x}}}}\n\
         - {{id: ordered, file: {{dest: ordered, content: x}}}}\n\
         - {{id: loud, command: {{shell: \"echo one; echo two >&2; exit 3\", creates: no}}}}\n",
        server.url("/f")
    ));
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 1);
    assert!(lab.path("ordered").exists() && !lab.path("needy").exists(), "what does not need it goes on");
    let log = said.err.lines().find_map(|line| line.trim().strip_prefix("all that it said: ")).unwrap();
    assert_eq!(fs::read_to_string(log).unwrap(), "one\ntwo\n");
    assert_eq!(fs::metadata(log).unwrap().permissions().mode() & 0o777, 0o600);
    golden!("apply-failed", steady(&format!("{}{}", said.err.replace(log, "LOG"), said.out)));
    let (code, steps) = ends(&lab, &[]);
    assert_eq!(
        (code, steps.join(", ").as_str()),
        (1, "fetched failed, needy blocked, ordered satisfied, loud failed")
    );
}

#[test]
fn a_failure_that_stops_all_leaves_the_rest_and_says_which() {
    let lab = lab("- {id: bad, on_failure: stop, command: {argv: [\"false\"], creates: no}}\n\
         - {id: rest, file: {dest: rest, content: x}}\n");
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(!lab.path("rest").exists());
    assert!(said.err.contains("\nnot begun: rest\n"), "{}", said.err);
    assert!(said.out.starts_with("p: 2 steps  failed 1  left 1  "), "{}", said.out);
}

#[test]
fn what_stops_all_by_its_failure_stops_all_when_it_is_not_tried_any_more_too() {
    let lab = lab("- {id: bad, on_failure: stop, command: {argv: [\"false\"], creates: no}}\n\
         - {id: rest, file: {dest: rest, content: x}}\n");
    for _ in 0..3 {
        assert_eq!(apply(&lab, &[]).code, 1);
    }
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 1, "it is as good as failed: {}", said.err);
    assert!(said.out.starts_with("p: 2 steps  given up 1  left 1  "), "{}", said.out);
    assert!(!lab.path("rest").exists());
    assert!(said.err.contains("\nnot begun: rest\nbad is not done, which ends the run"), "{}", said.err);
    assert!(said.err.contains(" --rerun bad  (once the cause is gone)\n"), "{}", said.err);
}

#[test]
fn a_wrong_command_line_is_2_and_an_invalid_plan_is_3_and_nothing_is_touched() {
    let lab = lab("- {id: a, file: {dest: out, content: x}}\n");
    let said = apply(&lab, &["--only", "b"]);
    assert_eq!((said.code, said.err.contains("the plan has no step `b`")), (2, true), "{}", said.err);
    assert_eq!(apply(&lab, &["--fail-on", "change"]).code, 2, "it goes with --dry-run");
    plan(&lab, "- {id: a, file: {dest: out, content: x}}\n- {id: b, fil: {}}\n");
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 3);
    assert!(said.err.starts_with("error: p.yaml cannot be run: 1 problem\n\np.yaml:5:11: "), "{}", said.err);
    assert_eq!(run(&lab, &["apply", "missing.yaml"]).code, 3);
    assert!(!lab.path("out").exists(), "not even what is right in it is begun");
}

#[test]
fn an_open_circuit_leaves_work_which_is_4_and_the_next_run_does_it() {
    let server = Server::start();
    server.route("/f", Route::of(100));
    let lab = lab(&format!(
        "- {{id: fetched, download: {{url: \"{}\", dest: f}}}}\n\
         - {{id: needy, needs: [fetched], command: {{argv: [touch, done], creates: done}}}}\n\
         - {{id: other, file: {{dest: other, content: x}}}}\n",
        server.url("/f")
    ));
    assert_eq!(run(&lab, &["circuit-breaker", "open", "external_downloads"]).code, 0);
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 4, "{}", said.err);
    golden!("apply-left", steady(&format!("{}{}", said.err, said.out)));
    assert_eq!(server.log().connections, 0);
    assert!(lab.path("other").exists() && !lab.path("done").exists());
    let (code, steps) = ends(&lab, &[]);
    assert_eq!((code, steps.join(", ").as_str()), (4, "fetched circuit_open, needy needs, other satisfied"));
    assert_eq!(run(&lab, &["circuit-breaker", "reset", "external_downloads"]).code, 0);
    let (code, steps) = ends(&lab, &[]);
    assert_eq!((code, steps.join(", ").as_str()), (0, "fetched changed, needy changed, other satisfied"));
}

#[test]
fn a_look_does_nothing_asks_nobody_and_says_all() {
    let server = Server::start();
    server.route("/f", Route::of(100));
    let lab = lab(&format!(
        "- {{id: fetched, download: {{url: \"{}\", dest: f}}}}\n\
         - {{id: here, file: {{dest: p.copy, content: x}}}}\n\
         - {{id: hangs, when: {{exists: f}}, command: {{argv: [\"true\"], always: true}}}}\n",
        server.url("/f")
    ));
    fs::write(lab.path("p.copy"), "x").unwrap();
    fs::set_permissions(lab.path("p.copy"), Permissions::from_mode(0o644)).unwrap();
    let said = apply(&lab, &["-n"]);
    assert_eq!((said.code, said.err.as_str()), (0, "next: vps-configurator apply p.yaml\n"));
    golden!("apply-dry-run", steady(&said.out));
    let said = apply(&lab, &["--dry-run", "--fail-on", "change"]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert_eq!(server.log().connections, 0);
    assert!(!lab.path("state").exists() && !lab.path("f").exists(), "nothing was written");
    assert_eq!(apply(&lab, &[]).code, 0);
    plan(&lab, "- {id: here, file: {dest: p.copy, content: x}}\n");
    let said = apply(&lab, &["--dry-run", "--fail-on", "change"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            0,
            "fetched is not in the plan any more; what it did stays as it is\nhangs is not in the plan any more; what it did stays as it is\n"
        )
    );
    assert!(said.out.starts_with("p: 1 step  ok 1  "), "{}", said.out);
}

#[test]
fn a_plan_that_others_can_write_is_7_and_not_run() {
    let lab = lab("- {id: a, file: {dest: out, content: x}}\n");
    fs::set_permissions(lab.path("p.yaml"), Permissions::from_mode(0o666)).unwrap();
    let said = apply(&lab, &[]);
    assert_eq!((said.code, said.err.contains("can be written by others")), (7, true), "{}", said.err);
    assert!(!lab.path("out").exists() && !lab.path("state").exists());
}

#[test]
fn what_must_be_remembered_is_not_begun_where_nothing_is() {
    let lab = lab(
        "- {id: once, command: {argv: [touch, once], once: true}}\n- {id: free, file: {dest: free, content: x}}\n",
    );
    let memory = [("VPS_CONFIGURATOR_STATE__BACKEND", "memory")];
    let said = crate::said::run_with(&lab, &memory, &["apply", "p.yaml"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("left: what earlier runs did is not known"), "{}", said.err);
    assert!(lab.path("free").exists() && !lab.path("once").exists());
}
