//! kill -9, and the same command again.

use rustix::process::Signal;
use tests::apt::{AptLab, Mirror, Running};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::{assert_installed, machine, updated};

/// Kills the program itself; whatever it started is on its own.
fn kill(running: Running) {
    running.signal(Signal::KILL);
    assert_eq!(running.wait_alone(), 137);
}

/// The same command again: installed, and dpkg content.
fn again(lab: &AptLab, package: &str) {
    let _ = lab.apt(&["install", package]).expect(0);
    assert_installed(lab, package, "1.0");
}

#[test]
fn killed_anywhere_and_again_is_installed() {
    killed_in_the_update();
    killed_in_the_download();
    killed_under_dpkg();
    killed_at_any_moment();
}

fn killed_in_the_update() {
    let Some((lab, main)) = machine() else { return };
    let gate = Gate::new();
    main.script(&Mirror::index_path(), [Behaviour::HoldBeforeHeaders { gate: gate.clone() }, Behaviour::Ok]);
    let running = lab.begin_apt(&["install", "lab-app"]);
    gate.wait_until_reached();
    kill(running);
    gate.open();
    again(&lab, "lab-app");
}

fn killed_in_the_download() {
    let Some((lab, main)) = updated() else { return };
    let gate = Gate::new();
    let (held, whole) = (Mirror::deb("lab-app", "1.0"), Mirror::deb("lab-dep", "1.0"));
    let size = main.content(&held).len();
    main.script(&held, [Behaviour::Hold { after: size / 2, gate: gate.clone() }, Behaviour::Ok]);
    let running = lab.begin_apt(&["install", "lab-app"]);
    gate.wait_until_reached();
    // What is complete is complete.
    main.server().wait_for("the other file", |log| log.sent(&whole) == main.content(&whole).len());
    let archives = lab.path("/var/cache");
    wait_until("the other file on the disk", || has_file(&archives, "lab-dep_1.0_all.deb").then_some(()));
    kill(running);
    gate.open();
    again(&lab, "lab-app");
    assert_eq!(main.requests(&whole), 1, "{}", main.log());
}

fn has_file(folder: &std::path::Path, name: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        if path.is_dir() { has_file(&path, name) } else { entry.file_name() == name }
    })
}

fn killed_under_dpkg() {
    let Some((lab, _main)) = updated() else { return };
    let slow = lab.hold_slow();
    let mut running = lab.begin_apt(&["install", "lab-slow"]);
    slow.wait_until_reached_by(&mut running);
    kill(running);
    assert!(lab.processes().iter().any(|one| one.name == "dpkg"), "dpkg goes on without us");
    // apt-get still has the lock: the second run waits for it and says so.
    let mut second = lab.begin_apt(&["install", "lab-slow", "--retries", "1"]);
    second.wait_to_say("apt-get");
    slow.release();
    let _ = second.wait().expect(0);
    assert_installed(&lab, "lab-slow", "1.0");
    assert!(lab.signals_seen().is_empty(), "{:?}", lab.signals_seen());
}

/// After this many lines of dpkg's log, from none to all.
fn killed_at_any_moment() {
    for lines in [0, 1, 60, 150] {
        let Some((lab, _main)) = updated() else { return };
        let mut running = lab.begin_apt(&["install", "lab-many"]);
        wait_until("dpkg's progress", || {
            let there = lab.read("/var/log/dpkg.log").lines().count() >= lines;
            (there || !running.is_running()).then_some(())
        });
        if running.is_running() {
            running.signal(Signal::KILL);
        }
        let _ = running.wait_alone();
        again(&lab, "lab-many");
        assert_installed(&lab, "lab-many30", "1.0");
    }
}

#[test]
fn all_killed_under_dpkg_and_again_is_installed() {
    let Some((lab, _main)) = updated() else { return };
    let slow = lab.hold_slow();
    let mut running = lab.begin_apt(&["install", "lab-slow", "lab-app"]);
    slow.wait_until_reached_by(&mut running);
    // In this order nobody gets to mend anything; a name has 15 letters.
    for name in ["vps-configurato", "apt-get", "dpkg", "lab-slow.postin"] {
        lab.kill_all(name);
    }
    let _ = running.wait().expect(137);
    drop(slow);
    lab.wait_until_quiet();
    assert!(!lab.audit().is_empty(), "nothing was interrupted");
    let _ = lab.apt(&["install", "lab-slow", "lab-app"]).expect(0);
    assert_installed(&lab, "lab-slow", "1.0");
    assert_installed(&lab, "lab-app", "1.0");
}
