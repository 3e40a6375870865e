//! kill -9, and the same command again.

use rustix::process::Signal;
use tests::apt::Running;
use tests::git::{Forge, LARGE_FILE, Repository, Step};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::lab::Lab;

const SEEDS: u64 = 12;

fn kill(running: Running) {
    running.signal(Signal::KILL);
    assert_eq!(running.wait_alone(), 137);
}

/// The same command again: a clone, and nothing of the dead one.
fn again(lab: &Lab, forge: &Forge, repository: &Repository, what: &str) {
    // A killed ssh's or git's end is not ours to see; the next one's is.
    let _ = lab.clone(&[&forge.url(repository.name()), "dest"]).expect(0);
    assert_eq!(tests::git::beside(&lab.path("work")), ["dest"], "{what}");
    lab.assert_left(&["dest"]);
    lab.dest().assert_sound();
    assert_eq!(lab.dest().head(), repository.id("main"), "{what}");
}

/// One step of Sebastiano Vigna's splitmix64.
const fn draw(seed: u64) -> u64 {
    let x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[test]
fn killed_in_the_requests_and_again_is_a_clone() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    for step in [Step::Refs, Step::List, Step::Fetch] {
        let (lab, gate) = (Lab::new(), Gate::new());
        forge.script("l", step, [Behaviour::HoldBeforeHeaders { gate: gate.clone() }, Behaviour::Ok]);
        let running = lab.begin(&[&forge.url("l"), "dest"]);
        gate.wait_until_reached();
        kill(running);
        gate.open();
        again(&lab, &forge, &large, &format!("{step:?}"));
    }
}

#[test]
fn killed_in_the_pack_and_again_is_a_clone() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    (1..=SEEDS).for_each(|seed| killed_in_the_pack(&forge, &large, seed));
}

fn killed_in_the_pack(forge: &Forge, large: &Repository, seed: u64) {
    let (lab, gate, after) = (Lab::new(), Gate::new(), draw(seed) % LARGE_FILE);
    forge.script("l", Step::Fetch, [Behaviour::Hold { after, gate: gate.clone() }, Behaviour::Ok]);
    // A folder that was there is there afterwards, too.
    if seed.is_multiple_of(2) {
        std::fs::create_dir(lab.path("work/dest")).unwrap();
    }
    let running = lab.begin(&[&forge.url("l"), "dest"]);
    gate.wait_until_reached();
    kill(running);
    gate.open();
    again(&lab, forge, large, &format!("seed {seed}: after byte {after}"));
}

#[test]
fn killed_in_the_checkout_and_again_is_a_clone() {
    let Some(forge) = Forge::start() else { return };
    let many = forge.many("m", 1_000);
    (1..=SEEDS).for_each(|seed| killed_in_the_checkout(&forge, &many, seed));
}

/// After so many files of the tree: from none to all, with the steps to DEST's place behind them.
fn killed_in_the_checkout(forge: &Forge, many: &Repository, seed: u64) {
    let (lab, after) = (Lab::new(), usize::try_from(draw(seed) % 51).unwrap());
    let mut running = lab.begin(&[&forge.url("m"), "dest"]);
    wait_until("the checkout", || (lab.checked_out() >= after || !running.is_running()).then_some(()));
    if running.is_running() {
        running.signal(Signal::KILL);
    }
    let code = running.wait_alone();
    assert!([0, 137].contains(&code), "{code}");
    // What is at DEST is whole, or nothing is.
    if lab.path("work/dest").exists() {
        lab.dest().assert_sound();
    }
    again(&lab, forge, many, &format!("seed {seed}: after {after} folders"));
}
