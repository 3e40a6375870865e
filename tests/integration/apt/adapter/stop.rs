//! Ctrl-C, `kill` and the deadline.

use rustix::process::Signal;
use tests::apt::{AptLab, Mirror};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::{assert_installed, assert_untouched, updated};

const SIZE_HELD: u64 = 1 << 20;

fn hold(main: &Mirror) -> Gate {
    let gate = Gate::new();
    main.script(
        &Mirror::deb("lab-huge", "1.0"),
        [Behaviour::Hold { after: SIZE_HELD, gate: gate.clone() }, Behaviour::Ok],
    );
    gate
}

#[test]
fn a_stop_in_the_download_is_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let Some((lab, main)) = updated() else { return };
        let gate = hold(&main);
        let running = lab.begin_apt(&["install", "lab-huge"]);
        gate.wait_until_reached();
        running.signal(signal);
        let _ = running.wait().expect(code);
        assert_untouched(&lab, "lab-huge");
        main.server().wait_for("the client's end", |log| log.open == 0);
        let _ = lab.apt(&["install", "lab-huge"]).expect(0);
        assert_installed(&lab, "lab-huge", "1.0");
    }
}

#[test]
fn a_deadline_in_the_download_is_at_once() {
    let Some((lab, main)) = updated() else { return };
    let _gate = hold(&main);
    let _ = lab.apt(&["install", "lab-huge", "--timeout", "1s"]).expect(1);
    assert_untouched(&lab, "lab-huge");
    main.server().wait_for("the client's end", |log| log.open == 0);
}

/// dpkg and its script are there.
fn dpkg_works(lab: &AptLab) -> bool {
    lab.processes().iter().any(|one| one.name == "dpkg")
}

#[test]
fn dpkg_at_work_is_never_touched() {
    for stop in [Some((Signal::INT, 130)), Some((Signal::TERM, 143)), None] {
        let Some((lab, _main)) = updated() else { return };
        let slow = lab.hold_slow();
        let limit = if stop.is_some() { "1h" } else { "4s" };
        let mut running = lab.begin_apt(&["install", "lab-slow", "--timeout", limit]);
        slow.wait_until_reached_by(&mut running);
        let before = running.said();
        if let Some((signal, _)) = stop {
            running.signal(signal);
        }
        // It says that it waits for dpkg.
        wait_until("a word on dpkg", || {
            running.said().replacen(&before, "", 1).contains("dpkg").then_some(())
        });
        assert!(running.is_running() && dpkg_works(&lab));
        slow.release();
        let ended = running.wait();
        let codes = [0, stop.map_or(1, |(_, code)| code)];
        assert!(codes.contains(&ended.code), "{ended:?}");
        assert_installed(&lab, "lab-slow", "1.0");
        assert!(lab.signals_seen().is_empty(), "{:?}", lab.signals_seen());
    }
}

/// Two stops while the script of `lab-slow` runs: the second is our end, and dpkg's it is not.
fn stop_twice(lab: &AptLab, package: &str) {
    let slow = lab.hold_slow();
    let mut running = lab.begin_apt(&["install", package]);
    slow.wait_until_reached_by(&mut running);
    let before = running.said();
    running.signal(Signal::INT);
    wait_until("a word on dpkg", || running.said().replacen(&before, "", 1).contains("dpkg").then_some(()));
    running.signal(Signal::INT);
    wait_until("our end", || (!running.is_running()).then_some(()));
    assert!(dpkg_works(lab), "dpkg goes on without us");
    slow.release();
    let _ = running.wait().expect(130);
    assert_installed(lab, "lab-slow", "1.0");
}

#[test]
fn a_second_stop_in_a_repair_leaves_dpkg_to_finish() {
    let Some((lab, _main)) = updated() else { return };
    lab.interrupt_dpkg();
    stop_twice(&lab, "lab-leaf");
}

#[test]
fn a_second_stop_leaves_dpkg_to_finish() {
    let Some((lab, _main)) = updated() else { return };
    stop_twice(&lab, "lab-slow");
    assert!(lab.signals_seen().is_empty(), "{:?}", lab.signals_seen());
}
