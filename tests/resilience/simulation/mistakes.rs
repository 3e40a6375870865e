//! A law that cannot fail is worth nothing: the shipped files hold switches that put a mistake in, only for
//! tests, and the laws must find each of them, in so few worlds that a normal run finds it twice.

use std::path::{Path, PathBuf};

use vps_ops::env::Mistake;

use crate::plan::Plan;
use crate::{WORLDS, each, laws, shrink, world};

/// Times that a mistake must be found within a normal run's worlds.
const TIMES: usize = 2;
/// Worlds looked at between two counts.
const STEP: u64 = 10;

fn breaks_a_law(plan: &Plan, mistake: Mistake) -> Option<String> {
    laws::check(plan, &world::run(plan, Some(mistake)).lines).err()
}

#[test]
fn every_planted_mistake_is_found() {
    for mistake in Mistake::ALL {
        let (mut found, mut worlds) = (Vec::new(), 0);
        while found.len() < TIMES && worlds < WORLDS {
            let looked = each(worlds..worlds + STEP, |plan| breaks_a_law(plan, mistake));
            found.extend(looked.into_iter().filter_map(|(plan, law)| Some((plan.seed, law?))));
            worlds += STEP;
        }
        println!("`{mistake:?}`: found {} times in {worlds} worlds; first: {:?}", found.len(), found.first());
        assert!(found.len() >= TIMES, "`{mistake:?}` in {WORLDS} worlds");
    }
}

/// What is found is shown small.
#[test]
fn a_failure_shrinks_to_three_faults_and_crashes_at_most() {
    for mistake in [Mistake::OthersNotLookedAt, Mistake::SlotInMemoryOnly] {
        let plan = (0..WORLDS)
            .map(Plan::draw)
            .find(|plan| plan.faults.len() + plan.crashes.len() > 3 && breaks_a_law(plan, mistake).is_some());
        let small = shrink::shrink(&plan.unwrap(), |plan| breaks_a_law(plan, mistake).is_some());
        println!("`{mistake:?}` shrunk: {small}");
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

/// A mistake that strikes nowhere proves nothing, and one that strikes twice is two.
#[test]
fn each_mistake_strikes_in_one_line() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/ops/src"), &mut files);
    let declared = |file: &PathBuf| file.ends_with("env/mistake.rs");
    let texts: Vec<String> = files
        .iter()
        .filter(|file| !declared(file))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    for mistake in Mistake::ALL {
        let strike = format!("Mistake::{mistake:?})");
        let strikes: usize = texts.iter().map(|text| text.matches(&strike).count()).sum();
        assert_eq!(strikes, 1, "{mistake:?}");
    }
}
