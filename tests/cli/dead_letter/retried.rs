//! `retry ID`: the real operation, and how it ends.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tests::server::{Behaviour, Gate, Refusing, Route, Server};
use tests::wait_until;

use super::{fails, id, letters, only, retry};
use crate::lab::Lab;
use crate::said::{Said, run};

#[test]
fn a_download_is_had_once_its_server_has_it() {
    let (lab, server) = (Lab::new(), Server::start());
    let url = server.url("/f");
    fs::write(lab.path("headers"), "X-Who: me\n").unwrap();
    let args = [
        "download",
        &url,
        "sub/f",
        "--retries",
        "1",
        "--header-file",
        "headers",
        "--mode",
        "0640",
        "--timeout",
        "45s",
    ];
    fs::create_dir(lab.path("sub")).unwrap();
    let (said, letter) = fails(&lab, &args);
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(only(&lab)["failure"], "failed");
    server.route("/f", Route::of(1_000));
    // From anywhere.
    let elsewhere = tempfile::tempdir().unwrap();
    let output =
        lab.command(&["--json", "dlq", "retry", &letter]).current_dir(elsewhere.path()).output().unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.json()["schema"], "vps-configurator.download/1");
    assert_eq!(lab.read("sub/f").unwrap().len(), 1_000);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(lab.path("sub/f")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
    let sent = server.log().exchanges.last().unwrap().request.header("x-who").map(str::to_owned);
    assert_eq!(sent.as_deref(), Some("me"));
    assert_eq!(letters(&lab), [""; 0]);
    let said = retry(&lab, &letter);
    assert!(
        said.code == 7 && said.err.contains(&format!("there is no dead letter {letter}")),
        "{}",
        said.err
    );
}

#[test]
fn what_is_done_by_its_own_command_takes_its_letter_out() {
    let (lab, server) = (Lab::new(), Server::start());
    let url = server.url("/f");
    fails(&lab, &["download", &url, "f", "--retries", "1"]);
    server.route("/f", Route::of(10));
    assert_eq!(run(&lab, &["download", &url, "other"]).code, 0);
    assert_eq!(letters(&lab).len(), 1, "that was another file");
    assert_eq!(run(&lab, &["download", &url, "./f", "--timeout", "10s"]).code, 0);
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn a_retry_ends_as_the_command_itself() {
    let (lab, dead) = (Lab::new(), Refusing::start());
    let (_, command) = fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "exit 7"]);
    assert_eq!(retry(&lab, &command).code, 7);
    let (_, download) = fails(&lab, &["download", &dead.url("/f"), "f", "--retries", "3"]);
    let said = retry(&lab, &download);
    assert!(said.code == 4 && said.err.contains("error: could not download"), "{} {}", said.code, said.err);
    assert!(said.err.contains(&format!("kept as dead letter {download}")), "{}", said.err);
    let wrong = Server::start();
    wrong.route("/f", Route::of(10));
    let wrong_digest = "0".repeat(64);
    let (said, letter) = fails(&lab, &["download", &wrong.url("/f"), "g", "--sha256", &wrong_digest]);
    assert_eq!((said.code, retry(&lab, &letter).code), (6, 6));
    // With less time than it takes, and that is remembered.
    let (_, slow) =
        fails(&lab, &["run", "--retries", "1", "--", "sh", "-c", "test -e ready && sleep 60; exit 3"]);
    fs::write(lab.path("ready"), "").unwrap();
    let said = run(&lab, &["dead-letter", "retry", &slow, "--set", "timeout=200ms"]);
    assert_eq!(said.code, 124, "{}", said.err);
    let shown = run(&lab, &["dead-letter", "show", &slow]).out;
    assert!(shown.contains("--timeout 200ms") && shown.contains("failed         2 times"), "{shown}");
    assert_eq!(run(&lab, &["dead-letter", "retry", &slow, "--set", "url=x"]).code, 2);
    assert_eq!(run(&lab, &["dead-letter", "retry", &slow, "--set", "min-speed=1"]).code, 2, "run has none");
}

#[test]
fn a_command_runs_where_it_ran() {
    let lab = Lab::new();
    fs::create_dir(lab.path("sub dir")).unwrap();
    let args = ["run", "--retries", "1", "--", "sh", "-c", "test -e ready && touch done"];
    let mut command = lab.command(&args);
    let said = Said::from(command.env("ONLY_THEN", "x").current_dir(lab.path("sub dir")).output().unwrap());
    assert_eq!(said.code, 1);
    let letter = id(&only(&lab));
    assert_eq!(run(&lab, &args).code, 1);
    assert_eq!(letters(&lab).len(), 2, "the same command elsewhere is another one");
    fs::write(lab.path("sub dir/ready"), "").unwrap();
    let said = retry(&lab, &letter);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("variables that were set then are not set now: ONLY_THEN"), "{}", said.err);
    assert!(lab.path("sub dir/done").exists() && !lab.path("done").exists());
    assert_ne!(id(&only(&lab)), letter);
}

#[test]
fn the_line_that_is_shown_does_it_again_in_a_shell() {
    let lab = Lab::new();
    fs::create_dir(lab.path("sub dir")).unwrap();
    let script = "test -e ready && touch \"it's done\"";
    let mut command = lab.command(&["run", "--retries", "1", "--timeout", "90s", "--", "sh", "-c", script]);
    assert!(!command.current_dir(lab.path("sub dir")).status().unwrap().success());
    fs::write(lab.path("sub dir/ready"), "").unwrap();
    let shown: Value = run(&lab, &["--json", "dead-letter", "show", &id(&only(&lab))]).json();
    let program = lab.command(&[]).get_program().to_owned();
    let folder = std::path::Path::new(&program).parent().unwrap().display().to_string();
    let typed = Command::new("sh")
        .args(["-c", shown["command_line"].as_str().unwrap()])
        .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()))
        .env("STATE_DIRECTORY", lab.path("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(typed.status.success(), "{shown}: {typed:?}");
    assert!(lab.path("sub dir/it's done").exists());
    assert_eq!(letters(&lab), [""; 0], "it was the same operation");
}

#[test]
fn a_folder_that_is_gone_is_said_and_nothing_runs() {
    let lab = Lab::new();
    fs::create_dir(lab.path("gone")).unwrap();
    let mut command = lab.command(&["run", "--retries", "1", "--", "false"]);
    assert!(!command.current_dir(lab.path("gone")).status().unwrap().success());
    fs::remove_dir(lab.path("gone")).unwrap();
    let letter = id(&only(&lab));
    let said = retry(&lab, &letter);
    assert!(said.code == 125 && said.err.contains("the folder that it ran in is not there"), "{}", said.err);
    assert_eq!(only(&lab)["failures"], 1, "that was no failure of its own");
}

#[test]
fn a_clone_is_made_once_there_is_something_to_clone() {
    if !crate::said::is_there("git") {
        return;
    }
    let lab = Lab::new();
    let url = format!("file://{}", lab.path("source").display());
    let server = Server::start();
    let (said, _) = fails(&lab, &["git", "clone", &server.url("/a.git"), "a", "--retries", "1"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(only(&lab)["operation"], "git_clone");
    assert_eq!(run(&lab, &["dlq", "drop", &id(&only(&lab))]).code, 0);
    let said = run(&lab, &["git", "clone", &url, "clone", "--full"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let Some(letter) = letters(&lab).first().map(id) else { panic!("{}", said.err) };
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(lab.folder.path()).env("HOME", lab.folder.path()).args(args);
        assert!(git.output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "--quiet", "source"]);
    let who = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
    git(&[&["-C", "source"], &who[..], &["commit", "--quiet", "--allow-empty", "--message", "x"]].concat());
    let said = retry(&lab, &letter);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(lab.path("clone/.git/HEAD").exists());
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn one_that_failed_for_good_three_times_alike_is_parked() {
    let (lab, server) = (Lab::new(), Server::start());
    let url = server.url("/gone");
    let (_, letter) = fails(&lab, &["download", &url, "f"]);
    assert_eq!(retry(&lab, &letter).code, 1);
    let said = retry(&lab, &letter);
    assert!(said.code == 1 && said.err.contains("and parked"), "{}", said.err);
    assert_eq!(only(&lab)["parked"], true);
    let asked = server.log().exchanges.len();
    let said = retry(&lab, &letter);
    assert!(said.code == 7 && said.err.contains("is parked"), "{} {}", said.code, said.err);
    assert_eq!(run(&lab, &["dead-letter", "retry", "--all"]).code, 1, "not all are done");
    assert_eq!(server.log().exchanges.len(), asked, "nothing was asked for");
    server.route("/gone", Route::of(10));
    let said = run(&lab, &["dead-letter", "retry", &letter, "--force"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn two_retries_at_once_are_one() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    let url = server.url("/f");
    let (_, letter) = fails(&lab, &["download", &url, "f", "--retries", "1"]);
    server.route("/f", Route::of(50_000).then(Behaviour::Hold { after: 10, gate: gate.clone() }));
    let first = lab.start(&["dead-letter", "retry", &letter]);
    gate.wait_until_reached();
    let said = retry(&lab, &letter);
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains(&format!("process {} is doing the dead letter", first.id())), "{}", said.err);
    assert_eq!(only(&lab)["held_by_pid"].as_u64(), Some(u64::from(first.id())));
    gate.open();
    let said = Said::from(first.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn a_retry_that_is_killed_leaves_the_letter_to_the_next() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    let url = server.url("/f");
    let (_, letter) = fails(&lab, &["download", &url, "f", "--retries", "1"]);
    server.route("/f", Route::of(50_000).then(Behaviour::Hold { after: 10, gate: gate.clone() }));
    let mut first = lab.start(&["dead-letter", "retry", &letter]);
    gate.wait_until_reached();
    first.kill().unwrap();
    first.wait().unwrap();
    gate.open();
    let kept = only(&lab);
    assert_eq!((id(&kept), kept["held_by_pid"].is_null()), (letter.clone(), true));
    let said = retry(&lab, &letter);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(letters(&lab), [""; 0]);
}

#[test]
fn what_was_read_from_standard_input_has_to_be_given_again() {
    let lab = Lab::new();
    let script = "cat >got; test -e ready";
    let args = ["run", "--retries", "1", "--stdin", "keep", "--", "sh", "-c", script];
    let give = |args: &[&str]| {
        let mut child = lab.command(args).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"given").unwrap();
        Said::from(child.wait_with_output().unwrap())
    };
    assert_eq!(give(&args).code, 1);
    let letter = id(&only(&lab));
    fs::write(lab.path("ready"), "").unwrap();
    fs::remove_file(lab.path("got")).unwrap();
    let said = retry(&lab, &letter);
    assert!(said.code == 125 && said.err.contains("standard input"), "{} {}", said.code, said.err);
    assert!(!lab.path("got").exists());
    let said = give(&["dead-letter", "retry", &letter]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(lab.read("got").unwrap(), b"given");
    assert_eq!(letters(&lab), [""; 0]);
}

/// `kill -9` of one that is failing: its letter is there whole, or it is not, and the others always are.
#[test]
fn killed_while_it_is_written_a_letter_is_whole_or_not_there() {
    let lab = Lab::new();
    let (_, first) = fails(&lab, &["run", "--retries", "1", "--", "false"]);
    let size = || {
        ["state.db", "state.db-wal"]
            .map(|name| fs::metadata(lab.path("state").join(name)).map_or(0, |m| m.len()))
    };
    for round in 0..12 {
        let before = size();
        let mut child =
            lab.start(&["run", "--retries", "1", "--", "sh", "-c", &format!("exit {}", round + 1)]);
        // At the first sign of a write, a little later each time.
        wait_until("a write or the end", || {
            let changed = size() != before || child.try_wait().unwrap().is_some();
            changed.then_some(())
        });
        for _ in 0..round * 50 {
            std::thread::yield_now();
        }
        drop(child.kill());
        child.wait().unwrap();
        let all = letters(&lab);
        assert!(all.iter().any(|letter| id(letter) == first), "round {round}: {all:?}");
        assert!(all.iter().all(|letter| letter["attempts"] == 1), "round {round}: {all:?}");
        assert!(run(&lab, &["dead-letter", "export"]).out.lines().count() == all.len());
    }
}
