//! Somebody else is at work.

use rustix::process::Signal;
use tests::apt::Lock;

use super::{assert_installed, assert_untouched, machine, updated};

#[test]
fn each_lock_is_waited_for() {
    for lock in [Lock::Frontend, Lock::Dpkg, Lock::Lists] {
        let Some((lab, _main)) = machine() else { return };
        let held = lab.hold(lock);
        // One attempt is all it has: waiting is none.
        let mut running = lab.begin_apt(&["install", "lab-leaf", "--retries", "1"]);
        running.wait_to_say("unattended-upgr");
        assert!(running.said().contains(&held.pid_inside().to_string()), "{}", running.said());
        assert!(running.is_running());
        held.release();
        let done = running.wait().expect(0);
        assert!(!done.stderr.contains("Attempt 1 failed"), "{}", done.stderr);
        assert_installed(&lab, "lab-leaf", "1.0");
    }
    let Some((lab, _main)) = machine() else { return };
    let held = lab.hold(Lock::Lists);
    let mut running = lab.begin_apt(&["update", "--retries", "1"]);
    running.wait_to_say("unattended-upgr");
    held.release();
    let _ = running.wait().expect(0);
}

#[test]
fn the_lock_of_apts_own_archives_is_nobodys_concern() {
    let Some((lab, _main)) = machine() else { return };
    let held = lab.hold(Lock::Archives);
    // Ours are in a folder of our own.
    let done = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert!(!done.stderr.contains("waiting"), "{}", done.stderr);
    drop(held);
    assert_installed(&lab, "lab-leaf", "1.0");
}

#[test]
fn a_lock_at_the_deadline_is_local() {
    let Some((lab, _main)) = updated() else { return };
    let held = lab.hold(Lock::Frontend);
    let failed = lab.apt(&["install", "lab-leaf", "--timeout", "1s"]).expect(7);
    let _ = failed.says("unattended-upgr").says(&held.pid_inside().to_string());
    drop(held);
    assert_untouched(&lab, "lab-leaf");
}

#[test]
fn a_holder_that_dies_gives_way() {
    let Some((lab, _main)) = updated() else { return };
    let held = lab.hold(Lock::Dpkg);
    let mut running = lab.begin_apt(&["install", "lab-leaf"]);
    running.wait_to_say("unattended-upgr");
    held.kill();
    let _ = running.wait().expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
}

#[test]
fn a_stop_while_waiting_is_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let Some((lab, _main)) = updated() else { return };
        let held = lab.hold(Lock::Frontend);
        let mut running = lab.begin_apt(&["install", "lab-leaf"]);
        running.wait_to_say("unattended-upgr");
        running.signal(signal);
        let _ = running.wait().expect(code);
        drop(held);
        assert_untouched(&lab, "lab-leaf");
    }
}
