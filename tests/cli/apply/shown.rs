//! What is seen of a run: in words, in colours, in less of both, and as JSON.

use std::fs;

use serde_json::Value;
use tests::server::{Route, Server};

use super::{apply, heard, lab};
use crate::said::{run, run_with};
use crate::terminal::at_terminal;

const ESCAPE: char = '\u{1b}';

const STEPS: &str = "\
- {id: conf, file: {dest: conf, content: x}}
- {id: bad, command: {shell: \"echo \\\"\\\\033[2Jclear\\\"; exit 3\", creates: no}}
- {id: needy, needs: [bad], file: {dest: needy, content: x}}
";

#[test]
fn quiet_says_only_what_failed_and_quieter_nothing() {
    let said = apply(&lab(STEPS), &["-q"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.starts_with("error: p.yaml:5: bad: "), "{}", said.err);
    assert!(!said.err.contains("next: "), "{}", said.err);
    let said = apply(&lab(STEPS), &["-qq"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, "", ""));
    let said = apply(&lab("- {id: conf, file: {dest: conf, content: x}}\n"), &["-q"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

#[test]
fn colours_and_signs_are_there_only_where_they_can_be_shown() {
    let said = apply(&lab(STEPS), &[]);
    assert!(!said.err.contains(ESCAPE) && said.err.contains("✔ conf "), "{}", said.err);
    assert!(
        said.err.contains("\n  | \\u{1b}[2Jclear\n"),
        "what a command says moves no cursor: {}",
        said.err
    );
    let said = apply(&lab(STEPS), &["--color", "always"]);
    assert!(said.err.contains("\u{1b}[32m✔\u{1b}[0m conf "), "{:?}", said.err);
    let said = run_with(&lab(STEPS), &[("LC_ALL", "C")], &["apply", "p.yaml"]);
    assert!(
        said.err.is_ascii() && said.err.contains("+ conf ") && said.err.contains("\nx bad "),
        "{}",
        said.err
    );
}

#[test]
fn lines_end_in_the_column_80_and_long_ones_are_cut_at_a_terminal_only() {
    let long = "x".repeat(100);
    let steps = format!(
        "- {{id: a, file: {{dest: a, content: x}}}}\n- {{id: long, file: {{dest: {long}, content: x}}}}\n"
    );
    let said = apply(&lab(&steps), &[]);
    let widths: Vec<usize> = said.err.lines().map(|line| line.chars().count()).collect();
    assert!(said.err.contains(&long), "a file has room: {}", said.err);
    assert!(widths[0] >= 80, "{}", said.err);
    let Some(seen) = at_terminal(&lab(&steps), &[], &["apply", "p.yaml"]) else { return };
    assert!(seen.contains('…') && !seen.contains(&long), "{seen}");
}

#[test]
fn programs_hear_each_step_and_then_all_of_it() {
    let (said, lines) = heard(&lab(STEPS), &[]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    let (report, events) = lines.split_last().unwrap();
    let ended = |step: &str| -> Vec<&Value> {
        events.iter().filter(|event| event["step"] == step && event["event"] == "ended").collect()
    };
    assert_eq!(ended("conf")[0]["status"], "changed");
    assert_eq!(ended("bad")[0]["status"], "failed");
    assert_eq!((ended("needy").len(), &ended("needy")[0]["status"]), (1, &"blocked".into()));
    let bad = &report["steps"][1];
    assert_eq!((&bad["line"], &bad["error"]["attempts"]), (&5.into(), &1.into()), "{bad}");
    assert_eq!(bad["error"]["tail"][0], "\\u{1b}[2Jclear");
    assert_eq!(
        (&report["plan"], &report["stopped"], &report["gone"]),
        (&"p".into(), &false.into(), &Value::Array(vec![]))
    );
    let (said, lines) = heard(&lab(STEPS), &["--dry-run"]);
    assert_eq!((said.code, &lines.last().unwrap()["dry_run"]), (0, &true.into()));
    assert_eq!(lines.last().unwrap()["steps"][0]["status"], "would_change");
}

#[test]
fn where_the_log_is_json_each_line_is() {
    let said = run(&lab(STEPS), &["--log-format", "json", "apply", "p.yaml"]);
    let lines = said.json_lines();
    let has = |words: &str| {
        lines.iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains(words)))
    };
    assert!(has("conf (file): wrote ") && has("p.yaml:5: bad: ") && has("next: "), "{}", said.err);
    assert!(said.out.starts_with("p: 3 steps  "), "{}", said.out);
}

#[test]
fn what_an_odd_plan_does_is_hinted_at_and_done() {
    let said = apply(&lab("- {id: conf, file: {dest: conf, content: \"${fact.os}\"}}\n"), &[]);
    assert_eq!(said.code, 0);
    assert!(said.err.starts_with("WARNING: "), "{}", said.err);
    assert!(said.err.contains("p.yaml:4:"), "{}", said.err);
}

#[test]
fn what_to_type_next_begins_with_the_name_it_was_run_by() {
    let lab = lab(STEPS);
    let own = lab.path("site-setup");
    std::os::unix::fs::symlink(lab.command(&[]).get_program(), &own).unwrap();
    let mut command = lab.command(&["apply", "p.yaml"]);
    let mut renamed = std::process::Command::new(&own);
    renamed.args(command.get_args()).current_dir(lab.folder.path()).env_clear();
    renamed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = crate::said::Said::from(renamed.output().unwrap());
    assert!(said.err.contains("\nnext: site-setup apply p.yaml"), "{}", said.err);
    let said = crate::said::Said::from(command.output().unwrap());
    assert!(said.err.contains("\nnext: vps-configurator apply p.yaml"), "{}", said.err);
}

#[test]
fn what_is_odd_about_a_download_is_told_once_with_its_step() {
    let server = Server::start();
    server.route("/e.tar", Route::of(0));
    let plan = format!("- {{id: e, download: {{url: \"{}\", dest: e.tar}}}}\n", server.url("/e.tar"));
    let lab = lab(&plan);
    // Somebody else's, where the part would be.
    fs::write(lab.path(".e.tar.part"), "mine").unwrap();
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("WARNING: e: `e.tar` is empty"), "{}", said.err);
    assert_eq!(said.err.matches("is not safe to use").count(), 1, "{}", said.err);
    fs::write(lab.path(".f.tar.part"), "mine").unwrap();
    let said = run(&lab, &["download", &server.url("/e.tar"), "f.tar"]);
    assert_eq!(said.err.matches("is not safe to use").count(), 1, "{}", said.err);
    assert_eq!(said.err.matches("is empty").count(), 1, "{}", said.err);
}

#[test]
fn two_plans_of_one_name_are_told_of() {
    let lab = lab("- {id: a, file: {dest: a, content: x}}\n");
    assert_eq!(apply(&lab, &[]).code, 0);
    let text = fs::read_to_string(lab.path("p.yaml")).unwrap();
    fs::write(lab.path("other.yaml"), text).unwrap();
    let said = run(&lab, &["apply", "other.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("another plan is called p, too: "), "{}", said.err);
    // What was moved is the same one.
    fs::remove_file(lab.path("p.yaml")).unwrap();
    assert!(!run(&lab, &["apply", "other.yaml"]).err.contains("another plan"));
}
