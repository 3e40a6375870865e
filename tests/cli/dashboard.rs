//! The dashboard on a real terminal: what is seen there, and how the terminal is afterwards.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use rustix::termios::Termios;
use tests::server::{Route, Server};

use crate::lab::Lab;
use crate::pseudo_terminal::PseudoTerminal;
use crate::said::{is_there, run, run_with};

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// One service on loopback, looked at this often.
fn configured(lab: &Lab, server: &Server, interval: &str) {
    server.route("/", Route::of(1));
    let text = format!(
        "performance:
  health_checks:
    interval: {interval}
    timeout: 0.9s
    degraded_after: 0.3s
    unhealthy_after: 0.6s
    services: [github]
  services:
    github:
      probe:
        url: {}
",
        server.url("/")
    );
    std::fs::write(lab.path("health.yaml"), text).unwrap();
}

fn command(lab: &Lab) -> Command {
    let mut command = lab.command(&["--config", "health.yaml", "dashboard"]);
    command.env("TERM", "xterm").env("SHELL", "/bin/sh");
    command
}

/// The dashboard, once it has seen its service well.
fn up(lab: &Lab, server: &Server, interval: &str) -> Option<PseudoTerminal> {
    if !is_there("setsid") {
        return None;
    }
    configured(lab, server, interval);
    let mut terminal = PseudoTerminal::start(&command(lab));
    terminal.wait_for_text("| 1 HEALTHY");
    Some(terminal)
}

fn flags(settings: &Termios) -> String {
    format!(
        "{:?} {:?} {:?} {:?}",
        settings.input_modes, settings.output_modes, settings.control_modes, settings.local_modes
    )
}

/// Whether the terminal is as a shell wants it: its screen, its cursor, its settings.
fn assert_restored(terminal: &PseudoTerminal, before: &str) {
    assert_eq!(flags(&terminal.settings()), before);
    let raw = &terminal.raw;
    assert_eq!(raw.matches(ENTER).count(), raw.matches(LEAVE).count(), "{raw:?}");
    assert!(raw.rfind(LEAVE) > raw.rfind(ENTER), "{raw:?}");
    assert!(raw.rfind(SHOW_CURSOR) > raw.rfind("\u{1b}[?25l"), "{raw:?}");
}

/// Settings of a terminal that nobody has touched.
fn untouched(lab: &Lab) -> String {
    let mut command = Command::new("true");
    command.current_dir(lab.folder.path());
    let mut terminal = PseudoTerminal::start(&command);
    terminal.end();
    flags(&terminal.settings())
}

#[test]
fn a_service_that_goes_is_seen_going_and_q_gives_the_terminal_back() {
    let (lab, server) = (Lab::new(), Server::start());
    let Some(mut terminal) = up(&lab, &server, "2s") else { return };
    let before = untouched(&lab);
    assert_ne!(flags(&terminal.settings()), before, "it is ours meanwhile");
    assert!(terminal.screen().contains("by this process ("), "{}", terminal.screen());
    drop(server);
    terminal.wait_for_text("failing 1/3: connection refused");
    terminal.wait_for_text("| 1 UNHEALTHY");
    terminal.wait_for_text("github HEALTHY -> UNHEALTHY, connection refused");
    terminal.press("q");
    let status = terminal.end();
    assert_eq!(status.code(), Some(0), "{:?}", terminal.raw);
    assert_restored(&terminal, &before);
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back_first() {
    let lab = Lab::new();
    if !is_there("setsid") {
        return;
    }
    let before = untouched(&lab);
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let server = Server::start();
        let Some(mut terminal) = up(&lab, &server, "60s") else { return };
        kill_process(terminal.pid(), signal).unwrap();
        let status = terminal.end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{:?}", terminal.raw);
        assert_restored(&terminal, &before);
    }
}

/// What a shell with `script` shows that has the dashboard's program as `$0` and its folder as its own.
fn shell(lab: &Lab, script: &str) -> PseudoTerminal {
    let inner = command(lab);
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(inner.get_program()).current_dir(lab.folder.path());
    shell.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    PseudoTerminal::start(&shell)
}

#[test]
fn ctrl_z_or_a_signal_stops_it_with_the_terminal_given_back_and_it_goes_on() {
    if !is_there("setsid") {
        return;
    }
    for is_key in [true, false] {
        let (lab, server) = (Lab::new(), Server::start());
        configured(&lab, &server, "60s");
        let before = untouched(&lab);
        // A shell with jobs: what it starts is in a group of its own, and somebody is there to have it go on.
        let script = "set -m; \"$0\" --config health.yaml dashboard; echo \"stopped $?\"; read x; \
                      fg >/dev/null; echo \"ended $?\"";
        let mut terminal = shell(&lab, script);
        terminal.wait_for_text("| 1 HEALTHY");
        let dashboard = terminal.foreground();
        if is_key {
            terminal.press("\u{1a}");
        } else {
            // To it alone.
            kill_process(dashboard, Signal::TSTP).unwrap();
        }
        terminal.wait_for_text(&format!("stopped {}", 128 + Signal::TTOU.as_raw()));
        assert_restored(&terminal, &before);
        terminal.press("\n");
        terminal.wait_for_text("| 1 HEALTHY");
        assert_ne!(flags(&terminal.settings()), before, "ours again");
        assert_eq!(terminal.foreground(), dashboard);
        terminal.press("q");
        terminal.wait_for_text("ended 0");
        terminal.end();
        assert_restored(&terminal, &before);
    }
}

#[test]
fn whom_nobody_could_have_go_on_no_stop_stops() {
    let (lab, server) = (Lab::new(), Server::start());
    if !is_there("setsid") {
        return;
    }
    let before = untouched(&lab);
    // Nobody else of its session is there; or it was told to ignore it.
    let mut alone = up(&lab, &server, "60s").unwrap();
    let mut told =
        shell(&lab, "set -m; trap '' TSTP; \"$0\" --config health.yaml dashboard; echo \"ended $?\"");
    told.wait_for_text("| 1 HEALTHY");
    for terminal in [&mut alone, &mut told] {
        kill_process(terminal.foreground(), Signal::TSTP).unwrap();
        terminal.press("\u{1a}?");
        terminal.wait_for_text("by whichever process looks");
        terminal.press("\u{1b}");
        terminal.wait_for_text("up/dn select");
        terminal.press("q");
    }
    assert_eq!(alone.end().code(), Some(0));
    told.wait_for_text("ended 0");
    told.end();
    for terminal in [&alone, &told] {
        assert_restored(terminal, &before);
    }
}

#[test]
fn a_terminal_that_vanishes_ends_it() {
    let (lab, server) = (Lab::new(), Server::start());
    let Some(terminal) = up(&lab, &server, "60s") else { return };
    assert_eq!(terminal.vanish().signal(), Some(Signal::HUP.as_raw()));
}

#[test]
fn a_terminal_that_vanishes_without_a_signal_ends_it_too() {
    let (lab, server) = (Lab::new(), Server::start());
    if !is_there("setsid") {
        return;
    }
    configured(&lab, &server, "60s");
    let mut terminal = shell(&lab, "trap '' HUP; exec \"$0\" --config health.yaml dashboard");
    terminal.wait_for_text("| 1 HEALTHY");
    assert_eq!(terminal.vanish().code(), Some(7), "nothing is left to draw on");
}

#[test]
fn where_nothing_changes_nothing_is_written() {
    let (lab, server) = (Lab::new(), Server::start());
    let Some(mut terminal) = up(&lab, &server, "60s") else { return };
    // What follows the first look may still be drawn.
    while terminal.read(Duration::from_millis(1_500)) > 0 {}
    let before = terminal.screen();
    assert_eq!(terminal.read(Duration::from_secs(2)), 0, "{before}\n{}", terminal.screen());
    terminal.press("j?");
    terminal.wait_for_text("by whichever process looks");
    terminal.press("\u{1b}");
    terminal.wait_for_text("up/dn select");
    terminal.press("\u{3}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn p_looks_now_and_r_resets_after_it_asked() {
    let (lab, server) = (Lab::new(), Server::start());
    let Some(mut terminal) = up(&lab, &server, "60s") else { return };
    let asked = server.log().of("/").len();
    terminal.press("p");
    server.wait_for("another look", |log| log.of("/").len() > asked);
    let held = run(&lab, &["circuit-breaker", "open", "github"]);
    assert_eq!(held.code, 0, "{}", held.err);
    terminal.wait_for_text("held open");
    assert!(!terminal.screen().contains("at the earliest"), "a hand holds it: {}", terminal.screen());
    terminal.press("r");
    terminal.wait_for_text("reset the circuit of github? y yes  n no");
    terminal.press("n");
    terminal.wait_for_text("nothing was reset");
    terminal.press("r");
    terminal.wait_for_text("y yes  n no");
    terminal.press("y");
    terminal.wait_for_text("reset the circuit of github");
    terminal.wait_for("closed", |terminal| {
        let screen = terminal.screen();
        screen.lines().any(|line| line.starts_with(">github") && line.contains(" closed "))
    });
    terminal.wait_for("the change, and no more", |terminal| {
        terminal.screen().lines().any(|line| line.ends_with("github circuit open -> closed"))
    });
    terminal.press("q");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn a_second_one_shows_what_the_first_finds() {
    let (lab, server) = (Lab::new(), Server::start());
    let Some(mut first) = up(&lab, &server, "60s") else { return };
    let mut second = PseudoTerminal::start(&command(&lab));
    second.wait_for_text("| 1 HEALTHY");
    let pid = first.pid().as_raw_nonzero();
    second.wait_for_text(&format!("looked at every 1m by process {pid}"));
    first.press("q");
    first.end();
    second.wait_for_text("by this process (");
    second.press("q");
    assert_eq!(second.end().code(), Some(0));
}

#[test]
fn log_lines_wait_until_the_screen_is_given_back() {
    let (lab, server) = (Lab::new(), Server::start());
    if !is_there("setsid") {
        return;
    }
    configured(&lab, &server, "60s");
    let mut terminal = PseudoTerminal::start(&command(&lab));
    terminal.wait_for_text("| 1 HEALTHY");
    kill_process(terminal.pid(), Signal::TERM).unwrap();
    terminal.end();
    let (on_screen, behind) = terminal.raw.rsplit_once(LEAVE).unwrap();
    assert!(behind.contains("stopping (again to end at once)"), "{behind:?}");
    assert!(!on_screen.contains("WARNING"), "{on_screen:?}");
}

#[test]
fn without_a_terminal_or_with_json_it_says_what_else_there_is() {
    let lab = Lab::new();
    let said = run(&lab, &["dashboard"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("needs a terminal") && said.err.contains("health --watch"), "{}", said.err);
    let said = run(&lab, &["dashboard", "--json"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.error().to_string().contains("health --watch --json"), "{}", said.err);
    assert!(said.out.is_empty() && !lab.path("state").exists());
    let said = run_with(&lab, &[("TERM", "dumb")], &["dashboard", "nonsense"]);
    assert_eq!(said.code, 2, "{}", said.err);
}
