//! What is under way, drawn at a terminal.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
use tests::server::{Behaviour, Gate, Route, Server};

use super::lab;
use crate::lab::Lab;
use crate::pseudo_terminal::PseudoTerminal;
use crate::said::is_there;

/// A slow download, a command that says a lot and fails when it may, and one that waits for the download.
fn steps(server: &Server) -> String {
    let url = server.url("/f");
    format!(
        "\
- {{id: conf, file: {{dest: conf, content: x}}}}
- {{id: app, needs: [], download: {{url: \"{url}\", dest: app}}}}
- {{id: bad, needs: [], command: {{shell: \"seq 30; until test -e go; do sleep 0.02; done; exit 3\", creates: no}}}}
- {{id: after, needs: [app], file: {{dest: after, content: x}}}}
"
    )
}

fn start(lab: &Lab, variables: &[(&str, &str)]) -> PseudoTerminal {
    let mut command: Command = lab.command(&["apply", "p.yaml"]);
    command.env("TERM", "xterm").env("SHELL", "/bin/sh").envs(variables.iter().copied());
    PseudoTerminal::start(&command)
}

/// The rows that are drawn, from the header on.
fn drawn(terminal: &PseudoTerminal) -> Vec<String> {
    let screen = terminal.screen();
    let lines = screen.lines().map(str::to_owned).skip_while(|line| !line.starts_with("p 1 of 4 "));
    lines.take_while(|line| !line.is_empty()).collect()
}

#[test]
fn what_runs_has_rows_below_what_was_said_and_none_stay() {
    let (server, gate) = (Server::start(), Gate::new());
    server.route("/f", Route::of(300_000).then(Behaviour::Hold { after: 100_000, gate: gate.clone() }));
    let lab = lab(&steps(&server));
    if !is_there("setsid") {
        return;
    }
    let mut terminal = start(&lab, &[]);
    terminal.wait_for_text("   1 waits for app");
    terminal.wait_for_text(" of 293.0 KiB");
    let rows = drawn(&terminal);
    assert!(rows[0].starts_with("p 1 of 4   changed 1 ") && rows[0].ends_with('s'), "{rows:?}");
    assert!(rows[1].contains(" app ") && rows[1].contains(" download "), "{rows:?}");
    assert!(rows[2].contains(" bad ") && rows[2].contains(" running "), "{rows:?}");
    assert_eq!((rows.len(), rows[3].as_str()), (4, "   1 waits for app"));
    let said = |terminal: &PseudoTerminal| terminal.screen().lines().next().unwrap().to_owned();
    assert!(said(&terminal).starts_with("✔ conf "), "{}", terminal.screen());
    // There is room for the header and what stands for the others only; and then for less.
    terminal.resize(60, 5);
    terminal.wait_for_text("   and 2 more");
    assert_eq!(drawn(&terminal).len(), 2, "{}", terminal.screen());
    assert!(drawn(&terminal)[0].chars().count() <= 60, "{}", terminal.screen());
    terminal.resize(80, 24);
    terminal.wait_for_text("   1 waits for app");
    std::fs::write(lab.path("go"), "").unwrap();
    terminal.wait_for_text("✖ bad ");
    gate.open();
    assert_eq!(terminal.end().code(), Some(1));
    let screen = terminal.screen();
    // The last lines of what failed, and where all of them are; and nothing that was drawn.
    for text in ["  | 30\n  all that it said: ", "p: 4 steps  changed 3  failed 1  ", "next: "] {
        assert!(screen.contains(text), "{text:?}\n{screen}");
    }
    assert!(
        !screen.contains("p 2 of 4") && !screen.contains("waits for") && !screen.contains("fetching"),
        "{screen}"
    );
    assert!(!terminal.raw.contains("\u{1b}[?25l"), "the cursor is never hidden");
}

#[test]
fn a_stop_leaves_no_rows_and_says_what_is_left() {
    let (server, gate) = (Server::start(), Gate::new());
    server.route("/f", Route::of(300_000).then(Behaviour::Hold { after: 100_000, gate }));
    let lab = lab(&steps(&server));
    if !is_there("setsid") {
        return;
    }
    let mut terminal = start(&lab, &[("LC_ALL", "C"), ("NO_COLOR", "1")]);
    terminal.wait_for_text("   1 waits for app");
    kill_process(terminal.pid(), Signal::INT).unwrap();
    assert_eq!(terminal.end().signal(), Some(Signal::INT.as_raw()));
    let (screen, raw) = (terminal.screen(), &terminal.raw);
    assert!(screen.contains("stopping (again to end at once)") && screen.contains("p: 4 steps "), "{screen}");
    assert!(!screen.contains("p 1 of 4") && !screen.contains("waits for"), "{screen}");
    assert!(raw.is_ascii(), "{raw:?}");
    let is_colour = |piece: &&str| piece.chars().find(char::is_ascii_alphabetic) == Some('m');
    let colours = raw.split('\u{1b}').skip(1).filter(is_colour);
    assert_eq!(colours.count(), 0, "{raw:?}");
}

#[test]
fn who_comes_back_from_a_stop_draws_below_what_was_written_meanwhile() {
    let (server, gate) = (Server::start(), Gate::new());
    server.route("/f", Route::of(300_000).then(Behaviour::Hold { after: 100_000, gate: gate.clone() }));
    let lab = lab(&steps(&server));
    if !is_there("setsid") {
        return;
    }
    let mut terminal = start(&lab, &[]);
    terminal.wait_for_text("   1 waits for app");
    kill_process(terminal.pid(), Signal::STOP).unwrap();
    let stopped = waitpid(Some(terminal.pid()), WaitOptions::UNTRACED).unwrap();
    assert!(stopped.is_some_and(|(_, status)| status.stopped()));
    // Whatever it wrote before it stopped comes first.
    while terminal.read(std::time::Duration::ZERO) > 0 {}
    terminal.write_beside("[1]+  Stopped\r\n$ fg\r\n");
    terminal.wait_for_text("$ fg");
    kill_process(terminal.pid(), Signal::CONT).unwrap();
    let is_below = |terminal: &PseudoTerminal| {
        let screen = terminal.screen();
        screen.split_once("$ fg\n").is_some_and(|(_, below)| below.contains("   1 waits for app"))
    };
    terminal.wait_for("rows below what was written", is_below);
    assert!(terminal.screen().contains("[1]+  Stopped\n$ fg\np 1 of 4 "), "{}", terminal.screen());
    std::fs::write(lab.path("go"), "").unwrap();
    gate.open();
    assert_eq!(terminal.end().code(), Some(1));
    let (_, below) = terminal.raw.rsplit_once("$ fg").unwrap();
    assert!(below.contains("p: 4 steps "), "{below:?}");
}
