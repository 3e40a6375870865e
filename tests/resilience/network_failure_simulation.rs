//! The real pipeline in virtual time: several processes on one store, services that fail by a plan drawn
//! from a seed, processes killed at any poll. Equal seeds give equal traces; every trace keeps the laws.
//!
//! `VPS_SIM_SEEDS=N` runs more worlds, `VPS_SIM_SEED=N` one, `VPS_SIM_REPLAY='LINE'` the world of a line that
//! a failure printed. Lines in `regressions.txt` run first.
#![allow(clippy::disallowed_methods, reason = "tests read their environment and start themselves")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "simulation/draw.rs"]
mod draw;
#[path = "simulation/laws.rs"]
mod laws;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/service.rs"]
mod service;
#[path = "simulation/shrink.rs"]
mod shrink;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeSet;

use plan::Plan;

/// Worlds in a normal run.
const WORLDS: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs a world twice; the laws, and that both runs are the same.
fn check(plan: &Plan) -> Result<world::Outcome, String> {
    let first = world::run(plan, None);
    laws::check(plan, &first.lines)?;
    let second = world::run(plan, None);
    if first.digest != second.digest {
        let differs = first.lines.iter().zip(&second.lines).position(|(a, b)| a != b);
        return Err(format!("two runs of one seed differ at line {differs:?}"));
    }
    Ok(first)
}

fn fail(plan: &Plan, law: &str) -> ! {
    let small = shrink::shrink(plan, |plan| check(plan).is_err());
    let trace = world::run(&small, None).lines.join("\n");
    panic!("{law}\n\nreplay: cargo xtask simulate --replay '{small}'\n{trace}");
}

#[test]
fn every_world_keeps_the_laws() {
    if let Ok(line) = std::env::var("VPS_SIM_REPLAY") {
        let plan: Plan = line.parse().unwrap();
        println!("{}", world::run(&plan, None).lines.join("\n"));
        check(&plan).unwrap();
        return;
    }
    for line in
        include_str!("regressions.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        check(&line.parse().unwrap()).unwrap();
    }
    let seeds = match number("VPS_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("VPS_SIM_SEEDS").unwrap_or(WORLDS),
    };
    let whole = seeds.clone().count() as u64 >= WORLDS;
    let (mut reached, mut operations) = (BTreeSet::new(), 0);
    for seed in seeds {
        let plan = Plan::draw(seed);
        match check(&plan) {
            Ok(outcome) => {
                reached.extend(laws::reached(&outcome.lines));
                operations += outcome.operations;
            }
            Err(law) => fail(&plan, &law),
        }
    }
    println!("{operations} operations; reached {reached:?}");
    if whole {
        for state in laws::RARE {
            assert!(reached.contains(state), "no world reached `{state}`");
        }
    }
}

#[test]
fn another_process_sees_the_same_trace() {
    const CHILD: &str = "VPS_SIM_CHILD";
    let digests: Vec<String> = (0..20).map(|seed| world::run(&Plan::draw(seed), None).digest).collect();
    if std::env::var(CHILD).is_ok() {
        println!("digests {}", digests.join(" "));
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "another_process_sees_the_same_trace", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&format!("digests {}", digests.join(" "))), "{text}");
}

/// A law that cannot fail is worth nothing: each mistake planted here is found, and soon.
#[test]
fn planted_mistakes_are_found() {
    for mistake in world::Mistake::ALL {
        let found = (0..400).position(|seed| {
            let plan = Plan::draw(seed);
            laws::check(&plan, &world::run(&plan, Some(mistake)).lines).is_err()
        });
        println!("{mistake:?} found in world {found:?}");
        assert!(found.is_some(), "{mistake:?} was not found in 400 worlds");
    }
}

#[test]
fn a_plan_survives_being_printed() {
    for seed in 0..200 {
        let plan = Plan::draw(seed);
        assert_eq!(plan.to_string().parse::<Plan>().unwrap(), plan);
    }
}
