//! Over ssh, or what is called so.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::apt::Running;
use tests::git::{Forge, Repository, SshMood};
use tests::wait_until;

use super::lab::Lab;

pub(super) fn url(repository: &Repository) -> String {
    format!("ssh://git@git.example.com:2222{}", repository.folder().display())
}

#[test]
fn a_clone_over_ssh() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    let short = format!("git@git.example.com:{}", sample.folder().display());
    for url in [url(&sample), short] {
        let lab = Lab::new();
        let there = lab.cloned(&url, &[]);
        assert_eq!((there.head(), there.commits()), (sample.id("main"), 1));
        let calls = lab.ssh.calls();
        let (_, words) = calls.last().unwrap();
        assert!(words.contains("git@git.example.com") || words.contains("[-l] [git]"), "{words}");
        assert!(words.contains("BatchMode=yes"), "nobody is there to answer: {words}");
    }
    // Another program, as for git.
    let (lab, other) = (Lab::new(), tests::git::FakeSsh::new());
    let mut command = lab.command(&[&url(&sample), "dest"]);
    command.env("GIT_SSH_COMMAND", other.program());
    let _ = Running::start(command).wait().expect(0);
    assert!(lab.ssh.calls().is_empty() && !other.calls().is_empty());
    assert_eq!(forge.all(), 0);
}

#[test]
fn an_ssh_that_dies_is_tried_again() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.ssh.set(SshMood::Refused);
    let _ = lab.fails(1, &url(&sample), &[]).says("Connection refused");
    let asked = lab.ssh.calls().into_iter().filter(|(_, words)| words.contains("git-upload-pack")).count();
    assert_eq!(asked, 3, "{:?}", lab.ssh.calls());
}

#[test]
fn a_hanging_ssh_ends_in_the_deadline() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for mood in [SshMood::Hangs, SshMood::HangsAfter] {
        let (lab, begin) = (Lab::new(), Instant::now());
        lab.ssh.set(mood);
        let ended = lab.clone(&[&url(&sample), "dest", "--timeout", "1s"]);
        // What came whole before the silence may be taken.
        let whole = mood == SshMood::HangsAfter && ended.code == 0;
        assert!(whole || ended.code == 1, "{mood:?}: {}", ended.text());
        assert!(begin.elapsed() < Duration::from_secs(5), "{mood:?}: {:?}", begin.elapsed());
        lab.assert_left(if whole { &["dest"] } else { &[] });
    }
}

#[test]
fn a_hanging_ssh_is_stopped_at_once() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for signal in [Signal::INT, Signal::TERM] {
        let lab = Lab::new();
        lab.ssh.set(SshMood::Hangs);
        let before = lab.work();
        let running = lab.begin(&[&url(&sample), "dest"]);
        wait_until("the false ssh", || (!lab.ssh.running().is_empty()).then_some(()));
        lab.stop(running, signal, &before);
    }
}

#[test]
fn a_killed_clone_leaves_no_hanging_ssh() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for configured in [None, Some("ssh"), Some("ssh -v")] {
        let lab = Lab::new();
        lab.ssh.set(SshMood::Hangs);
        let mut command = lab.command(&[&url(&sample), "dest"]);
        command.envs(configured.map(|command| ("GIT_SSH_COMMAND", command)));
        let running = Running::start(command);
        wait_until("the false ssh", || (!lab.ssh.running().is_empty()).then_some(()));
        running.signal(Signal::KILL);
        assert_eq!(running.wait_alone(), 137);
        wait_until("the end of ssh", || lab.ssh.running().is_empty().then_some(()));
    }
}

/// A program that does what is left of the command on this machine, after `before`.
fn own_ssh(lab: &Lab, before: &str) -> String {
    let path = lab.path("own-ssh");
    let script = format!("#!/bin/sh\n{before}\nfor last; do :; done\nexec sh -c \"$last\"\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_the_server_printed_first_is_told() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for (before, said) in [
        ("echo; echo Welcome to the server", "Welcome to the server"),
        ("echo This account is not available.; exit 1", "This account is not available."),
        ("printf no; exit 255", "answer: no"),
    ] {
        let lab = Lab::new();
        let mut command = lab.command(&[&url(&sample), "dest"]);
        command.env("GIT_SSH_COMMAND", own_ssh(&lab, before));
        let failed = Running::start(command).wait().expect(1);
        assert!(failed.text().contains(said) && failed.text().contains("print nothing"), "{}", failed.text());
        assert!(!failed.text().contains("Retrying"), "{}", failed.text());
        lab.assert_left(&[]);
    }
}

#[test]
fn a_path_with_escapes_is_cloned_and_known_again() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let (from, ssh) = (sample.folder().to_str().unwrap(), own_ssh(&lab, ""));
    for (name, escaped) in [("a b.git", "a%20b.git"), ("a b.git", "a b"), ("a%b.git", "a%25b.git")] {
        let to = lab.path(name);
        if !to.exists() {
            let _ = sample.git(&["clone", "-q", "--bare", from, to.to_str().unwrap()]);
        }
        let url = format!("ssh://host{}/{escaped}", lab.path("").to_str().unwrap().trim_end_matches('/'));
        for _ in 0..2 {
            let mut command = lab.command(&[&url, escaped]);
            command.env("GIT_SSH_COMMAND", &ssh);
            let _ = Running::start(command).wait().expect(0);
        }
        assert!(lab.path("work").join(escaped).join("README").exists(), "{url}");
    }
}
