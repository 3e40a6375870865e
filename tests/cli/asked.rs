//! While somebody types, at a question or as standard input, a signal ends the program as anywhere else.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tests::wait_until;

use crate::lab::Lab;
use crate::pseudo_terminal::PseudoTerminal;
use crate::said::{Said, run};

/// A folder with a plan whose one step has failed, of which there is a letter.
fn failed() -> Lab {
    let lab = Lab::new();
    let plan = "{version: 1, name: p, steps: [{id: a, command: {shell: exit 1, always: true}}]}";
    fs::write(lab.path("p.yaml"), plan).unwrap();
    assert_eq!(run(&lab, &["apply", "p.yaml"]).code, 1);
    lab
}

/// Whether the thread that reads is there: whoever is asked is heard only then.
fn reads(pid: Pid) -> bool {
    let threads =
        fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).into_iter().flatten().flatten();
    let mut names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names.any(|name| name.trim_end() == "stdin")
}

/// The program with a pipe as its input, of which nothing comes, once it reads it.
fn waiting(lab: &Lab, args: &[&str]) -> Child {
    let mut command = lab.command(args);
    let child = command.stdin(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    wait_until("a reader of standard input", || reads(pid).then_some(()));
    child
}

#[test]
fn a_signal_ends_the_wait_for_a_plan_from_standard_input() {
    let lab = Lab::new();
    let touch = "{version: 1, name: p, steps: [{id: a, file: {dest: made, content: x}}]}";
    // What is known of a plan is looked for only where there is a store.
    run(&lab, &["circuit-breaker", "reset", "--all", "--yes"]);
    for args in
        [&["apply", "-"][..], &["plan", "check", "-"], &["plan", "show", "-"], &["plan", "status", "-"]]
    {
        for (sent, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::QUIT, 3)] {
            let mut child = waiting(&lab, args);
            let mut pipe = child.stdin.take().unwrap();
            // All of it is there, and that nothing more comes is not.
            pipe.write_all(touch.as_bytes()).unwrap();
            kill_process(Pid::from_child(&child), sent).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.signal(), Some(number), "{args:?}");
            drop(pipe);
            let said = Said::from(output);
            let end = "error: stopped before standard input was read to its end\n";
            assert!(said.err.ends_with(end), "{args:?}: {}", said.err);
            assert!(said.out.is_empty() && !lab.path("made").exists(), "{args:?}: {}", said.out);
        }
    }
}

#[test]
fn a_signal_at_a_question_is_no_answer_and_nothing_is_done() {
    for (args, question) in [
        (&["dead-letter", "drop", "--all"][..], "drop 1 dead letter? [y/N]"),
        (&["plan", "forget", "p.yaml"], "forget 1 steps of the plan p? [y/N]"),
        (&["circuit-breaker", "reset", "--all"], "reset every circuit? [y/N]"),
    ] {
        for (sent, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::QUIT, 3)] {
            let lab = failed();
            run(&lab, &["circuit-breaker", "open", "github"]);
            let mut terminal = PseudoTerminal::start(&lab.command(args));
            terminal.wait_for_text(question);
            let pid = terminal.pid();
            wait_until("a reader of the answer", || reads(pid).then_some(()));
            // As a terminal sends it, or as somebody else does.
            match sent {
                Signal::INT => terminal.press("\u{3}"),
                Signal::QUIT => terminal.press("\u{1c}"),
                _ => kill_process(pid, sent).unwrap(),
            }
            terminal.wait_for_text("error: stopped before it was answered; nothing was done");
            assert_eq!(terminal.end().signal(), Some(number), "{args:?}");
            let lines = terminal.screen();
            assert!(lines.lines().any(|line| line.starts_with("WARNING: stopping")), "{lines}");
            assert!(run(&lab, &["dead-letter", "list"]).out.contains("step a of p"), "{args:?}");
            assert!(run(&lab, &["plan", "status", "p"]).out.contains("a  "), "{args:?}");
            let circuit = run(&lab, &["circuit-breaker", "status", "github"]).out;
            assert!(circuit.contains("held open by hand"), "{args:?}: {circuit}");
        }
    }
}

#[test]
fn whoever_answers_is_heard() {
    let lab = failed();
    for (answer, left) in [("n\n", true), ("y\n", false)] {
        let mut terminal = PseudoTerminal::start(&lab.command(&["dead-letter", "drop", "--all"]));
        terminal.wait_for_text("[y/N]");
        terminal.press(answer);
        assert!(terminal.end().success(), "{}", terminal.screen());
        assert_eq!(run(&lab, &["dead-letter", "list"]).out.contains("step a of p"), left);
    }
}

#[test]
fn a_plan_from_a_folder_that_is_gone_says_what_is_missing() {
    let lab = Lab::new();
    let gone = lab.path("gone");
    fs::create_dir(&gone).unwrap();
    let inner = lab.command(&["apply", "-"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "cd gone && rmdir ../gone && exec \"$0\" \"$@\""]);
    shell.arg(inner.get_program()).args(inner.get_args()).current_dir(lab.folder.path());
    shell.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = Said::from(shell.stdin(Stdio::null()).output().unwrap());
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("error: the folder that we are in cannot be found\n"), "{}", said.err);
}
