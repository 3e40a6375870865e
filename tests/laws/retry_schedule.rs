//! Decisions, against a model that is a list of rules.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use vps_retry::{Class, Decision, JitterStrategy, RetryStrategy, Schedule, SplitMix64, Stop};

use crate::runner;

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        8 => Just(Class::Transient),
        2 => Just(Class::NotSent),
        1 => Just(Class::Permanent),
        1 => Just(Class::Local),
        1 => Just(Class::Cancelled),
        3 => prop::option::of(0_u64..700).prop_map(|at_least| Class::Throttled { at_least: at_least.map(Duration::from_secs) }),
        1 => (1_u64..20).prop_map(|poll| Class::Busy { poll: Duration::from_secs(poll) }),
        1 => (1_u64..90).prop_map(|after| Class::Rejected { retry_after: Duration::from_secs(after) }),
    ]
}

#[derive(Debug, PartialEq)]
enum Expected {
    Stop(&'static str),
    Retry { at_least: Duration, at_most: Duration, left: u32 },
    Wait(Duration),
}

/// The rules, one after the other, with nothing clever.
struct Model {
    max: u32,
    total: Option<Duration>,
    idempotent: bool,
    wait: bool,
    failed: u32,
    counted: u32,
    barren: u32,
}

impl Model {
    fn failed(&mut self, class: Class, elapsed: Duration, progressed: bool) -> Expected {
        let late = |pause: Duration| self.total.is_some_and(|total| elapsed + pause >= total);
        match class {
            Class::Cancelled => return Expected::Stop("cancelled"),
            Class::Permanent => return Expected::Stop("permanent"),
            Class::Local => return Expected::Stop("local"),
            Class::Busy { poll } if late(poll) => return Expected::Stop("deadline"),
            Class::Busy { poll } => return Expected::Wait(poll),
            Class::Rejected { retry_after } if self.wait && !late(retry_after) => {
                return Expected::Wait(retry_after);
            }
            Class::Rejected { .. } => return Expected::Stop("circuit"),
            Class::Transient | Class::Throttled { at_least: None } if !self.idempotent => {
                return Expected::Stop("not idempotent");
            }
            _ => {}
        }
        self.failed += 1;
        if progressed {
            self.barren = 1;
        } else {
            self.counted += 1;
            self.barren += 1;
        }
        if self.counted >= self.max || self.failed >= self.max.max(20) {
            return Expected::Stop("attempts");
        }
        let plain =
            Duration::from_secs(1 << self.barren.clamp(1, 6).saturating_sub(1)).min(Duration::from_secs(30));
        let mut floor = plain;
        if let Class::Throttled { at_least: Some(at_least) } = class {
            if at_least > Duration::from_secs(300) {
                return Expected::Stop("retry after");
            }
            floor = floor.max(at_least);
        }
        Expected::Retry { at_least: floor, at_most: floor + floor / 10, left: self.max - self.counted }
    }
}

fn name(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "cancelled",
        Stop::Permanent => "permanent",
        Stop::Local => "local",
        Stop::NotIdempotent => "not idempotent",
        Stop::AttemptsUsedUp { .. } => "attempts",
        Stop::Deadline { .. } => "deadline",
        Stop::RetryAfterTooLong { .. } => "retry after",
        Stop::CircuitOpen { .. } => "circuit",
        _ => "other",
    }
}

#[test]
fn decisions_are_those_of_the_rules() {
    let steps = prop::collection::vec((class(), 0_u64..40, prop::bool::weighted(0.2)), 1..40);
    let cases = (1_u32..8, prop::option::of(1_u64..400), any::<bool>(), any::<bool>(), any::<u64>(), steps);
    runner(4_000)
        .run(&cases, |(max, total, idempotent, wait, seed, steps)| {
            let total = total.map(Duration::from_secs);
            let strategy = RetryStrategy::new()
                .with_max_attempts(NonZeroU32::new(max).unwrap())
                .with_jitter(JitterStrategy::Proportional)
                .with_idempotent(idempotent)
                .with_wait_for_circuit(wait);
            let mut schedule = Schedule::start(&strategy, total);
            let mut model = Model { max, total, idempotent, wait, failed: 0, counted: 0, barren: 0 };
            let mut rng = SplitMix64::new(seed);
            let mut elapsed = Duration::ZERO;
            for (class, took, progressed) in steps {
                elapsed += Duration::from_secs(took);
                if progressed {
                    schedule.progressed();
                }
                let counts = !matches!(class, Class::Busy { .. } | Class::Rejected { .. });
                let expected = model.failed(class, elapsed, progressed && counts);
                let decision = schedule.failed(class, elapsed, &mut rng);
                match (&decision, &expected) {
                    (Decision::Stop(stop), Expected::Stop(why)) => {
                        prop_assert_eq!(name(*stop), *why);
                        return Ok(());
                    }
                    (Decision::Stop(Stop::Deadline { pause }), Expected::Retry { at_least, at_most, .. }) => {
                        // The pause decides, and only it can be too long.
                        prop_assert!(pause >= at_least && pause <= at_most);
                        prop_assert!(elapsed + *pause >= total.unwrap());
                        return Ok(());
                    }
                    (
                        Decision::Retry { after, left },
                        Expected::Retry { at_least, at_most, left: expected },
                    ) => {
                        prop_assert!(
                            after >= at_least && after <= at_most,
                            "{after:?} not in {at_least:?}..{at_most:?}"
                        );
                        prop_assert_eq!(left, expected);
                        prop_assert!(total.is_none_or(|total| elapsed + *after < total));
                        elapsed += *after;
                    }
                    (Decision::Wait { after }, Expected::Wait(expected)) => {
                        prop_assert_eq!(after, expected);
                        elapsed += *after;
                        if progressed && !counts {
                            // Taken with the next attempt that counts.
                            return Ok(());
                        }
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn progress_is_free_but_not_for_ever() {
    let mut schedule = Schedule::start(&RetryStrategy::new(), None);
    let mut rng = SplitMix64::new(1);
    let mut attempts = 0;
    loop {
        attempts += 1;
        schedule.progressed();
        match schedule.failed(Class::Transient, Duration::ZERO, &mut rng) {
            Decision::Retry { left, .. } => assert_eq!(left, 3),
            Decision::Stop(stop) => {
                assert_eq!(stop, Stop::AttemptsUsedUp { attempts: 20 });
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(attempts, 20);
}
