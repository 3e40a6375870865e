//! A law that cannot fail is worth nothing: the shipped files hold switches that put a mistake in, only for
//! tests, and the laws must find each of them, in so few worlds that a normal run finds it twice.

use std::path::{Path, PathBuf};

use crate::plan::Plan;
use crate::{WORLDS, each, laws, shrink, world};

/// Each is `planted("...")` somewhere in the pipeline or the circuits.
const MISTAKES: [&str; 21] = [
    "Retry-After ignored",
    "budget ignored",
    "bulkhead of its own",
    "cancel not told",
    "deadline not told",
    "dropped permit kept",
    "ends by itself but is cut",
    "lease without a holder",
    "left-out member called",
    "limit only before the pause",
    "members settled alike",
    "one attempt too many",
    "others not looked at",
    "place leaked",
    "probe not renewed",
    "retry after open",
    "secret in an event",
    "slot in memory only",
    "stale result counts",
    "told twice",
    "update without re-reading",
];

/// Times that a mistake must be found within a normal run's worlds.
const TIMES: usize = 2;
/// Worlds looked at between two counts.
const STEP: u64 = 10;

fn breaks_a_law(plan: &Plan, mistake: &'static str) -> Option<String> {
    laws::check(plan, &world::run(plan, Some(mistake)).lines).err()
}

#[test]
fn every_planted_mistake_is_found() {
    for mistake in MISTAKES {
        let (mut found, mut worlds) = (Vec::new(), 0);
        while found.len() < TIMES && worlds < WORLDS {
            let looked = each(worlds..worlds + STEP, |plan| breaks_a_law(plan, mistake));
            found.extend(looked.into_iter().filter_map(|(plan, law)| Some((plan.seed, law?))));
            worlds += STEP;
        }
        println!("`{mistake}`: found {} times in {worlds} worlds; first: {:?}", found.len(), found.first());
        assert!(found.len() >= TIMES, "`{mistake}` in {WORLDS} worlds");
    }
}

/// What is found is shown small.
#[test]
fn a_failure_shrinks_to_three_faults_and_crashes_at_most() {
    for mistake in ["others not looked at", "slot in memory only"] {
        let plan = (0..WORLDS)
            .map(Plan::draw)
            .find(|plan| plan.faults.len() + plan.crashes.len() > 3 && breaks_a_law(plan, mistake).is_some());
        let small = shrink::shrink(&plan.unwrap(), |plan| breaks_a_law(plan, mistake).is_some());
        println!("`{mistake}` shrunk: {small}");
        assert!(small.faults.len() + small.crashes.len() <= 3, "{small}");
        let again: Plan = small.to_string().parse().unwrap();
        assert!(breaks_a_law(&again, mistake).is_some(), "the line replays it: {small}");
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            found.push(entry);
        }
    }
}

/// A switch in the code that is not in the list proves nothing, and the other way round.
#[test]
fn the_list_holds_every_switch_in_the_code() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/ops/src"), &mut files);
    let mut switches = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let parts = text.split(".planted(\"").skip(1);
        switches.extend(parts.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    switches.sort();
    switches.dedup();
    let mut listed = MISTAKES;
    listed.sort_unstable();
    assert_eq!(switches, listed);
}
