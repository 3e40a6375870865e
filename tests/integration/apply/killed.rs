//! kill -9 at points drawn from a seed, in the first run of the plan and in the first one after an edit.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::Instant;

use vps_retry::{Rng as _, SplitMix64};

use super::laws::Said;
use super::seen;
use super::steps::kill_points;
use super::world::{Repository, World};

/// Kills in a normal run, and with `cargo xtask test --slow`.
const KILLS: u64 = 10;
const MANY_KILLS: u64 = 100;

/// Where a run is killed.
#[derive(Clone, Debug)]
enum Point {
    /// When the server gets its so manieth request.
    Request(usize),
    /// When the run has said so many of its events.
    Event(usize),
    /// By a command of the plan, before what it does or after it.
    Command(String),
}

/// What an unkilled run comes to.
struct Unkilled {
    requests: usize,
    events: [usize; 2],
    trees: [BTreeMap<String, (u32, Vec<u8>)>; 2],
}

const APPLY: [&str; 3] = ["apply", "p.yaml", "--wait=30s"];

fn applied(world: &World) -> (Said, usize) {
    let said = world.said(&[&["--json"], APPLY.as_slice()].concat());
    let events = said.out.lines().count() - 1;
    (said, events)
}

/// What comes once nothing is killed any more: told, kept, mended, done again, and quiet.
fn finish(world: &mut World, told: &str) {
    world.assert_kept();
    world.mend();
    let again = ["dead-letter", "retry", "--all", "--rate", "60000", "--wait"];
    let said = world.said(&again);
    assert_eq!(said.code, Some(0), "{told}: {}{}", said.out, said.err);
    let letters = world.asked(&["dead-letter", "list"]);
    assert_eq!(letters["letters"].as_array().map(Vec::len), Some(0), "{told}");
    world.assert_secret(told);
    world.assert_rests(told);
}

fn unkilled(repository: Option<&Repository>) -> Unkilled {
    let mut world = World::make(0, repository);
    let (said, first) = applied(&world);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let requests = world.places.server.log().exchanges.len();
    let said = world.said(&APPLY);
    world.assert_tells(&said);
    finish(&mut world, "unkilled");
    world.assert_done(1);
    let tree = seen::tree(&world);
    world.write_plan(2);
    let (said, second) = applied(&world);
    assert_eq!(said.code, Some(0), "{}", said.err);
    world.assert_done(2);
    world.assert_rests("unkilled, edited");
    Unkilled { requests, events: [first, second], trees: [tree, seen::tree(&world)] }
}

fn point(seed: u64, version: u32, unkilled: &Unkilled) -> Point {
    let mut draw = SplitMix64::new(seed);
    let mut below = |most: usize| usize::try_from(draw.next_u64() % most as u64).unwrap();
    // An edit has only those to do that are told of it; else each sort comes in its turn.
    let sort = if version == 2 {
        "told-"
    } else {
        ["once-", "made-", "told-"][usize::try_from(seed / 3 % 3).unwrap()]
    };
    let points: Vec<_> = kill_points().into_iter().filter(|point| point.contains(sort)).collect();
    match seed % 3 {
        // An edit asks nobody for anything.
        0 if version == 1 => Point::Request(1 + below(unkilled.requests)),
        1 => Point::Event(1 + below(unkilled.events[usize::from(version == 2)])),
        _ => Point::Command(points[below(points.len())].clone()),
    }
}

/// Kills the run there; whether it lived so long.
fn kill(world: &World, child: &mut Child, point: &Point) -> bool {
    match point {
        Point::Request(number) => {
            let come = || world.places.server.log().exchanges.len() >= *number;
            while !come() && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
        }
        Point::Event(number) => {
            let out = BufReader::new(child.stdout.take().unwrap());
            out.lines().take(*number).for_each(|line| drop(line.unwrap()));
        }
        Point::Command(_) => {}
    }
    if !matches!(point, Point::Command(_)) {
        // One that has ended already is told apart below.
        let _ = child.kill();
    }
    child.wait().unwrap().signal() == Some(9)
}

/// What a run that was killed may have left to be decided on: whether it was done is looked at.
fn decide(world: &World, said: Said) -> Said {
    let of = |line: &str| line.split_whitespace().find(|word| word.starts_with("once-")).map(str::to_owned);
    let left = said.err.lines().find(|line| line.contains("it may be done only once"));
    let Some(id) = left.and_then(of) else { return said };
    assert!(
        said.err.contains(&format!("--rerun {id}  (or --mark-done {id}, if it was done)")),
        "{}",
        said.err
    );
    let flag = if world.log(&format!("log/{id}")).is_empty() { "--rerun" } else { "--mark-done" };
    let decided = world.said(&["apply", "p.yaml", "--only", &id, flag, &id]);
    assert_eq!(decided.code, Some(0), "{flag} {id}: {}{}", decided.out, decided.err);
    // What it had to say of all others stays.
    let err = said.err.lines().filter(|line| !line.starts_with("next: "));
    let err = err.collect::<Vec<_>>().join("\n");
    Said { err: format!("{err}\nnext: vps-configurator apply p.yaml  (once the cause is gone)\n"), ..said }
}

/// Killed once in its first run, or in the one after an edit.
fn world(seed: u64, unkilled: &Unkilled, repository: Option<&Repository>) {
    let version = if seed % 4 == 3 { 2 } else { 1 };
    let mut world = World::make(seed, repository);
    if version == 2 {
        assert_eq!(world.said(&APPLY).code, Some(1));
        finish(&mut world, "before the edit");
        world.write_plan(2);
    }
    let point = point(seed, version, unkilled);
    let told = format!("seed {seed}, version {version}, killed at {point:?}");
    if let Point::Command(name) = &point {
        fs::write(world.lab.path("kill").join(name), "").unwrap();
    }
    let mut command = world.command(&[&["--json"], APPLY.as_slice()].concat());
    command.stderr(Stdio::null());
    if !matches!(point, Point::Event(_)) {
        // Nobody reads it: a full pipe would hold up what is to be killed.
        command.stdout(Stdio::null());
    }
    let mut child = command.spawn().unwrap();
    let was_killed = kill(&world, &mut child, &point);
    println!("{told}");
    assert!(was_killed, "{told}: it lived on");
    let left = world.killed();
    let said = decide(&world, world.said(&APPLY));
    world.assert_secret(&told);
    if version == 1 {
        world.assert_tells(&said);
        world.assert_fetched_once(&left, &told);
        finish(&mut world, &told);
    } else {
        world.assert_rests(&told);
    }
    world.assert_done(version);
    let (found, wanted) = (seen::tree(&world), &unkilled.trees[usize::from(version == 2)]);
    let differs: Vec<_> =
        found.keys().chain(wanted.keys()).filter(|name| found.get(*name) != wanted.get(*name)).collect();
    assert!(differs.is_empty(), "{told}: other files than without a kill: {differs:?}");
}

/// One of these is killed alone where a seed is named.
const SEED: &str = "VPS_KILL_SEED";

/// So many worlds, shared out among a few threads, each with a repository whose scripts are of one world at a time.
fn worlds(seeds: &[u64], unkilled: &Unkilled, repository: Option<Repository>) {
    let mut first = Some(repository);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(seeds.len());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let repository = first.take();
            scope.spawn(move || {
                let repository = repository.unwrap_or_else(Repository::make);
                let own = seeds.iter().skip(thread).step_by(threads);
                own.for_each(|seed| world(*seed, unkilled, repository.as_ref()));
            });
        }
    });
}

#[test]
fn a_plan_that_is_killed_anywhere_ends_as_one_that_is_not() {
    let began = Instant::now();
    let repository = Repository::make();
    let unkilled = unkilled(repository.as_ref());
    let kills = if tests::is_slow() { MANY_KILLS } else { KILLS };
    let only = std::env::var(SEED).ok().map(|seed| vec![seed.parse().unwrap()]);
    let seeds = only.unwrap_or_else(|| (1..=kills).collect());
    worlds(&seeds, &unkilled, repository);
    let (kills, requests, events) = (seeds.len(), unkilled.requests, unkilled.events);
    println!("{kills} kills in {:.0?}; unkilled: {requests} requests, {events:?} events", began.elapsed());
}
