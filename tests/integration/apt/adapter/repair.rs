//! What an earlier run, or a power cut, has left.

use super::{assert_installed, machine, updated};

#[test]
fn an_interrupted_dpkg_is_repaired() {
    let Some((lab, _main)) = machine() else { return };
    lab.interrupt_dpkg();
    let done = lab.apt(&["install", "lab-leaf", "--retries", "1"]).expect(0);
    assert!(done.stderr.contains("dpkg --configure -a"), "it is not said:\n{}", done.stderr);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_installed(&lab, "lab-slow", "1.0");
    let Some((lab, _main)) = machine() else { return };
    lab.leave_updates_entry();
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_eq!(lab.installed("lab-leaf").as_deref(), Some("1.0"));
    assert!(!lab.path("/var/lib/dpkg/updates/0001").exists());
}

#[test]
fn unmet_needs_are_mended() {
    let Some((lab, _main)) = updated() else { return };
    lab.unpack("lab-app", "1.0");
    let _ = lab.apt(&["install", "lab-leaf", "--retries", "1"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_installed(&lab, "lab-app", "1.0");
    assert_installed(&lab, "lab-dep", "1.0");
}

#[test]
fn a_dpkg_that_dies_is_repaired() {
    let Some((lab, _main)) = updated() else { return };
    let slow = lab.hold_slow();
    let mut running = lab.begin_apt(&["install", "lab-slow"]);
    slow.wait_until_reached_by(&mut running);
    lab.kill_all("dpkg");
    slow.release();
    let _ = running.wait().expect(0);
    assert_installed(&lab, "lab-slow", "1.0");
}
