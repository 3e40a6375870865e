//! When targets are asked: never in step, never late by the rules.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is drawn is small")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use vps_health::{
    After, Damped, Due, Finished, Level, Moment, Outcome, Plan, Reason, Run, Sample, Schedule, Status,
    Timing, Turn, Verdict, name_number,
};
use vps_retry::SplitMix64;

use crate::health_damping::below;
use crate::seeds;

fn plans(count: u32) -> impl Iterator<Item = Plan> {
    (0..count).map(|host| Plan {
        number: name_number(&format!("host{host}.example.com")),
        host,
        interval: Duration::from_secs(30),
        is_important: host % 7 == 0,
        is_private: false,
    })
}

/// Begins of all probes in milliseconds, the most that were in flight, and the longest wait for a place.
fn asked(machine: u64, count: u32, takes: Duration, until: i64) -> (Vec<i64>, usize, Duration) {
    let mut schedule = Schedule::new(machine);
    schedule.add_all(plans(count), Moment::ORIGIN);
    let (mut now, mut begins, mut most, mut waited) = (Moment::ORIGIN, Vec::new(), 0, Duration::ZERO);
    let mut flying: BinaryHeap<Reverse<(Moment, usize)>> = BinaryHeap::new();
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let next = match schedule.next(now) {
            Due::Probe(run) => {
                begins.push(now.as_nanos() / 1_000_000);
                flying.push(Reverse((now.after(takes), runs.len())));
                runs.push(run);
                most = most.max(schedule.in_flight());
                continue;
            }
            Due::At(at) => Some(at),
            Due::Idle => None,
        };
        let ends = flying.peek().map(|Reverse((at, _))| *at);
        now = next.into_iter().chain(ends).min().unwrap();
        if now > Moment::from_millis(until) {
            return (begins, most, waited);
        }
        if next.is_none() {
            // There was no place; the one that has waited longest gets the first.
            waited = waited.max(schedule.queue_age(now));
        }
        while flying.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Reverse((_, run)) = flying.pop().unwrap();
            assert_eq!(schedule.finished(runs[run], After::default(), now), Finished::Counts);
        }
    }
}

/// The most of sorted numbers that fit into a window of 100.
fn busiest(begins: &[i64]) -> usize {
    let mut first = 0;
    let window = |(at, begin): (usize, &i64)| {
        while begins[first] <= begin - 100 {
            first += 1;
        }
        at + 1 - first
    };
    begins.iter().enumerate().map(window).max().unwrap()
}

#[test]
fn due_times_never_bunch() {
    // The first round of 5 s is the most crowded: it is even.
    for machine in seeds(10, 1_000) {
        let (begins, ..) = asked(machine, 1_000, Duration::ZERO, 300_000);
        assert!(begins.len() > 9_000);
        assert!(busiest(&begins) <= 20, "machine {machine}: {} of 1,000 in 100 ms", busiest(&begins));
    }
    let (begins, ..) = asked(1, 10_000, Duration::ZERO, 90_000);
    assert!(begins.len() > 25_000);
    assert!(busiest(&begins) <= 200, "{} of 10,000 in 100 ms", busiest(&begins));
}

#[test]
fn a_thousand_that_hang_are_less_than_the_cap() {
    let (_, most, _) = asked(1, 1_000, Duration::from_millis(500), 300_000);
    assert!(most <= 110, "{most} in flight of the first round, where each takes half a second");
    // Without the first round: after it there are 33 a second.
    let (begins, most, waited) = asked(1, 1_000, Duration::from_secs(5), 300_000);
    assert_eq!(most, 256, "the first round is held back by the cap");
    assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(15), "{waited:?}");
    let later = begins.iter().filter(|begin| **begin > 60_000).copied().collect::<Vec<_>>();
    let flying = |at: i64| later.iter().filter(|begin| (at - 5_000..at).contains(begin)).count();
    let most = later.iter().map(|begin| flying(*begin)).max().unwrap();
    assert!((150..=220).contains(&most), "{most}: 199 in the design's run");
}

#[test]
fn a_service_that_stops_is_seen_within_an_interval_and_is_unhealthy_ten_seconds_later() {
    let mut waits = Vec::new();
    for seed in seeds(1_000, 200_000) {
        let mut rng = SplitMix64::new(seed);
        let stops = Moment::from_millis(1 + i64::try_from(below(&mut rng, 90_000)).unwrap());
        let mut schedule = Schedule::new(seed);
        schedule.add_all(plans(1), Moment::ORIGIN);
        let (mut now, mut damped) = (Moment::ORIGIN, Damped::new(Timing::new()));
        let mut failing = None;
        while damped.status() != Status::Unhealthy {
            match schedule.next(now) {
                Due::At(at) => now = at,
                Due::Idle => panic!("nothing is in flight"),
                Due::Probe(run) => {
                    let outcome = if now >= stops {
                        failing = failing.or(Some(now));
                        Outcome::new(Some(Level::Unhealthy), Reason::Refused, Verdict::Failure)
                    } else {
                        Outcome::new(Some(Level::Healthy), Reason::Answered, Verdict::Success)
                    };
                    let sample = Sample::new(now, Duration::ZERO, outcome);
                    let change = damped.sample(&sample, now);
                    assert!(
                        change.is_none_or(|change| change.since >= stops || change.to == Status::Healthy)
                    );
                    schedule.finished(run, After { recheck: damped.recheck(), not_before: None }, now);
                    assert_eq!(run.turn == Turn::Recheck, failing.is_some_and(|first| first < now));
                }
            }
        }
        let failing = failing.unwrap();
        assert!(failing.since(stops) <= Duration::from_secs(33), "seed {seed}: an interval and a tenth");
        assert_eq!(now.since(failing), Duration::from_secs(10), "seed {seed}");
        assert_eq!(damped.since(), Some(failing));
        waits.push(now.since(stops).as_secs());
    }
    waits.sort_unstable();
    let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    assert!((23..=28).contains(&median), "{median} s: 26 in the design's run");
    assert!((38..=43).contains(&longest), "{longest} s: 42 in the design's run");
}
