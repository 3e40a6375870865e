//! Colour, signs and bars: only where they can be shown, and never the only thing that says it.

use std::process::Command;

use tests::server::{Behaviour, Route, Server};

use crate::lab::Lab;
use crate::said::{Said, is_there, run, run_with};

const ESCAPE: char = '\u{1b}';

/// A failed download: it has an error, a warning and hints.
fn failed(variables: &[(&str, &str)], args: &[&str]) -> Said {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::status(500)).then(Behaviour::status(404)));
    let url = server.url("/f");
    run_with(&lab, variables, &[args, &["download", &url]].concat())
}

#[test]
fn colour_is_off_away_from_a_terminal_unless_it_is_forced() {
    let is_coloured =
        |variables: &[(&str, &str)], args: &[&str]| failed(variables, args).err.contains(ESCAPE);
    assert!(!is_coloured(&[], &[]));
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(is_coloured(&[], &["--color", "always"]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(!is_coloured(&[], &["--color", "always", "--log-format", "json"]), "JSON is never coloured");
}

#[test]
fn signs_need_a_utf8_locale_and_words_do_not() {
    for locale in ["C.UTF-8", "de_DE.utf8"] {
        let said = failed(&[("LC_ALL", locale)], &[]);
        assert!(said.err.contains("WARNING: ⚠️  Attempt 1 failed: The server answered 500"), "{}", said.err);
    }
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1"] {
        let said = failed(&[("LC_ALL", locale)], &[]);
        assert!(
            said.err.contains("WARNING: [warn] Attempt 1 failed: The server answered 500"),
            "{}",
            said.err
        );
        assert!(said.err.is_ascii(), "{}", said.err);
    }
    let said = failed(&[("LC_ALL", ""), ("LC_CTYPE", "C"), ("LANG", "C.UTF-8")], &[]);
    assert!(said.err.is_ascii(), "the first that is set: {}", said.err);
}

/// A run at a terminal of 80 columns, and all that the terminal was sent.
pub(crate) fn at_terminal(lab: &Lab, variables: &[(&str, &str)], args: &[&str]) -> Option<String> {
    at_terminal_of(80, lab, variables, args)
}

fn at_terminal_of(columns: usize, lab: &Lab, variables: &[(&str, &str)], args: &[&str]) -> Option<String> {
    if !is_there("script") {
        return None;
    }
    let inner = lab.command(args);
    let words: Vec<String> =
        inner.get_args().map(|arg| format!("'{}'", arg.to_str().unwrap().replace('\'', "'\\''"))).collect();
    let line = format!(
        "stty cols {columns} rows 24; exec {} {}",
        inner.get_program().to_str().unwrap(),
        words.join(" ")
    );
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(lab.folder.path())
        .env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm").env("SHELL", "/bin/sh").envs(variables.iter().copied());
    Some(String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned())
}

/// What is seen of a line that was written over.
fn seen(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == ESCAPE && rest.next_if_eq(&'[').is_some() {
            while rest.next().is_some_and(|end| !end.is_ascii_alphabetic()) {}
        } else {
            text.push(letter);
        }
    }
    text
}

#[test]
fn at_a_terminal_there_is_a_bar_and_colour() {
    let (lab, server) = (Lab::new(), Server::start());
    // Slow enough to be drawn more than once.
    server.route("/f", Route::of(300_000).then(Behaviour::Throttle { rate: 1_000_000 }));
    let Some(raw) = at_terminal(&lab, &[], &["download", &server.url("/f")]) else { return };
    let text = seen(&raw);
    assert!(raw.contains(ESCAPE), "{raw:?}");
    assert!(text.contains("/292.97 KiB"), "a bar: {raw:?}");
    let last = text.trim_end().lines().last().unwrap().rsplit('\r').next().unwrap();
    assert_eq!(last.trim_start(), "f  293.0 KiB", "{raw:?}");
    for line in text.split(['\r', '\n']) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_bar_fits_a_narrow_terminal() {
    for columns in [20, 40] {
        let (lab, server) = (Lab::new(), Server::start());
        server.route("/f", Route::of(300_000).then(Behaviour::Throttle { rate: 1_000_000 }));
        let args = ["download", &server.url("/f")];
        let Some(raw) = at_terminal_of(columns, &lab, &[], &args) else { return };
        let text = seen(&raw);
        let drawn: Vec<&str> = text.split(['\r', '\n']).filter(|line| line.contains(" KiB")).collect();
        let bars = if columns == 20 { "%" } else { "/292.97 KiB" };
        assert!(drawn.iter().any(|line| line.contains(bars)), "{raw:?}");
        for line in drawn {
            assert!(line.chars().count() <= columns, "{columns}: {line:?}");
        }
    }
}

#[test]
fn a_dumb_terminal_gets_neither_bar_nor_colour() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(300_000).then(Behaviour::Throttle { rate: 1_000_000 }));
    let Some(raw) = at_terminal(&lab, &[("TERM", "dumb")], &["download", &server.url("/f")]) else { return };
    assert!(!raw.contains(ESCAPE), "{raw:?}");
    assert!(!raw.contains("/292.97 KiB"), "{raw:?}");
    assert!(raw.contains("f  293.0 KiB"), "{raw:?}");
}

#[test]
fn no_color_is_obeyed_at_a_terminal() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::status(404)));
    let Some(raw) = at_terminal(&lab, &[("NO_COLOR", "1")], &["download", &server.url("/f")]) else { return };
    assert!(raw.contains("error: could not download"), "{raw:?}");
    assert!(!raw.contains("\u{1b}[31m") && !raw.contains("\u{1b}[1m"), "{raw:?}");
    let raw = at_terminal(&lab, &[], &["download", &server.url("/f")]).unwrap();
    assert!(raw.contains("\u{1b}[31m"), "{raw:?}");
}

#[test]
fn reset_all_asks_at_a_terminal() {
    let lab = Lab::new();
    run(&lab, &["circuit-breaker", "open", "github"]);
    // `script` gives the end of its input on, which is no yes.
    let Some(raw) = at_terminal(&lab, &[], &["circuit-breaker", "reset", "--all"]) else { return };
    assert!(raw.contains("reset every circuit? [y/N]"), "{raw:?}");
    assert!(raw.contains("nothing was reset"), "{raw:?}");
    let status = run(&lab, &["circuit-breaker", "status", "github"]);
    assert!(status.out.contains("held open by hand"), "{}", status.out);
}

#[test]
fn a_command_can_ask_at_the_terminal_whatever_its_input_is() {
    if !is_there("script") {
        return;
    }
    let lab = Lab::new();
    let inner = lab.command(&[]);
    let script = format!(
        "{} -q run --retries 1 --timeout 2 -- sh -c 'read x </dev/tty; echo \"got $x\"; sleep 1000 & echo $! >pid; sleep 1000' </dev/null",
        inner.get_program().to_str().unwrap()
    );
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &script, "/dev/null"]).current_dir(lab.folder.path());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm").env("SHELL", "/bin/sh");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"secret\n").unwrap();
    let said = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("got secret"), "{said}");
    // It was in our process group, and so was what it started: both are ended all the same.
    let pid = String::from_utf8(lab.read("pid").unwrap()).unwrap();
    assert!(crate::signals::is_gone(pid.trim()), "{pid}");
}
