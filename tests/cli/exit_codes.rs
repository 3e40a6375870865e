//! The table of exit codes, a test for each.

use std::fs;

use tests::server::{Behaviour, Content, Refusing, Route, Server};

use crate::lab::{Lab, sha256};
use crate::said::{Said, run};

#[test]
fn done_is_0() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 10_000);
    server.route("/f", Route::content(content.clone()));
    let said = run(&lab, &["download", &server.url("/f"), "--sha256", &sha256(&content.bytes())]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.out, "f  9.8 KiB (verified)\n");
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn failed_is_1() {
    let (lab, server, dead) = (Lab::new(), Server::start(), Refusing::start());
    server.route("/gone", Route::of(1).then(Behaviour::status(404)));
    assert_eq!(lab.download(&[&dead.url("/f")]), 1, "after its attempts");
    assert_eq!(lab.download(&[&server.url("/gone")]), 1, "for good");
    server.route("/silent", Route::of(1).then(Behaviour::StallBeforeHeaders));
    let said = run(&lab, &["download", &server.url("/silent"), "--timeout", "0.3s"]);
    assert_eq!(said.code, 1, "out of time");
    assert!(said.err.contains("hint: allow more time with `--timeout`"), "{}", said.err);
}

#[test]
fn an_open_circuit_is_4_before_anything_was_tried_and_1_on_the_way() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(1).then(Behaviour::status(500)));
    let said = run(&lab, &["download", &server.url("/f"), "--retries", "9"]);
    assert_eq!(said.code, 1, "its own error, the circuit as a hint");
    assert!(said.err.contains("hint: see `vps-configurator circuit-breaker status"), "{}", said.err);
    assert_eq!(server.log().of("/f").len(), 9, "who opened it makes all it was asked for");
    assert_eq!(lab.download(&[&server.url("/f")]), 4);
    assert_eq!(server.log().of("/f").len(), 9, "nobody else asks");
}

#[test]
fn wrong_content_is_6() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(1_000));
    let said = run(&lab, &["download", &server.url("/f"), "--sha256", &"0".repeat(64)]);
    assert_eq!(said.code, 6, "{}", said.err);
    assert_eq!(server.log().of("/f").len(), 2, "one fresh fetch");
    assert!(!lab.path("f").exists());
}

/// A run whose standard output is redirected by a shell.
fn redirected(lab: &Lab, args: &[&str], redirection: &str) -> Said {
    let ours = lab.command(args);
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(format!("exec \"$0\" \"$@\" {redirection}")).arg(ours.get_program());
    shell.args(ours.get_args()).current_dir(lab.folder.path()).env_clear();
    shell.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.output().unwrap().into()
}

#[test]
fn output_that_is_all_a_command_is_for_and_goes_nowhere_is_7() {
    let lab = Lab::new();
    let outputs: [&[&str]; 10] = [
        &["config", "show"],
        &["config", "path"],
        &["circuit-breaker", "status"],
        &["circuit-breaker", "status", "--json"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["--version"],
        &["download", "-n", "https://example.com/f"],
        &["connectivity", "-n"],
    ];
    for args in outputs {
        let said = redirected(&lab, args, ">/dev/full");
        assert_eq!(said.code, 7, "{args:?}: {}", said.err);
        let (begins, words) = (
            if args.contains(&"--json") { '{' } else { 'e' },
            "standard output cannot be written: No space left",
        );
        assert!(said.err.starts_with(begins) && said.err.contains(words), "{args:?}: {}", said.err);
        // Supervisors throw words away by one that is to read, too, which looks like one that was closed.
        for redirection in [">/dev/null", "1<>/dev/null"] {
            let said = redirected(&lab, args, redirection);
            assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?} {redirection}");
        }
    }
    let others: [&[&str]; 3] =
        [&["config", "check"], &["circuit-breaker", "open", "github"], &["run", "--", "true"]];
    for args in others {
        assert_eq!(redirected(&lab, args, ">&-").code, 0, "{args:?}");
    }
}

#[test]
fn a_problem_of_this_machine_is_7() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(1_000));
    let said = run(&lab, &["download", &server.url("/f"), "missing/folder/f"]);
    assert_eq!(said.code, 7);
    assert!(said.err.contains("hint: create it with `mkdir -p missing/folder`"), "{}", said.err);
    assert!(!lab.path("missing").exists(), "nothing is created");
    let said = run(&lab, &["download", &server.url("/f"), "/dev/null"]);
    assert_eq!(said.code, 7);
    assert!(said.err.contains("hint: use `-`"), "{}", said.err);
    let _socket = std::os::unix::net::UnixListener::bind(lab.path("socket")).unwrap();
    assert_eq!(run(&lab, &["download", &server.url("/f"), "socket"]).code, 7);
    assert!(lab.path("socket").exists(), "never replaced");
    assert_eq!(run(&lab, &["download", &server.url("/f"), "--header-file", "missing"]).code, 7);
    assert_eq!(server.log().connections, 0, "before any request");
}

#[test]
fn no_clobber_keeps_what_is_there_and_says_so() {
    let (lab, server) = (Lab::new(), Server::start());
    fs::write(lab.path("f"), "mine").unwrap();
    let said = run(&lab, &["download", &server.url("/f"), "--no-clobber"]);
    assert_eq!((said.code, said.out.as_str()), (0, "f  4 B (kept as it was)\n"), "{}", said.err);
    assert_eq!(lab.read("f").unwrap(), b"mine");
    assert_eq!(server.log().connections, 0);
}

#[test]
fn quiet_means_quiet() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(1_000));
    let said = run(&lab, &["-q", "download", &server.url("/f")]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    let said = run(&lab, &["-qq", "download", &server.url("/missing")]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, "", ""));
    let said = run(&lab, &["-q", "download", &server.url("/missing")]);
    assert!(said.err.starts_with("error: could not download"), "{}", said.err);
    let said = run(&lab, &["-v", "download", &server.url("/f"), "g"]);
    assert!(said.err.contains("DEBUG: attempt 1 of 3"), "{}", said.err);
}

#[test]
fn the_first_word_comes_before_the_first_byte_of_the_network() {
    use std::io::{BufRead, BufReader};
    let (lab, server, gate) = (Lab::new(), Server::start(), tests::server::Gate::new());
    server.route("/f", Route::of(1).then(Behaviour::HoldBeforeHeaders { gate: gate.clone() }));
    let mut child = lab.start(&["download", &server.url("/f")]);
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, format!("INFO: Downloading {} (with retry protection)...\n", server.url("/f")));
    gate.open();
    assert!(child.wait().unwrap().success());
}
