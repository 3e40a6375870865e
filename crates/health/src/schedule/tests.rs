//! Who is asked when.

use std::collections::BTreeSet;
use std::vec::Vec;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(30);

fn plan(number: u64, host: u32) -> Plan {
    Plan { number, host, interval: INTERVAL, is_important: false, is_private: false }
}

fn at(millis: i64) -> Moment {
    Moment::from_millis(millis)
}

/// Everything that is due until then, with when; each is over at once.
fn all_until(schedule: &mut Schedule, until: Moment) -> Vec<(Moment, TargetId, Turn)> {
    let mut now = Moment::ORIGIN.before(Duration::from_secs(1 << 40));
    let mut all = Vec::new();
    loop {
        match schedule.next(now) {
            Due::Probe(run) => {
                all.push((now, run.target, run.turn));
                assert_eq!(schedule.finished(run, After::default(), now), Finished::Counts);
            }
            Due::At(next) if next <= until => now = next,
            Due::At(_) | Due::Idle => return all,
        }
    }
}

fn run_at(schedule: &mut Schedule, now: Moment) -> Run {
    match schedule.next(now) {
        Due::Probe(run) => run,
        other => panic!("{other:?}"),
    }
}

fn wakes_at(schedule: &mut Schedule, now: Moment) -> Moment {
    match schedule.next(now) {
        Due::At(at) => at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_round_is_even_and_important_ones_are_first() {
    let mut schedule = Schedule::new(1);
    let plans =
        (0..100).map(|number| Plan { is_important: number % 10 == 0, ..plan(u64::from(number), number) });
    let ids = schedule.add_all(plans, at(1_000));
    let first = all_until(&mut schedule, at(6_000));
    assert_eq!(first.len(), 100);
    for (place, (now, id, turn)) in first.iter().enumerate() {
        assert_eq!(*now, at(1_000 + 50 * i64::try_from(place).unwrap()));
        assert_eq!((*turn, id.0 % 10 == 0), (Turn::Round, place < 10));
    }
    assert!(first.iter().map(|(_, id, _)| *id).ne(ids), "in no order that was given");
    // Of a short interval, over that.
    let mut schedule = Schedule::new(1);
    let short = |number| Plan { interval: SECOND, is_private: true, ..plan(u64::from(number), number) };
    schedule.add_all((0..10).map(short), at(0));
    let asked = all_until(&mut schedule, at(900));
    assert_eq!(asked.iter().map(|(_, id, _)| *id).collect::<BTreeSet<_>>().len(), 10);
}

#[test]
fn rounds_have_a_phase_and_a_jitter() {
    let of = |machine, number| {
        let mut schedule = Schedule::new(machine);
        schedule.add_all([plan(number, 0)], at(0));
        let rounds: Vec<_> =
            all_until(&mut schedule, at(30_000 * 50)).into_iter().map(|(now, ..)| now).collect();
        let waits: Vec<_> = rounds.windows(2).map(|two| two[1].since(two[0]).as_millis()).collect();
        // The first ones lead from the first round of all to the own phase.
        assert!(waits[..2].iter().all(|wait| (6_000..=33_000).contains(wait)), "{waits:?}");
        let waits = &waits[2..];
        assert!(waits.iter().all(|wait| (27_000..=33_000).contains(wait)), "{waits:?}");
        assert!(waits.iter().collect::<BTreeSet<_>>().len() > 40, "a jitter that is always the same is none");
        assert!(rounds.len() >= 50);
        rounds
    };
    assert_eq!(of(1, 7), of(1, 7));
    assert_ne!(of(1, 7), of(2, 7));
    assert_ne!(of(1, 7), of(1, 8));
}

#[test]
fn without_a_first_round_each_is_asked_in_its_own() {
    let mut schedule = Schedule::new(1);
    schedule.add_all_in_turn((0..100).map(|host| plan(u64::from(host), host)), at(0));
    let asked = all_until(&mut schedule, at(48_000));
    let within = |from, until| asked.iter().filter(|(now, ..)| (at(from)..at(until)).contains(now)).count();
    assert_eq!(within(0, 6_000), 0, "none before a fifth of an interval");
    assert!((20..=46).contains(&within(22_000, 32_000)), "a third of them in a third of an interval");
    assert_eq!(asked.iter().map(|(_, id, _)| *id).collect::<BTreeSet<_>>().len(), 100);
}

#[test]
fn a_host_of_others_is_not_asked_more_often_than_each_ten_seconds() {
    for (is_private, least) in [(false, 80), (true, 900)] {
        let mut schedule = Schedule::new(3);
        schedule.add_all([Plan { interval: SECOND, is_private, ..plan(1, 1) }], at(0));
        let count = all_until(&mut schedule, at(1_000_000)).len();
        assert!((least..least * 13 / 10).contains(&count), "{count}");
    }
}

#[test]
fn missed_rounds_are_skipped() {
    let mut schedule = Schedule::new(3);
    schedule.add_all([plan(1, 1)], at(0));
    let run = run_at(&mut schedule, at(5_000));
    // Stopped for ten minutes, in the middle of a probe.
    schedule.finished(run, After::default(), at(600_000));
    let next = wakes_at(&mut schedule, at(600_000));
    assert!(next > at(614_000) && next < at(650_000), "{next:?}");
}

#[test]
fn one_host_is_asked_once_at_a_time() {
    let mut schedule = Schedule::new(3);
    let ids = schedule.add_all((0..4).map(|number| plan(number, u32::from(number == 3))), at(0));
    let now = at(10_000);
    let (a, b) = (run_at(&mut schedule, now), run_at(&mut schedule, now));
    let hosts = BTreeSet::from([a.target == ids[3], b.target == ids[3]]);
    assert_eq!((schedule.in_flight(), hosts.len()), (2, 2));
    assert!(wakes_at_or_idle(&mut schedule, now));
    let (shared, other) = if a.target == ids[3] { (b, a) } else { (a, b) };
    schedule.finished(shared, After::default(), now.after(SECOND));
    assert!(schedule.queue_age(now.after(SECOND)) > SECOND);
    let second = run_at(&mut schedule, now.after(SECOND));
    assert!(second.target != ids[3] && second.target != shared.target);
    assert!(schedule.queue_age(now.after(SECOND)) >= SECOND);
    // One that waits is taken away; the last one is not lost.
    let last = ids.iter().find(|id| ![shared.target, second.target, ids[3]].contains(id)).copied().unwrap();
    schedule.remove(second.target);
    assert_eq!(schedule.finished(second, After::default(), now.after(SECOND)), Finished::Dropped);
    assert_eq!(run_at(&mut schedule, now.after(SECOND)).target, last);
    assert_eq!(schedule.finished(other, After::default(), now.after(SECOND)), Finished::Counts);
    assert_eq!(schedule.finished(other, After::default(), now.after(SECOND)), Finished::Dropped, "only once");
    assert_eq!(schedule.in_flight(), 1);
}

fn wakes_at_or_idle(schedule: &mut Schedule, now: Moment) -> bool {
    matches!(schedule.next(now), Due::At(_) | Due::Idle)
}

#[test]
fn no_more_than_the_cap_fly() {
    let mut schedule = Schedule::new(3);
    schedule.add_all((0..1_000).map(|number| plan(u64::from(number), number)), at(0));
    let runs: Vec<_> = (0..MOST_IN_FLIGHT).map(|_| run_at(&mut schedule, at(5_000))).collect();
    assert_eq!(schedule.next(at(5_000)), Due::Idle);
    assert!(schedule.queue_age(at(5_000)) > SECOND);
    schedule.finished(runs[0], After::default(), at(5_000));
    let _flies = run_at(&mut schedule, at(5_000));
    assert_eq!((schedule.next(at(5_000)), schedule.in_flight()), (Due::Idle, MOST_IN_FLIGHT));
}

#[test]
fn wishes_come_before_rounds_and_after_what_a_service_asks_for() {
    let mut schedule = Schedule::new(3);
    let id = schedule.add_all([plan(1, 1)], at(0))[0];
    let turn = |schedule: &mut Schedule, after: After, now: Moment| {
        let run = run_at(schedule, now);
        schedule.finished(run, after, now);
        (run.turn, wakes_at(schedule, now))
    };
    let recheck = |seconds| After { recheck: Some(Duration::from_secs(seconds)), not_before: None };
    assert_eq!(turn(&mut schedule, recheck(2), at(5_000)), (Turn::Round, at(7_000)));
    assert_eq!(turn(&mut schedule, recheck(8), at(7_000)), (Turn::Recheck, at(15_000)));
    let (_, round) = turn(&mut schedule, After::default(), at(15_000));
    assert!(round > at(17_000));
    // The circuit is due sooner; it closes, and is due no more.
    schedule.circuit_due(id, Some(at(16_000)));
    assert_eq!(schedule.next(at(15_500)), Due::At(at(16_000)));
    schedule.circuit_due(id, None);
    assert_eq!(schedule.next(at(15_500)), Due::At(round));
    schedule.circuit_due(id, Some(at(16_000)));
    assert_eq!(turn(&mut schedule, After::default(), at(16_000)).0, Turn::Circuit);
    // Somebody wants to know; twice is once.
    schedule.ask(id, at(16_500));
    schedule.ask(id, at(16_600));
    let pause = After { recheck: Some(SECOND), not_before: Some(Duration::from_secs(7_200)) };
    assert_eq!(turn(&mut schedule, pause, at(16_700)).0, Turn::Asked);
    // An hour is granted, and nobody's wish goes before it.
    let granted = at(16_700).after(Duration::from_secs(3_600));
    schedule.ask(id, at(17_000));
    schedule.circuit_due(id, Some(at(17_000)));
    assert_eq!(schedule.next(at(18_000)), Due::At(granted));
    assert_eq!(schedule.due(id), Some(granted));
    // What came together is one probe.
    assert_eq!(turn(&mut schedule, After::default(), granted).0, Turn::Circuit);
    assert!(wakes_at(&mut schedule, granted) > granted.after(5 * SECOND));
}

#[test]
fn a_machine_that_slept_asks_all_anew() {
    let mut schedule = Schedule::new(3);
    let ids = schedule.add_all((0..10).map(|number| plan(number, 7)), at(0));
    let ahead = Duration::from_secs(100);
    assert_eq!(schedule.slept(ahead, at(0)), None, "the first time there is nothing to compare");
    let run = run_at(&mut schedule, at(5_000));
    assert!(wakes_at_or_idle(&mut schedule, at(5_000)), "the others wait behind it");
    assert_eq!(schedule.slept(ahead + SECOND, at(6_000)), None, "a second is none");
    let pause = schedule.entry(ids[1]).unwrap();
    pause.not_before = Some(at(25_000));
    schedule.circuit_due(ids[0], Some(at(20_000)));
    let awake = at(20_000);
    assert_eq!(schedule.slept(ahead + SECOND + 12 * SECOND, awake), Some(13 * SECOND));
    assert_eq!(schedule.finished(run, After::default(), awake), Finished::Dropped);
    assert_eq!(schedule.in_flight(), 0);
    let fresh = all_until(&mut schedule, at(25_000));
    let asked: BTreeSet<_> = fresh.iter().map(|(_, id, _)| *id).collect();
    assert_eq!(asked.len(), 10);
    let first = |id| fresh.iter().find(|(_, asked, _)| *asked == id).copied().unwrap();
    assert_eq!((first(ids[0]).0, first(ids[0]).2), (at(20_000), Turn::Circuit), "it was due meanwhile");
    assert_eq!(first(ids[1]).0, at(25_000), "what a service asked for holds");
    assert!(fresh.iter().all(|(now, ..)| *now >= awake));
    assert_eq!(schedule.slept(ahead + 13 * SECOND, at(26_000)), None);
    // The clocks differ in what they show, and now and then by a little: that is no sleep.
    assert_eq!(schedule.slept(ahead, at(14_000)), None);
    assert_eq!(schedule.slept(ahead + SECOND, at(14_000)), None);
}

#[test]
fn the_heap_does_not_grow_by_wishes() {
    let mut schedule = Schedule::new(3);
    let id = schedule.add_all([plan(1, 1)], at(0))[0];
    for millis in 0..10_000 {
        schedule.circuit_due(id, Some(at(100_000 + millis)));
    }
    assert!(schedule.heap.len() <= 65, "{}", schedule.heap.len());
    assert_eq!(all_until(&mut schedule, at(20_000)).len(), 1);
}
