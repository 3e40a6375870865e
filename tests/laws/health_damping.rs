//! Statuses: against a naive reading of the rules, and by the numbers that the rules were chosen for.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is drawn is small")]

use std::time::Duration;

use vps_health::{
    Change, Connection, Damped, Level, Moment, Outcome, Reason, Sample, Status, Timing, Verdict,
};
use vps_retry::{Rng, SplitMix64};

use crate::seeds;

const DAY: u64 = 86_400;

/// A draw from 0 to 1.
pub(crate) fn unit(rng: &mut SplitMix64) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

pub(crate) fn below(rng: &mut SplitMix64, most: u64) -> u64 {
    rng.next_u64() % most
}

fn answered(timing: &Timing, took: Duration) -> Outcome {
    let level = timing.level(took);
    let slow = Reason::Slow { phase: None, part: took, took };
    Outcome::new(Some(level), if level == Level::Healthy { Reason::Answered } else { slow }, Verdict::Success)
}

fn refused() -> Outcome {
    Outcome::new(Some(Level::Unhealthy), Reason::Refused, Verdict::Failure)
}

/// All samples that count, and the rules read off them anew each time.
#[derive(Default)]
struct Naive {
    status: Status,
    /// When, how good, how long, whether it was bad for slowness alone.
    samples: Vec<(Moment, Level, Duration, bool)>,
    slowness: bool,
}

impl Naive {
    /// How many of the last ones are so.
    fn tail(&self, is_so: impl Fn(&(Moment, Level, Duration, bool)) -> bool) -> usize {
        self.samples.iter().rev().take_while(|sample| is_so(sample)).count()
    }

    fn sample(
        &mut self,
        at: Moment,
        level: Level,
        took: Duration,
        is_slow: bool,
    ) -> Option<(Status, Moment)> {
        let timing = Timing::new();
        self.samples.push((at, level, took, is_slow));
        let now = self.status.level();
        if level > Level::Healthy && Some(level) >= now {
            let failures = self.tail(|(_, level, _, is_slow)| *level > Level::Healthy && !is_slow);
            self.slowness = if is_slow { true } else { self.slowness && failures < 3 };
        }
        let first = |count: usize| self.samples[self.samples.len() - count].0;
        for worse in [Level::Unhealthy, Level::Degraded] {
            let bad = self.tail(|(_, level, ..)| *level >= worse);
            if now < Some(worse) && bad >= 3 {
                return self.turned(worse, first(bad));
            }
        }
        match now {
            None if level == Level::Healthy => self.turned(level, at),
            None | Some(Level::Healthy) => None,
            Some(now) => {
                let quick = |limit, below| {
                    self.tail(|(_, level, took, _)| *level < below && took.as_secs_f64() < 0.8 * limit)
                };
                let better = self.tail(|(_, level, ..)| *level < now);
                let good = self.tail(|(_, level, ..)| *level == Level::Healthy);
                let healthy = quick(timing.degraded().as_secs_f64(), Level::Degraded);
                let fair = quick(timing.unhealthy().as_secs_f64(), Level::Unhealthy);
                let (level, count) = match self.slowness {
                    false if good >= 2 => (Level::Healthy, good),
                    false if better >= 2 => (Level::Degraded, better),
                    true if healthy >= 5 => (Level::Healthy, healthy),
                    true if now == Level::Unhealthy && fair >= 5 => (Level::Degraded, fair),
                    _ => return None,
                };
                let last_two = self.samples.iter().rev().take(2);
                self.slowness |= level == Level::Degraded && last_two.clone().any(|(.., is_slow)| *is_slow);
                self.turned(level, first(count))
            }
        }
    }

    fn turned(&mut self, to: Level, since: Moment) -> Option<(Status, Moment)> {
        self.status = to.into();
        Some((self.status, since))
    }
}

#[test]
fn statuses_are_what_a_naive_reading_says() {
    let timing = Timing::new();
    let mut seen = std::collections::BTreeSet::new();
    for seed in seeds(3_000, 1_000_000) {
        let mut rng = SplitMix64::new(seed);
        let (mut damped, mut naive) = (Damped::new(timing), Naive::default());
        // How likely each kind is differs by seed, and some stay for a while.
        let weights: Vec<u64> = (0..5).map(|_| below(&mut rng, 4)).collect();
        let (mut at, mut last) = (Moment::ORIGIN, 0);
        for _ in 0..60 {
            let total: u64 = weights.iter().sum::<u64>() + 1;
            let mut draw = below(&mut rng, total);
            let kind = weights.iter().position(|weight| {
                let is_it = draw < *weight;
                draw = draw.saturating_sub(*weight);
                is_it
            });
            if below(&mut rng, 3) == 0 {
                last = kind.unwrap_or(5);
            }
            let millis = |ms| Duration::from_millis(ms);
            let (outcome, took) = match last {
                0 => (answered(&timing, millis(100)), millis(100)),
                1 => (answered(&timing, millis(900)), millis(900)),
                2 => (answered(&timing, millis(1_500)), millis(1_500)),
                3 => (answered(&timing, millis(3_500)), millis(3_500)),
                4 => (refused(), millis(5)),
                _ => (Outcome::local(Reason::NoRoute), millis(5)),
            };
            let change = damped.sample(&Sample::new(at, took, outcome), at.after(took));
            let expected = outcome.level.and_then(|level| naive.sample(at, level, took, outcome.is_slow()));
            assert_eq!(change.map(|change| (change.to, change.since)), expected, "seed {seed}");
            assert_eq!(damped.status(), naive.status, "seed {seed}");
            if let Some(Change { from, to, samples, .. }) = change {
                assert!(to <= from || to == Status::Healthy || samples >= 3, "seed {seed}");
                seen.insert((from, to));
            }
            // LOCAL ones may be many: that is no gap, as long as it is not two intervals.
            at = at.after(took).after(millis(if outcome.is_local() { 100 } else { 10_000 }));
        }
    }
    assert_eq!(seen.len(), 9, "each change that there is: {seen:?}");
}

/// Changes a day, of the samples and of the status.
struct Changes {
    raw: f64,
    damped: f64,
    /// First bad samples, and times it became unhealthy.
    bad: f64,
    alarms: f64,
}

/// A service, asked each 30 s and to confirm, for so many days; how long it takes at each moment is drawn, or that it
/// refuses.
fn days(seed: u64, days: u64, mut draw: impl FnMut(u64, &mut SplitMix64) -> Option<Duration>) -> Changes {
    let mut rng = SplitMix64::new(seed);
    let mut damped = Damped::new(Timing::new());
    let (mut changes, mut raw_changes, mut bad, mut alarms) = (0.0, 0.0, 0.0, 0.0);
    let mut last = None;
    let (mut millis, mut round) = (0, 0);
    while millis < days * DAY * 1_000 {
        let drawn = draw(millis, &mut rng);
        let outcome = drawn.map_or(refused(), |took| answered(&Timing::new(), took));
        let at = Moment::from_millis(i64::try_from(millis).unwrap());
        let took = drawn.unwrap_or_default();
        let is_confirming = millis != round;
        let change = damped.sample(&Sample::new(at, took, outcome), at);
        if let Some(change) = change.filter(|change| change.from != Status::Unknown) {
            changes += 1.0;
            alarms += f64::from(u8::from(change.to == Status::Unhealthy));
        }
        if !is_confirming {
            raw_changes += f64::from(u8::from(last.is_some_and(|last| Some(last) != outcome.level)));
            bad += f64::from(u8::from(outcome.is_bad()));
            last = outcome.level;
        }
        // Samples take no time here, so that there are 2,880 rounds a day.
        if millis >= round {
            round += 30_000;
        }
        let recheck = damped.recheck().map(|wait| millis + u64::try_from(wait.as_millis()).unwrap());
        millis = recheck.map_or(round, |at| at.min(round));
    }
    let days = days as f64;
    Changes { raw: raw_changes / days, damped: changes / days, bad: bad / days, alarms: alarms / days }
}

#[test]
fn one_lost_packet_in_a_hundred_changes_nothing() {
    let lossy = |_, rng: &mut SplitMix64| (unit(rng) >= 0.01).then(|| Duration::from_millis(500));
    let Changes { raw, damped, .. } = days(1, 20, lossy);
    assert!((50.0..64.0).contains(&raw), "{raw} changes a day of the samples");
    assert!(damped <= 0.1, "{damped} changes a day of the status");
}

#[test]
fn short_bursts_alarm_seldom() {
    // Bursts of 5 s on average, a hundredth of the time.
    let mut burst = (0, 0);
    let bursts = |millis, rng: &mut SplitMix64| {
        let mut drawn = |mean: f64| (-(1.0 - unit(rng)).ln() * mean) as u64;
        while millis >= burst.1 {
            let begin = burst.1 + drawn(495_000.0);
            burst = (begin, begin + drawn(5_000.0));
        }
        (millis < burst.0).then(|| Duration::from_millis(500))
    };
    let Changes { bad, alarms, .. } = days(2, 40, bursts);
    assert!((20.0..38.0).contains(&bad), "{bad} bad samples a day");
    assert!((2.0..6.0).contains(&alarms), "{alarms} alarms a day: 3.8 of 27 in the design's run");
}

#[test]
fn a_service_at_the_limit_does_not_flutter() {
    // The median is exactly at 1 s; a third up or down is usual.
    let at_the_limit = |_, rng: &mut SplitMix64| {
        let (a, b) = (1.0 - unit(rng), unit(rng));
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        Some(Duration::from_secs_f64((0.34 * normal).exp()))
    };
    let Changes { raw, damped, .. } = days(3, 20, at_the_limit);
    assert!((1_390.0..1_500.0).contains(&raw), "{raw} changes a day of the samples");
    assert!((1.0..10.0).contains(&damped), "{damped} changes a day of the status: 4.5 in the design's run");
}

#[test]
fn offline_time_is_as_if_it_had_not_been() {
    for seed in seeds(500, 200_000) {
        let mut rng = SplitMix64::new(seed);
        let (mut damped, mut other) = (Damped::new(Timing::new()), Damped::new(Timing::new()));
        for round in 0..100 {
            let at = Moment::from_millis(round * 10_000);
            let outcome =
                if below(&mut rng, 2) == 0 { refused() } else { answered(damped.timing(), Duration::ZERO) };
            let sample = Sample::new(at, Duration::ZERO, outcome);
            if below(&mut rng, 4) == 0 {
                let before = (damped.status(), damped.since(), damped.last().copied());
                assert_eq!(damped.sample_while(Connection::Offline, &sample, at), None);
                assert_eq!((damped.status(), damped.since(), damped.last().copied()), before, "seed {seed}");
                // Whatever the other one sees then is nothing to it as well.
                let outcome = match below(&mut rng, 3) {
                    0 => Outcome::local(Reason::NoRoute),
                    _ if outcome.is_bad() => answered(other.timing(), Duration::ZERO),
                    _ => refused(),
                };
                let sample = Sample::new(at, Duration::ZERO, outcome);
                assert_eq!(other.sample_while(Connection::Offline, &sample, at), None);
                continue;
            }
            assert_eq!(damped.sample(&sample, at), other.sample(&sample, at), "seed {seed}");
        }
    }
}
