//! Ctrl-C and `kill`, wherever it is.

use rustix::process::Signal;
use tests::git::{Forge, LARGE_FILE, Step};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::lab::Lab;
use super::update::later;

#[test]
fn a_stop_in_any_step_is_at_once() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    let held = |after: Option<u64>, gate: &Gate| match after {
        None => Behaviour::HoldBeforeHeaders { gate: gate.clone() },
        Some(after) => Behaviour::Hold { after, gate: gate.clone() },
    };
    let places = [
        (Step::Refs, None),
        (Step::Refs, Some(20)),
        (Step::List, None),
        (Step::List, Some(20)),
        (Step::Fetch, None),
        (Step::Fetch, Some(0)),
        (Step::Fetch, Some(LARGE_FILE / 2)),
        (Step::Fetch, Some(LARGE_FILE)),
    ];
    for (number, (step, after)) in places.into_iter().enumerate() {
        let (lab, gate) = (Lab::new(), Gate::new());
        let signal = if number % 2 == 0 { Signal::INT } else { Signal::TERM };
        // An empty folder stays, too.
        if number % 3 == 0 {
            std::fs::create_dir(lab.path("work/dest")).unwrap();
        }
        forge.script("l", step, [held(after, &gate)]);
        let before = lab.work();
        let running = lab.begin(&[&forge.url("l"), "dest"]);
        gate.wait_until_reached();
        lab.stop(running, signal, &before);
        forge.server().wait_for("the client's end", |log| log.open == 0);
        forge.script("l", step, []);
        gate.open();
        if number % 3 == 0 {
            assert_eq!(lab.cloned(&forge.url("l"), &[]).head(), large.id("main"));
        }
    }
}

#[test]
fn a_stop_between_attempts_is_at_once() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    forge.script("s", Step::Refs, [Behaviour::retry_after(503, 30)]);
    let before = lab.work();
    let mut running = lab.begin(&[&forge.url("s"), "dest"]);
    running.wait_to_say("Retrying");
    lab.stop(running, Signal::INT, &before);
}

#[test]
fn a_stop_in_the_checkout_is_at_once() {
    let Some(forge) = Forge::start() else { return };
    let (_many, lab) = (forge.many("m", 3_000), Lab::new());
    let before = lab.work();
    let mut running = lab.begin(&[&forge.url("m"), "dest"]);
    wait_until("the checkout", || (lab.checked_out() > 0 || !running.is_running()).then_some(()));
    assert!(running.is_running(), "it was too fast:\n{}", running.said());
    lab.stop(running, Signal::INT, &before);
}

#[test]
fn a_stop_in_a_submodule_is_at_once() {
    let Some(forge) = Forge::start() else { return };
    let (_nested, lab, gate) = (forge.nested("n"), Lab::new(), Gate::new());
    forge.script("n-two", Step::Fetch, [Behaviour::Hold { after: 50, gate: gate.clone() }]);
    let before = lab.work();
    let running = lab.begin(&[&forge.url("n"), "dest", "--recurse-submodules"]);
    gate.wait_until_reached();
    lab.stop(running, Signal::INT, &before);
}

#[test]
fn a_stop_in_an_update_is_at_once() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab, gate) = (forge.sample("s"), Lab::new(), Gate::new());
    let head = lab.cloned(&forge.url("s"), &[]).head();
    later(&sample);
    forge.script("s", Step::Fetch, [Behaviour::Hold { after: 50, gate: gate.clone() }, Behaviour::Ok]);
    let running = lab.begin(&[&forge.url("s"), "dest", "--update"]);
    gate.wait_until_reached();
    let _ = lab.stopped(running, Signal::INT);
    lab.assert_left(&["dest"]);
    lab.dest().assert_sound();
    assert_eq!(lab.dest().head(), head);
    gate.open();
    assert_eq!(lab.cloned(&forge.url("s"), &["--update"]).head(), sample.id("main"));
}
