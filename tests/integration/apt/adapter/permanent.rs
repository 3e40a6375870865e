//! What does not get better: one attempt, and what to do about it.

use tests::apt::{AptLab, Finished, Mirror};

use super::{assert_installed, assert_untouched, machine, package_requests, updated};

/// At most one update, nothing fetched, and no word of a second attempt.
fn ends_at_once(lab: &AptLab, main: &Mirror, package: &str, code: i32) -> Finished {
    let before = (main.requests(Mirror::IN_RELEASE), package_requests(main));
    let failed = lab.apt(&["install", package]).expect(code);
    assert!(!failed.stderr.contains("Retrying"), "{}", failed.stderr);
    assert!(main.requests(Mirror::IN_RELEASE) <= before.0 + 1, "{}", main.log());
    assert_eq!(package_requests(main), before.1);
    lab.wait_until_quiet();
    failed
}

#[test]
fn what_cannot_be_resolved_ends_at_once() {
    let Some((lab, main)) = machine() else { return };
    let _ = ends_at_once(&lab, &main, "lab-no-such-thing", 1).says("lab-no-such-thing");
    assert_eq!(main.requests(Mirror::IN_RELEASE), 1, "a machine without lists is updated first, once");
    let _ = ends_at_once(&lab, &main, "lab-leaf=9.9", 1).says("9.9");
    let _ = ends_at_once(&lab, &main, "lab-unmet", 1).says("lab-does-not-exist");
    let _ = lab.apt(&["install", "lab-essential"]).expect(0);
    let _ = ends_at_once(&lab, &main, "lab-foe", 1).says("lab-essential");
    assert_untouched(&lab, "lab-foe");
}

#[test]
fn what_is_there_and_asked_for_stays() {
    let Some((lab, main)) = updated() else { return };
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    let before = package_requests(&main);
    // Each can be had, both together cannot: apt-get alone would take the other one away.
    let failed = lab.apt(&["install", "lab-leaf", "lab-rival"]).expect(1);
    assert!(failed.stderr.contains("Conflicts") && !failed.stderr.contains("Retrying"), "{}", failed.stderr);
    assert_eq!(package_requests(&main), before);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_untouched(&lab, "lab-rival");
}

#[test]
fn a_held_package_ends_at_once() {
    let Some((lab, main)) = updated() else { return };
    lab.must(&["apt-mark", "hold", "lab-leaf"]);
    let _ = ends_at_once(&lab, &main, "lab-leaf", 1).says("lab-leaf").says("apt-mark unhold");
    assert_eq!(lab.installed("lab-leaf"), None);
}

#[test]
fn a_full_disk_ends_at_once() {
    let Some((lab, main)) = updated() else { return };
    lab.small_disk("/var/cache", 1024);
    lab.must(&["mkdir", "-p", "/var/cache/apt/archives/partial"]);
    let before = package_requests(&main);
    let failed = lab.apt(&["install", "lab-huge"]).expect(7);
    assert!(!failed.stderr.contains("Retrying"), "{}", failed.stderr);
    assert!(package_requests(&main) <= before + 1, "{}", main.log());
    assert_untouched(&lab, "lab-huge");
}

#[test]
fn a_full_disk_under_dpkg_is_told() {
    let Some((lab, main)) = updated() else { return };
    lab.small_disk("/usr/share/lab-huge", 1024);
    let failed = lab.apt(&["install", "lab-huge"]).expect(7).says("no space left");
    assert!(!failed.stderr.contains("Retrying"), "{}", failed.stderr);
    assert_eq!(package_requests(&main), 1);
    lab.must(&["umount", "/usr/share/lab-huge"]);
    let _ = lab.apt(&["install", "lab-huge"]).expect(0);
    assert_installed(&lab, "lab-huge", "1.0");
}

#[test]
fn without_rights_it_ends_at_once() {
    let Some((lab, main)) = updated() else { return };
    let before = main.all_requests();
    let failed =
        lab.run_as_nobody(&["vps-configurator", "apt", "install", "lab-leaf"]).expect(7).says("root");
    assert!(!failed.stderr.contains("Retrying"), "{}", failed.stderr);
    let _ = lab.run_as_nobody(&["vps-configurator", "apt", "update"]).expect(7).says("root");
    assert_eq!(main.all_requests(), before);
    assert_untouched(&lab, "lab-leaf");
}

#[test]
fn a_failing_script_is_named() {
    let Some((lab, main)) = updated() else { return };
    let failed = lab.apt(&["install", "lab-fail"]).expect(1).says("lab-fail");
    assert!(!failed.stderr.contains("Retrying"), "{}", failed.stderr);
    assert_eq!(package_requests(&main), 1);
    assert_eq!(lab.read("/var/log/dpkg.log").matches("status half-configured lab-fail").count(), 1);
    lab.mend();
    let _ = lab.apt(&["install", "lab-fail"]).expect(0);
    assert_installed(&lab, "lab-fail", "1.0");
}

#[test]
fn a_broken_neighbour_does_not_hide_success() {
    let Some((lab, _main)) = updated() else { return };
    let _ = lab.apt(&["install", "lab-fail"]).expect(1);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_eq!(lab.installed("lab-leaf").as_deref(), Some("1.0"));
}
