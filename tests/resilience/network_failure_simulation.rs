//! The shipped pipeline, circuits and store code in virtual time: many processes on many machines, services
//! that fail by a plan drawn from a seed, processes killed at any poll, clocks that jump, stores that fail.
//! Equal seeds give equal traces; every trace keeps the laws; every mistake planted in the code is found.
//!
//! `VPS_SIM_SEEDS=N` runs more worlds, `VPS_SIM_SEED=N` one, `VPS_SIM_REPLAY='LINE'` the world of a line that
//! a failure printed. Lines in `regressions.txt` run first.
#![allow(clippy::disallowed_methods, reason = "tests read their environment and start themselves")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "simulation/draw.rs"]
mod draw;
#[path = "simulation/flights.rs"]
mod flights;
#[path = "simulation/laws.rs"]
mod laws;
#[path = "simulation/members.rs"]
mod members;
#[path = "simulation/mistakes.rs"]
mod mistakes;
#[path = "simulation/places.rs"]
mod places;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/reached.rs"]
mod reached;
#[path = "simulation/shrink.rs"]
mod shrink;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use plan::Plan;

/// Worlds in a normal run.
pub(crate) const WORLDS: u64 = 1_000;
/// One in so many is run twice: what is drawn or ordered by chance in one of them is so in many.
const TWICE: u64 = 8;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs a world; the laws, and in some that a second run is the same.
fn check(plan: &Plan) -> Result<world::Outcome, String> {
    let first = world::run(plan, None);
    laws::check(plan, &first.lines)?;
    if !plan.seed.is_multiple_of(TWICE) {
        return Ok(first);
    }
    let second = world::run(plan, None);
    if first.digest != second.digest {
        let differs = first.lines.iter().zip(&second.lines).position(|(a, b)| a != b);
        return Err(format!("two runs of one seed differ at line {differs:?}"));
    }
    Ok(first)
}

/// Draws and looks at each world, on as many threads as there are cores; in the order of the seeds.
pub(crate) fn each<T: Send>(seeds: Range<u64>, look: impl Fn(&Plan) -> T + Sync) -> Vec<(Plan, T)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut found: Vec<(Plan, T)> = std::thread::scope(|scope| {
        let look = &look;
        let start = |thread| {
            let seeds = seeds.clone();
            scope.spawn(move || {
                let mine = seeds.skip(usize::try_from(thread).unwrap());
                let mine = mine.step_by(usize::try_from(threads).unwrap()).map(Plan::draw);
                mine.map(|plan| (plan.clone(), look(&plan))).collect::<Vec<_>>()
            })
        };
        let started: Vec<_> = (0..threads).map(start).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    found.sort_by_key(|(plan, _)| plan.seed);
    found
}

fn fail(plan: &Plan, law: &str) -> ! {
    let small = shrink::shrink(plan, |plan| check(plan).is_err());
    let law_of_small = check(&small).err().unwrap_or_default();
    let trace = world::run(&small, None).text();
    panic!("{law}\nof {plan}\n\n{law_of_small}\nreplay: cargo xtask simulate --replay '{small}'\n{trace}");
}

#[test]
fn every_world_keeps_the_laws() {
    if let Ok(line) = std::env::var("VPS_SIM_REPLAY") {
        let plan: Plan = line.parse().unwrap();
        println!("{}", world::run(&plan, None).text());
        check(&plan).unwrap();
        return;
    }
    for line in
        include_str!("regressions.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        if let Err(law) = check(&line.parse().unwrap()) {
            panic!("an old mistake is back: {law}\nreplay: cargo xtask simulate --replay '{line}'");
        }
    }
    let seeds = match number("VPS_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("VPS_SIM_SEEDS").unwrap_or(WORLDS),
    };
    let (started, worlds) = (Instant::now(), seeds.end - seeds.start);
    let (mut reached, mut operations) = (BTreeSet::new(), 0);
    for (plan, checked) in each(seeds, |plan| {
        let checked = check(plan);
        checked.map(|outcome| (reached::reached(plan, &outcome.lines), outcome.operations))
    }) {
        match checked {
            Ok((seen, made)) => {
                reached.extend(seen);
                operations += made;
            }
            Err(law) => fail(&plan, &law),
        }
    }
    let each_minute = u128::from(operations) * 60_000 / started.elapsed().as_millis().max(1);
    println!("{worlds} worlds, {operations} operations, {each_minute} a minute; reached {reached:?}");
    if worlds >= WORLDS {
        for state in reached::RARE {
            assert!(reached.contains(state), "no world reached `{state}`");
        }
    }
}

#[test]
fn another_process_sees_the_same_trace() {
    const CHILD: &str = "VPS_SIM_CHILD";
    let digests: Vec<String> =
        (0..50).map(|seed| format!("{:016x}", world::run(&Plan::draw(seed), None).digest)).collect();
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

#[test]
fn a_plan_survives_being_printed() {
    for seed in 0..200 {
        let plan = Plan::draw(seed);
        assert_eq!(plan.to_string().parse::<Plan>().unwrap(), plan);
    }
    let short: Plan = "seed=11 machines=2 fault=0@0ms-3500ms:fail100% crash=0@poll7".parse().unwrap();
    assert_eq!((short.machines, short.faults.len(), short.crashes.len()), (2, 1, 1));
}
