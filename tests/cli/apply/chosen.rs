//! Which steps are done, and within which limits: each option does what it says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use tests::server::{Content, Route, Server};

use super::{apply, ends, lab, text};
use crate::lab::{Lab, sha256};
use crate::said::{Said, run};

const CHAIN: &str = "\
- {id: a, file: {dest: a, content: x}}
- {id: b, needs: [a], file: {dest: b, content: x}}
- {id: c, needs: [b], file: {dest: c, content: x}}
- {id: d, needs: [], file: {dest: d, content: x}}
";

fn chosen(args: &[&str]) -> (i32, String) {
    let (code, steps) = ends(&lab(CHAIN), args);
    (code, steps.join(", "))
}

#[test]
fn only_brings_what_is_needed_and_skip_leaves_what_needs_it() {
    assert_eq!(chosen(&["--only", "b"]), (0, "a changed, b changed, c not_selected, d not_selected".into()));
    assert_eq!(chosen(&["--only", "b,d"]).1, "a changed, b changed, c not_selected, d changed");
    assert_eq!(chosen(&["--skip", "b"]), (0, "a changed, b not_selected, c not_selected, d changed".into()));
    assert_eq!(
        chosen(&["--only", "c", "--skip", "b"]).1,
        "a changed, b not_selected, c needs, d not_selected"
    );
    let said = apply(&lab(CHAIN), &["--only", "d"]);
    assert!(said.out.starts_with("p: 4 steps  changed 1  not asked for 3  "), "{}", said.out);
    assert!(!said.err.contains("not asked for"), "{}", said.err);
}

#[test]
fn what_is_asked_for_and_left_out_is_a_wrong_command_line() {
    let lab = lab(CHAIN);
    for (args, said) in [
        (
            &["--only", "a", "--mark-done", "d"][..],
            "`--mark-done` names the step `d`, which `--only` leaves out",
        ),
        (&["--only", "a", "--rerun", "c"], "`--rerun` names the step `c`, which `--only` leaves out"),
        (&["--skip", "b", "--rerun", "b"], "`--rerun` names the step `b`, which `--skip` leaves out"),
        (&["--skip", "a", "--mark-done", "b"], "`--mark-done` names the step `b`, which `--skip` leaves out"),
        (&["--mark-done", "a", "--rerun", "a"], "`--rerun` and `--mark-done` both name the step `a`"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let wrong = apply(&lab, &[args, more].concat());
            assert_eq!(wrong.code, 2, "{args:?}: {}", wrong.err);
            assert!(wrong.err.starts_with(&format!("error: {said}\n")), "{}", wrong.err);
        }
    }
    assert!(["a", "b", "c", "d"].iter().all(|name| !lab.path(name).exists()), "nothing is done");
    // What the one brings along the other may name.
    assert_eq!(apply(&lab, &["--only", "b", "--rerun", "a"]).code, 0);
}

#[test]
fn a_step_of_an_item_with_a_comma_is_named_as_it_is_called() {
    let steps = "- {id: at, each: [\"x,y\", z], command: {argv: [test, \"${item}\", \"=\", z], always: true}}\n\
                 - {id: end, needs: [], file: {dest: end, content: x}}\n";
    let (code, ends) = ends(&lab(steps), &["--only", "at[x,y],end"]);
    assert_eq!((code, ends.join(" ").as_str()), (1, "at[x,y] failed at[z] not_selected end changed"));
    let said = apply(&lab(steps), &["--only", "at[x,y],end"]);
    let next =
        said.err.lines().find_map(|line| line.strip_prefix("next: vps-configurator apply p.yaml ")).unwrap();
    assert!(next.starts_with("--only 'at[x,y],end'"), "as a shell takes it: {next}");
}

#[test]
fn the_name_of_a_list_stands_for_all_of_its_items() {
    let lab = lab("- {id: page, each: [a, b], command: {shell: \"echo $item >>log\", once: true}}\n\
         - {id: end, file: {dest: end, content: x}}\n");
    let of = |args: &[&str]| {
        let (code, ends) = ends(&lab, args);
        (code, ends.join(", "))
    };
    let all = |ends: [&str; 3]| (0, format!("page[a] {}, page[b] {}, end {}", ends[0], ends[1], ends[2]));
    assert_eq!(of(&["--skip", "page"]), all(["not_selected", "not_selected", "changed"]));
    assert_eq!(of(&["--only", "page"]), all(["changed", "changed", "not_selected"]));
    assert_eq!(of(&["--rerun", "page"]), all(["changed", "changed", "satisfied"]));
    let said = run(&lab, &["plan", "forget", "p.yaml", "page"]);
    assert_eq!((said.code, said.out.as_str()), (0, "forgot page[a]\nforgot page[b]\n"), "{}", said.err);
    assert_eq!(of(&["--mark-done", "page"]), all(["satisfied", "satisfied", "satisfied"]));
    assert_eq!(text(&lab, "log"), "a\nb\na\nb\n");
    assert_eq!(run(&lab, &["plan", "forget", "p.yaml", "pag"]).code, 7);
    assert_eq!(apply(&lab, &["--only", "pag"]).code, 2);
}

#[test]
fn what_is_done_once_is_done_again_only_when_it_is_asked_for() {
    let lab = lab("- {id: once, command: {shell: \"echo run >>log\", once: true}}\n");
    for (args, code, runs) in [
        (&[] as &[&str], 0, 1),
        (&[], 0, 1),
        // What cannot be looked at is not done anew by looking again.
        (&["--recheck"], 0, 1),
        (&["--rerun", "once"], 0, 2),
        (&[], 0, 2),
    ] {
        assert_eq!(apply(&lab, args).code, code);
        assert_eq!(text(&lab, "log").lines().count(), runs, "{args:?}");
    }
}

#[test]
fn what_was_done_by_hand_is_not_done() {
    let lab = lab("- {id: once, command: {shell: \"echo run >>log\", once: true}}\n");
    assert_eq!(ends(&lab, &["--mark-done", "once"]), (0, vec!["once satisfied".to_owned()]));
    assert_eq!(apply(&lab, &[]).code, 0);
    assert_eq!(text(&lab, "log"), "");
}

#[test]
fn a_recheck_believes_no_earlier_look() {
    let server = Server::start();
    let content = Content::seeded(1, 1_000);
    let list = format!("{}  f\n", sha256(&content.bytes()));
    server.route("/f", Route::content(content));
    server.route("/SUMS", Route::content(Content::fixed(list)));
    let lab = lab(&format!(
        "- {{id: f, download: {{url: \"{}\", checksum: \"{}\", dest: f}}}}\n",
        server.url("/f"),
        server.url("/SUMS")
    ));
    for (args, lists) in [(&[] as &[&str], 1), (&[], 1), (&["--recheck"], 2)] {
        let said = apply(&lab, args);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(server.log().of("/SUMS").len(), lists, "{args:?}");
    }
}

#[test]
fn two_jobs_are_two_commands_at_once() {
    // Each waits for the other.
    let steps = "- {id: a, needs: [], timeout: 2s, command: {shell: \"echo x >pipe\", always: true}}\n\
                 - {id: b, needs: [], timeout: 2s, command: {shell: \"read x <pipe\", always: true}}\n";
    let lab = lab(&steps.replace("2s", "1m"));
    super::pipe(&lab, "pipe");
    assert_eq!(ends(&lab, &["--jobs", "2"]), (0, vec!["a changed".to_owned(), "b changed".to_owned()]));
    super::plan(&lab, steps);
    assert_eq!(ends(&lab, &["--jobs", "1"]), (1, vec!["a failed".to_owned(), "b failed".to_owned()]));
}

#[test]
fn a_failure_that_is_allowed_is_a_warning_unless_it_is_strict() {
    let steps = "- {id: a, on_failure: continue, command: {shell: \"exit 9\", creates: no}}\n\
                 - {id: b, needs: [a], file: {dest: b, content: x}}\n";
    let said = apply(&lab(steps), &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("\nwarning: p.yaml:4: a: ") && !said.err.contains("error:"), "{}", said.err);
    assert!(said.out.starts_with("p: 2 steps  changed 1  failed 1  "), "{}", said.out);
    assert_eq!(apply(&lab(steps), &["--strict"]).code, 1);
}

#[test]
fn after_the_limit_nothing_is_begun() {
    let lab = lab(
        "- {id: long, command: {argv: [sleep, \"1.1\"], always: true}}\n- {id: rest, file: {dest: rest, content: x}}\n",
    );
    assert_eq!(
        ends(&lab, &["--limit-time", "1s"]),
        (4, vec!["long changed".to_owned(), "rest out_of_time".to_owned()]),
        "what is begun is done"
    );
    assert!(!lab.path("rest").exists());
}

#[test]
fn an_open_circuit_is_waited_for_when_it_is_asked() {
    let server = Server::start();
    server.route("/f", Route::of(100));
    let lab = lab(&format!("- {{id: f, download: {{url: \"{}\", dest: f}}}}\n", server.url("/f")));
    for wait in ["--wait", "--wait=9m"] {
        drop(std::fs::remove_file(lab.path("f")));
        run(&lab, &["circuit-breaker", "open", "external_downloads"]);
        let mut child = lab.start(&["apply", "p.yaml", wait]);
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("f waits, ") {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
        let most = if wait == "--wait" { "f waits, 10m00s at most\n" } else { "f waits, 9m00s at most\n" };
        let (short, long) = (said.contains(" 8m59s at most"), said.contains(" 9m59s at most"));
        assert!(said.contains(most) || (if wait == "--wait" { long } else { short }), "{said}");
        run(&lab, &["circuit-breaker", "reset", "external_downloads"]);
        assert!(child.wait().unwrap().success());
        assert!(lab.path("f").exists());
    }
}

/// The plan comes by standard input.
fn piped(lab: &Lab, args: &[&str], text: &str) -> Said {
    let mut child = lab.command(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_plan_comes_by_standard_input_too() {
    let lab = Lab::new();
    let json = r#"{"version": 1, "name": "made", "steps": [{"id": "a", "file": {"dest": "out", "content": "x"}},
        {"id": "b", "command": {"argv": ["false"], "creates": "no"}}]}"#;
    let said = piped(&lab, &["apply", "-"], json);
    assert_eq!(said.code, 1);
    assert_eq!(lab.read("out").unwrap(), b"x", "beside the folder we are in");
    assert!(said.err.contains("error: standard input:2: b: "), "{}", said.err);
    assert!(said.out.starts_with("made: 2 steps  changed 1  failed 1  "), "{}", said.out);
}
