//! Decisions, against a model that is a list of rules.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use vps_retry::{
    Class, Decision, ExponentialBackoff, JitterStrategy, RetryStrategy, Schedule, SplitMix64, Stop,
};

use crate::retry_delay::{Counting, KINDS};
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

/// A number of settings; the delays in milliseconds.
#[derive(Clone, Debug)]
struct Setting {
    max: u32,
    total: Option<Duration>,
    idempotent: bool,
    /// Whether the caller waits for what refused it.
    wait: bool,
    initial: u64,
    most: u64,
    base: u64,
    jitter: JitterStrategy,
}

fn setting() -> impl Strategy<Value = Setting> {
    let delays = (0_u64..5_000, 0_u64..60_000, prop::sample::select(vec![1_u64, 2, 3, 10]));
    let jitter = prop::sample::select(KINDS.to_vec());
    (1_u32..25, prop::option::of(1_u64..400), any::<bool>(), any::<bool>(), delays, jitter).prop_map(
        |(max, total, idempotent, wait, (initial, most, base), jitter)| Setting {
            max,
            total: total.map(Duration::from_secs),
            idempotent,
            wait,
            initial,
            most,
            base,
            jitter,
        },
    )
}

impl Setting {
    fn strategy(&self) -> RetryStrategy {
        let backoff = ExponentialBackoff::new()
            .with_initial(Duration::from_millis(self.initial))
            .with_max_delay(Duration::from_millis(self.most))
            .with_base(self.base as f64)
            .unwrap();
        RetryStrategy::new()
            .with_max_attempts(NonZeroU32::new(self.max).unwrap())
            .with_backoff(backoff)
            .with_jitter(self.jitter)
            .with_idempotent(self.idempotent)
    }

    /// The shortest and the longest delay after that many failures that gained nothing.
    fn bounds(&self, failures: u32) -> (Duration, Duration) {
        let mut plain = u128::from(self.initial);
        for _ in 1..failures {
            plain = (plain * u128::from(self.base)).min(u128::from(self.most));
        }
        let most = Duration::from_millis(self.most);
        let plain = Duration::from_millis(u64::try_from(plain).unwrap()).min(most);
        match self.jitter {
            JitterStrategy::None => (plain, plain),
            JitterStrategy::Proportional => (plain, plain + plain / 10),
            JitterStrategy::Full => (Duration::ZERO, plain),
            JitterStrategy::Equal => (plain / 2, plain),
            _ => (Duration::from_millis(self.initial).min(most), most),
        }
    }
}

/// The rules, one after the other, with nothing clever.
struct Model {
    setting: Setting,
    failed: u32,
    counted: u32,
    barren: u32,
}

impl Model {
    fn failed(&mut self, class: Class, elapsed: Duration, progressed: bool) -> Expected {
        let late = |pause: Duration| self.setting.total.is_some_and(|total| elapsed + pause >= total);
        match class {
            Class::Cancelled => return Expected::Stop("cancelled"),
            Class::Permanent => return Expected::Stop("permanent"),
            Class::Local => return Expected::Stop("local"),
            Class::Busy { poll } if late(poll) => return Expected::Stop("deadline"),
            Class::Busy { poll } => return Expected::Wait(poll),
            Class::Rejected { retry_after } if self.setting.wait && !late(retry_after) => {
                return Expected::Wait(retry_after);
            }
            Class::Rejected { .. } => return Expected::Stop("rejected"),
            Class::Transient | Class::Throttled { at_least: None } if !self.setting.idempotent => {
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
        let (max, limit) = (self.setting.max, self.setting.max.max(20));
        if self.counted >= max || self.failed >= limit {
            return Expected::Stop("attempts");
        }
        let (mut at_least, mut at_most) = self.setting.bounds(self.barren);
        if let Class::Throttled { at_least: Some(asked) } = class {
            if asked > Duration::from_secs(300) || late(asked) {
                return Expected::Stop("retry after");
            }
            let none = self.setting.jitter == JitterStrategy::None;
            at_least = at_least.max(asked);
            at_most = at_most.max(if none { asked } else { asked + asked / 10 });
        }
        if late(at_least) {
            return Expected::Stop("deadline");
        }
        Expected::Retry { at_least, at_most, left: (max - self.counted).min(limit - self.failed) }
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
        Stop::Rejected { .. } => "rejected",
        _ => "other",
    }
}

#[test]
fn decisions_are_those_of_the_rules() {
    let steps = prop::collection::vec((class(), 0_u64..40, prop::bool::weighted(0.2)), 1..60);
    runner(2_500)
        .run(&(setting(), any::<u64>(), steps), |(setting, seed, steps)| {
            let (total, schedule_waits) = (setting.total, setting.wait);
            let mut schedule = Schedule::start(&setting.strategy(), total);
            let mut model = Model { setting, failed: 0, counted: 0, barren: 0 };
            let mut rng = Counting::new(seed);
            let mut retries = 0;
            let mut elapsed = Duration::ZERO;
            for (class, took, progressed) in steps {
                elapsed += Duration::from_secs(took);
                if progressed {
                    schedule.progressed();
                }
                let counts = !matches!(class, Class::Busy { .. } | Class::Rejected { .. });
                let expected = model.failed(class, elapsed, progressed && counts);
                let waited = match class {
                    Class::Rejected { retry_after } if schedule_waits => {
                        Some(schedule.wait(retry_after, elapsed))
                    }
                    _ => None,
                };
                let decision = match waited {
                    Some(wait @ Decision::Wait { .. }) => wait,
                    _ => schedule.failed(class, elapsed, &mut rng),
                };
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
                        retries += 1;
                        prop_assert_eq!(rng.draws(), retries, "one draw for each delay");
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
            // Three that gain nothing are allowed, but none beyond the twentieth.
            Decision::Retry { left, .. } => assert_eq!(left, 3.min(20 - attempts)),
            Decision::Stop(stop) => {
                assert_eq!(stop, Stop::AttemptsUsedUp { attempts: 20 });
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(attempts, 20);
}
