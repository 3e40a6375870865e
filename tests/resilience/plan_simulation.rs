//! A plan of 210 steps in a hostile world, in virtual time: servers that are busy, cut off, lie, lose files or are down
//! for minutes, a command that fails, a gate that opens late; killed at drawn points, and run again until it ends.
//! Whatever the kills: the same files as without them, no `once` twice unasked, no restart lost, what cannot be done
//! said with its cause, and then nothing to do any more.
#![allow(clippy::disallowed_methods, reason = "the virtual clock is tokio's")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "hostile/machine.rs"]
mod machine;
#[path = "hostile/steps.rs"]
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tests::is_slow;
use vps_ops::NetworkOperationWrapper;
use vps_ops::plan::StepId;
use vps_ops::plan::run::{
    Applied, ApplyOptions, Deferral, Outcome, PlanEvent, PlanObserver, StepEvent, apply,
};
use vps_ops::settings::Settings;
use vps_ops::store::StoreHandle;
use vps_ops::testing::sim::splitmix64;

use machine::{Kill, Life, Machine, Surroundings};

/// Worlds in a normal run: as many as a few seconds hold.
const WORLDS: u64 = 12;
const WORLDS_IF_SLOW: u64 = 1_000;
/// Between two runs of somebody patient.
const PAUSE: Duration = Duration::from_secs(120);
/// Nobody runs it more often.
const MOST_RUNS: u32 = 30;

impl PlanObserver for Life {
    fn on(&self, event: &PlanEvent<'_>) {
        match &event.what {
            StepEvent::Began => self.note(format_args!("{} began", event.id)),
            StepEvent::Ended { outcome, .. } => self.note(format_args!("{} {}", event.id, end(outcome))),
            _ => {}
        }
    }
}

/// How a step ended.
fn end(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Satisfied => "ok".into(),
        Outcome::Done { changed, .. } => format!("done {changed}"),
        Outcome::Failed(error) => {
            let all: Vec<_> =
                [&error.what].into_iter().chain(&error.causes).map(ToString::to_string).collect();
            format!("failed: {}", all.join(": "))
        }
        Outcome::Blocked { by } => format!("blocked by {by}"),
        Outcome::Deferred(Deferral::CircuitOpen { .. }) => "left: circuit".into(),
        Outcome::Deferred(Deferral::Parked { failure: Some(failure) }) => format!("parked: {failure}"),
        other => format!("{other:?}"),
    }
}

/// A run and what it leaves.
struct Ran {
    left: Machine,
    /// Nothing where it was killed.
    applied: Option<Applied>,
    changes: u64,
    events: u64,
}

fn run(machine: &Machine, version: u32, kill: Kill, options: &ApplyOptions) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap();
    runtime.block_on(async {
        let life = Life::begin(machine, kill);
        let env = Surroundings::env(&life);
        let store = StoreHandle::inline(life.clone());
        let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
            .env(env.clone())
            .store(store.clone())
            .runner(Arc::new(life.clone()))
            .http(Arc::new(steps::servers(env, &life)))
            .apt(Arc::new(steps::apt(&life)))
            .build();
        let mut apply = pin!(apply(&network, &store, steps::plan(version), options, &life));
        let lived = std::future::poll_fn(|cx| {
            let polled = apply.as_mut().poll(cx);
            if life.is_dead() { std::task::Poll::Ready(None) } else { polled.map(Result::ok) }
        });
        let buried = async {
            while !life.is_dead() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let applied = tokio::select! {
            biased;
            applied = lived => applied,
            () = steps::open_gate(&life) => None,
            () = buried => None,
        };
        let (changes, events) = life.counts();
        Ran { left: life.left(), applied, changes, events }
    })
}

/// What came of all runs to the end.
struct Ended {
    machine: Machine,
    last: Vec<(StepId, String)>,
}

/// What steps failed with, in any run.
type Failures = BTreeMap<String, String>;

fn hear(applied: &Applied, failures: &mut Failures) {
    // Where each run that met it was killed, it is given up by the time that a run says why.
    let is_why = |outcome: &Outcome| {
        matches!(outcome, Outcome::Failed(_) | Outcome::Deferred(Deferral::Parked { .. }))
    };
    let failed = applied.steps.iter().filter(|step| is_why(&step.outcome));
    failures.extend(failed.map(|step| (step.id.to_string(), end(&step.outcome))));
}

/// What was done so far, but for what is refused each time.
fn of_hope(machine: &Machine) -> BTreeMap<String, u32> {
    let mut done = machine.outside.done.clone();
    done.retain(|line, _| !line.starts_with("refuse"));
    done
}

/// Runs it as somebody patient does, until nothing comes of it any more.
fn settle(machine: Machine, version: u32, failures: &mut Failures) -> Result<Ended, String> {
    let (mut machine, mut options) = (machine, ApplyOptions::default());
    let mut last = Vec::new();
    for _ in 0..MOST_RUNS {
        let (before, hope_before) = (machine.outside.clone(), of_hope(&machine));
        let ran = run(&machine, version, Kill::Never, &options);
        let applied = ran.applied.ok_or("a run that nobody killed did not end")?;
        hear(&applied, failures);
        machine = ran.left;
        options = ApplyOptions::default();
        let (mut ends, mut waits) = (Vec::new(), false);
        for step in &applied.steps {
            match &step.outcome {
                Outcome::Deferred(Deferral::Interrupted) => {
                    // Whoever is asked looks whether it was done.
                    let line = step.id.as_str().replace("once-", "migrate ");
                    let is_done = machine.outside.done.contains_key(&line);
                    let list = match is_done {
                        true => &mut options.selection.mark_done,
                        false => &mut options.selection.rerun,
                    };
                    list.extend([step.id.clone()]);
                    waits = true;
                }
                Outcome::Deferred(Deferral::CircuitOpen { .. }) => waits = true,
                _ => {}
            }
            ends.push((step.id.clone(), end(&step.outcome)));
        }
        // What can never be done is tried until it is given up.
        let is_quiet = ran.changes == 0 && machine.outside.asked == before.asked;
        if !waits && ends == last && is_quiet && of_hope(&machine) == hope_before {
            return Ok(Ended { machine, last });
        }
        (last, machine.clock) = (ends, machine.clock + PAUSE);
    }
    Err(format!("it never ends: {:?}", last.iter().filter(|(_, end)| end != "ok").collect::<Vec<_>>()))
}

/// Its files, but for archives that nobody may be there to remove. A hidden part may be left beside a file that is whole: killed between the two, nobody asks for it again.
fn tree(machine: &Machine) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_part = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(".down-") && name.ends_with(".part")
    };
    let content = |path: PathBuf| Some((path.clone(), machine.disk.content(&path)?));
    let is_archive = |path: &Path| path.starts_with("/data/archives");
    let names = machine.disk.names().into_iter();
    names.filter(|path| !is_part(path) && !is_archive(path)).filter_map(content).collect()
}

fn check(ended: &Ended, failures: &Failures, version: u32, unkilled: &Ended) -> Result<(), String> {
    let (found, wanted) = (tree(&ended.machine), tree(&unkilled.machine));
    if found != wanted {
        let differs: Vec<_> =
            found.keys().chain(wanted.keys()).filter(|path| found.get(*path) != wanted.get(*path)).collect();
        return Err(format!("other files than without a kill: {differs:?}"));
    }
    for group in 0..steps::GROUPS {
        let done = ended.machine.outside.done.get(&format!("migrate {group}")).copied();
        if done != Some(1) {
            return Err(format!("once-{group} was run {done:?} times"));
        }
        let conf = format!("version {version} of {group}").into_bytes();
        for reader in [format!("reload {group}"), format!("{group}.service")] {
            if ended.machine.outside.read.get(&reader) != Some(&conf) {
                return Err(format!("{reader}: it was never told of the last change"));
            }
        }
    }
    let hopeless: BTreeSet<&str> =
        steps::HOPELESS.iter().map(|(id, _)| *id).chain(steps::BEHIND_HOPELESS).collect();
    for (id, cause) in steps::HOPELESS {
        if !failures.get(id).is_some_and(|said| said.contains(cause)) {
            return Err(format!("{id}: not said why: {:?}", failures.get(id)));
        }
    }
    for (id, end) in &ended.last {
        let is_well = end == "ok" || end == "done false";
        if is_well == hopeless.contains(id.as_str()) {
            return Err(format!("{id} ended so: {end}"));
        }
    }
    Ok(())
}

/// What an unkilled run does, of the plan and of the plan once edited.
struct Unkilled {
    first: Ended,
    edited: Ended,
    failures: Failures,
    /// Changes and other events of one run each.
    counts: [(u64, u64); 2],
}

fn unkilled() -> Unkilled {
    let counts = |machine: &Machine, version| {
        let ran = run(machine, version, Kill::Never, &ApplyOptions::default());
        (ran.changes, ran.events)
    };
    let fresh = Machine::default();
    let mut failures = Failures::new();
    let first = settle(fresh.clone(), 1, &mut failures).unwrap();
    let edited = settle(first.machine.clone(), 2, &mut failures).unwrap();
    // Those that no gate keeps back come while steps above are still done.
    let trace = &first.machine.outside.trace;
    for group in 0..5 {
        let at = |what: &str| trace.iter().position(|line| line.ends_with(what));
        let (name, _) = steps::archive(group);
        let came = at(&format!("GET http://deb.example.com/{name}")).unwrap();
        assert!(came < at(&format!("once-{group} began")).unwrap(), "{name}");
    }
    for (name, asked) in (0..steps::GROUPS).map(steps::archive) {
        let found = first.machine.outside.asked.get(&format!("http://deb.example.com/{name}")).copied();
        assert_eq!(found, Some(asked), "{name}: fetched before its turn, or in it, and not in both");
    }
    let counts = [counts(&fresh, 1), counts(&first.machine, 2)];
    Unkilled { first, edited, failures, counts }
}

fn kill(draw: u64, (changes, events): (u64, u64)) -> Kill {
    let at = splitmix64(draw);
    match at % 2 {
        0 => Kill::AtChange(1 + (at / 2) % changes),
        _ => Kill::AtEvent(1 + (at / 2) % events),
    }
}

/// Killed up to three times, run to its end; edited, killed again, run to its end. What happened, and how many were
/// killed.
fn world(seed: u64, unkilled: &Unkilled) -> Result<(Vec<String>, u32), String> {
    let (mut machine, mut failures, mut killed) = (Machine::default(), Failures::new(), 0);
    let pairs = [(1, &unkilled.first), (2, &unkilled.edited)];
    for ((version, wanted), counts) in pairs.into_iter().zip(unkilled.counts) {
        let mut told = Vec::new();
        for nth in 0..=splitmix64(seed) % 3 {
            let kill = kill(seed * 100 + nth * 10 + u64::from(version), counts);
            let ran = run(&machine, version, kill, &ApplyOptions::default());
            killed += u32::from(ran.applied.is_none());
            ran.applied.iter().for_each(|applied| hear(applied, &mut failures));
            machine = ran.left;
            machine.clock += Duration::from_secs(1);
            told.push(kill);
        }
        let why = |law| format!("world {seed}, version {version}, killed {told:?}: {law}");
        let ended = settle(machine, version, &mut failures).map_err(why)?;
        check(&ended, &failures, version, wanted).map_err(why)?;
        machine = ended.machine;
    }
    Ok((machine.outside.trace, killed))
}

#[test]
fn a_plan_in_a_hostile_world_ends_as_if_nobody_had_killed_it() {
    let unkilled = unkilled();
    check(&unkilled.first, &unkilled.failures, 1, &unkilled.first).unwrap();
    check(&unkilled.edited, &unkilled.failures, 2, &unkilled.edited).unwrap();
    let worlds = if is_slow() { WORLDS_IF_SLOW } else { WORLDS };
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let killed: u32 = std::thread::scope(|scope| {
        let unkilled = &unkilled;
        let of = |thread: u64| {
            let each = move |seed| {
                let (trace, killed) = world(seed, unkilled).unwrap();
                if seed % 8 == 0 {
                    let again = world(seed, unkilled).unwrap().0;
                    let differs = trace.iter().zip(&again).find(|(one, other)| one != other);
                    assert!(trace == again, "world {seed} is another one each time: {differs:?}");
                }
                killed
            };
            scope.spawn(move || (0..worlds).filter(|seed| seed % threads == thread).map(each).sum::<u32>())
        };
        let started: Vec<_> = (0..threads).map(of).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{worlds} worlds, {killed} kills of {:?} points", unkilled.counts);
    assert!(u64::from(killed) > worlds, "hardly anybody was killed: {killed}");
}
