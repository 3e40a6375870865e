//! Two runs at once: one works, and the other is told who does.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;

use rustix::process::{Pid, Signal, kill_process};
use tests::wait_until;

use super::{apply, lab, pipe, text};
use crate::said::{Said, run};

const HELD: &str = "- {id: held, command: {shell: \"echo run >>log; read word <go\", always: true}}\n";

#[test]
fn the_second_run_ends_with_7_and_names_the_first_or_waits_for_it() {
    let lab = lab(HELD);
    pipe(&lab, "go");
    let first = lab.start(&["apply", "p.yaml"]);
    wait_until("the command", || (text(&lab, "log") == "run\n").then_some(()));
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 7);
    let owner = format!("error: another run is at work: process {} runs the plan p\n", first.id());
    assert_eq!(said.err, format!("{owner}hint: wait for it with `--wait-lock 10m`\n"));
    let error = run(&lab, &["--json", "-q", "apply", "p.yaml"]).error();
    assert_eq!((&error["code"], &error["kind"]), (&7.into(), &"local".into()));
    assert_eq!(apply(&lab, &["--wait-lock", "0.3s"]).code, 7, "not for ever");
    // Whoever only looks is in nobody's way.
    assert_eq!(apply(&lab, &["--dry-run"]).code, 0);
    let stopped = lab.start(&["apply", "p.yaml", "--wait-lock", "1m"]);
    // Sooner it would end the process without a word of ours.
    let status = format!("/proc/{}/status", stopped.id());
    wait_until("the handler of SIGINT", || {
        let text = fs::read_to_string(&status).ok()?;
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        (u64::from_str_radix(caught.trim(), 16).ok()? & 0b10 != 0).then_some(())
    });
    kill_process(Pid::from_raw(i32::try_from(stopped.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let stopped = stopped.wait_with_output().unwrap();
    assert_eq!(stopped.status.signal(), Some(2));
    let words = String::from_utf8(stopped.stderr).unwrap();
    assert!(words.contains("stopped while it waited for another run"), "{words}");
    let second = lab.start(&["apply", "p.yaml", "--wait-lock", "1m"]);
    assert_eq!(text(&lab, "log"), "run\n");
    let mut go = fs::File::options().read(true).write(true).open(lab.path("go")).unwrap();
    go.write_all(b"first\n").unwrap();
    assert_eq!(Said::from(first.wait_with_output().unwrap()).code, 0);
    wait_until("the second command", || (text(&lab, "log") == "run\nrun\n").then_some(()));
    go.write_all(b"second\n").unwrap();
    assert_eq!(Said::from(second.wait_with_output().unwrap()).code, 0);
}

#[test]
fn the_lock_of_a_run_that_was_killed_is_free() {
    let lab = lab(
        "- {id: held, timeout: 1s, command: {shell: \"echo run >>log; exec sleep 1000\", always: true}}\n",
    );
    let mut child = lab.start(&["apply", "p.yaml"]);
    wait_until("the command", || (text(&lab, "log") == "run\n").then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    super::plan(&lab, "- {id: other, file: {dest: other, content: x}}\n");
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
}
