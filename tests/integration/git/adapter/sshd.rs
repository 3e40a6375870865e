//! Over a real ssh, from a real server.

use rustix::process::Signal;
use tests::apt::{Finished, Running};
use tests::git::{Forge, LARGE_FILE, Line, Repository, Sshd};
use tests::wait_until;

use super::lab::Lab;

fn command(lab: &Lab, sshd: &Sshd, who: (&str, &str), args: &[&str]) -> Running {
    let mut command = lab.command(args);
    command.env("GIT_SSH_COMMAND", sshd.command(who.0, who.1));
    Running::start(command)
}

fn clone(lab: &Lab, sshd: &Sshd, repository: &Repository) -> Running {
    command(lab, sshd, ("good", "known"), &[&sshd.url(repository.folder()), "dest"])
}

/// It fails in its first attempt, and nothing is left.
fn refused(lab: &Lab, sshd: &Sshd, who: (&str, &str), url: &str) -> Finished {
    let before = sshd.connections();
    let failed = command(lab, sshd, who, &[url, "dest"]).wait().expect(1);
    assert!(!failed.text().contains("Retrying"), "{}", failed.text());
    assert_eq!(sshd.connections() - before, 1, "{}", failed.text());
    lab.assert_left(&[]);
    failed
}

#[test]
fn a_clone_from_a_real_server() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let _ = clone(&lab, &sshd, &sample).wait().expect(0);
    lab.assert_left(&["dest"]);
    lab.dest().assert_sound();
    assert_eq!((lab.dest().head(), lab.dest().commits()), (sample.id("main"), 1));
    assert_eq!(lab.dest().git(&["remote", "get-url", "origin"]), sshd.url(sample.folder()));
    assert_eq!(sshd.connections(), 1);
}

#[test]
fn a_key_that_is_not_known_is_told() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let url = sshd.url(sample.folder());
    let _ = refused(&lab, &sshd, ("bad", "known"), &url).says("Permission denied").says("must know your key");
}

#[test]
fn a_server_that_is_not_known_is_told() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let url = sshd.url(sample.folder());
    let new = refused(&lab, &sshd, ("good", "none"), &url).says("Host key verification failed");
    let _ = new.says("`ssh HOST` by hand");
    let _ = refused(&lab, &sshd, ("good", "changed"), &url).says("has changed").says("ssh-keygen -R");
}

#[test]
fn a_repository_that_is_not_there_is_told() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let lab = Lab::new();
    let url = sshd.url(&forge.folder().join("no-such.git"));
    let _ = refused(&lab, &sshd, ("good", "known"), &url).says("no-such.git").says("check the path");
}

#[test]
fn a_cut_connection_is_made_good() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let large = forge.large("l");
    // Where keys are exchanged, and in the pack.
    for after in [700, usize::try_from(LARGE_FILE / 2).unwrap()] {
        let (lab, before) = (Lab::new(), sshd.connections());
        sshd.script([Line::Cut(after), Line::Open]);
        let cloned = clone(&lab, &sshd, &large).wait().expect(0);
        assert_eq!(sshd.connections() - before, 2, "{after}: {}", cloned.text());
        lab.assert_left(&["dest"]);
        lab.dest().assert_sound();
        assert_eq!(lab.dest().head(), large.id("main"), "{after}");
    }
}

#[test]
fn a_silent_server_is_an_attempt() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    sshd.script([Line::Silent]);
    let args = [&*sshd.url(sample.folder()), "dest", "--idle-timeout", "200ms", "--retries", "2"];
    let failed = command(&lab, &sshd, ("good", "known"), &args).wait().expect(1).says("Retrying");
    let _ = failed.says("nothing came for 200ms");
    assert_eq!(sshd.connections(), 2);
    wait_until("the end of ssh", || (sshd.open() == 0).then_some(()));
    lab.assert_left(&[]);
}

#[test]
fn a_silent_server_is_left_at_once() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    sshd.script([Line::Silent]);
    let before = lab.work();
    let running = clone(&lab, &sshd, &sample);
    wait_until("the connection", || (sshd.open() == 1).then_some(()));
    lab.stop(running, Signal::INT, &before);
    assert_eq!(sshd.connections(), 1);
    wait_until("the end of ssh", || (sshd.open() == 0).then_some(()));
}

#[test]
fn a_killed_clone_leaves_no_ssh() {
    let (Some(forge), Some(sshd)) = (Forge::start(), Sshd::start()) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    sshd.script([Line::Silent]);
    let running = clone(&lab, &sshd, &sample);
    wait_until("the connection", || (sshd.open() == 1).then_some(()));
    running.signal(Signal::KILL);
    assert_eq!(running.wait_alone(), 137);
    wait_until("the end of ssh", || (sshd.open() == 0).then_some(()));
}
