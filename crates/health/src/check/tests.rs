//! Checks in virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::vec;

use async_trait::async_trait;
use vps_breaker::Verdict;

use super::*;
use crate::answer::Outcome;
use crate::level::Level;
use crate::sample::Phase;
use crate::target::{FamilyChoice, Kind};

/// Time that goes on when everybody waits.
#[derive(Clone, Default)]
struct Virtual(Arc<Mutex<Clock>>);

#[derive(Default)]
struct Clock {
    now: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

impl Timer for Virtual {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        core::future::poll_fn(|context| {
            let mut clock = self.0.lock().unwrap();
            if clock.now >= until {
                return Poll::Ready(());
            }
            clock.sleepers.push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Virtual {
    /// Runs it to its end, and says how long it took.
    fn run<T>(&self, future: impl Future<Output = T>) -> (T, Duration) {
        let begin = self.now();
        let mut future = core::pin::pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return (value, self.now() - begin);
            }
            let mut clock = self.0.lock().unwrap();
            let next = clock.sleepers.iter().map(|(at, _)| *at).min().expect("somebody waits for the time");
            clock.now = clock.now.max(next);
            let now = clock.now;
            let (due, later): (Vec<_>, _) =
                core::mem::take(&mut clock.sleepers).into_iter().partition(|(at, _)| *at <= now);
            clock.sleepers = later;
            drop(clock);
            for (_, waker) in due {
                waker.wake();
            }
        }
    }
}

/// What each target says at its first and second time: how long it takes, and how good that is.
struct Scripted {
    timer: Virtual,
    answers: BTreeMap<&'static str, [(u64, Option<Level>); 2]>,
    asked: Mutex<Vec<(String, Duration)>>,
}

#[async_trait]
impl Probe for Scripted {
    async fn sample(&self, target: &Target, deadline: Moment) -> Sample {
        let at = self.timer.now();
        assert_eq!(deadline, Moment::from(at + Duration::from_secs(5)));
        let times = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((target.name.clone(), at));
            asked.iter().filter(|(name, _)| *name == target.name).count()
        };
        let (millis, level) = self.answers[target.name.as_str()][times - 1];
        let took = Duration::from_millis(millis);
        self.timer.sleep(took).await;
        Sample::new(Moment::from(at), took, Outcome::new(level, Reason::Answered, Verdict::Success))
    }
}

fn target(service: &str, name: &str) -> (Target, Timing) {
    let target = Target {
        service: service.into(),
        name: name.into(),
        host: name.into(),
        kind: Kind::Tcp,
        expect: None,
        family: FamilyChoice::Any,
        is_private: false,
    };
    (target, Timing::new())
}

/// Its service, its name, its answers.
type Row = (&'static str, &'static str, [(u64, Option<Level>); 2]);

fn checks(targets: &[Row]) -> (HealthCheckService<Scripted, Virtual>, Virtual) {
    let timer = Virtual::default();
    let answers = targets.iter().map(|(_, name, answers)| (*name, *answers)).collect();
    let probe = Scripted { timer: timer.clone(), answers, asked: Mutex::default() };
    let targets = targets.iter().map(|(service, name, _)| target(service, name)).collect();
    (HealthCheckService::new(probe, timer.clone(), targets), timer)
}

const GOOD: (u64, Option<Level>) = (100, Some(Level::Healthy));
const BAD: (u64, Option<Level>) = (20, Some(Level::Unhealthy));
const SLOW: (u64, Option<Level>) = (1_500, Some(Level::Degraded));
const HANGS: (u64, Option<Level>) = (1_000_000, Some(Level::Healthy));
const NEVER: (u64, Option<Level>) = (0, None);

#[test]
fn all_at_once_and_bad_ones_twice() {
    let (mut checks, timer) = checks(&[
        ("b", "b", [GOOD, NEVER]),
        ("cold", "cold", [BAD, GOOD]),
        ("down", "down", [BAD, BAD]),
        ("slow", "slow", [SLOW, NEVER]),
        ("a", "a", [BAD, SLOW]),
        ("local", "local", [NEVER, NEVER]),
        ("both", "one", [GOOD, NEVER]),
        ("both", "two", [BAD, BAD]),
    ]);
    assert_eq!(checks.get_summary(), Summary { unknown: 7, total: 7, ..Summary::default() });
    assert!(checks.services().is_empty());
    let (services, took) = timer.run(checks.check_all());
    assert_eq!(took, Duration::from_millis(20 + 500 + 1_500), "the slowest of them");
    let found: Vec<_> = services.iter().map(|one| (one.service.as_str(), one.status)).collect();
    use Status::{Degraded, Healthy, Unhealthy, Unknown};
    assert_eq!(
        found,
        [
            ("a", Degraded),
            ("b", Healthy),
            ("both", Degraded),
            ("cold", Healthy),
            ("down", Unhealthy),
            ("local", Unknown),
            ("slow", Degraded),
        ]
    );
    assert_eq!(
        (services[2].bad.as_slice(), services[2].took),
        (&["two".into()][..], Some(Duration::from_millis(100)))
    );
    let summary = checks.get_summary();
    assert_eq!(summary, Summary { healthy: 2, degraded: 3, unhealthy: 1, unknown: 1, total: 7 });
    // Both samples are there for the history, in order.
    let cold = checks.checked().iter().find(|checked| checked.target.name == "cold").unwrap();
    assert_eq!(cold.samples.iter().map(|sample| sample.outcome.level).collect::<Vec<_>>(), [BAD.1, GOOD.1]);
    assert_eq!(cold.sample().unwrap().at, Moment::from_millis(520));
    let asked = checks.probe.asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|(_, at)| at.is_zero()).count(), 8);
    assert_eq!(
        asked.iter().filter(|(_, at)| at.as_millis() == 520).count(),
        4,
        "the bad ones, half a second later"
    );
}

#[test]
fn a_probe_that_never_ends_is_ended() {
    let (mut checks, timer) = checks(&[("a", "a", [HANGS, HANGS]), ("b", "b", [HANGS, GOOD])]);
    let (services, took) = timer.run(checks.check_all());
    assert_eq!(took, Duration::from_millis(10_700), "twice the timeout and its grace, and half a second");
    let after = Duration::from_secs(5);
    assert_eq!(services[0].reason, Some(Reason::TimedOut { phase: Phase::Wait, after }));
    assert_eq!((services[0].status, services[1].status), (Status::Unhealthy, Status::Healthy));
}

#[test]
fn a_check_that_is_dropped_leaves_the_one_before() {
    let (mut checks, timer) = checks(&[("a", "a", [BAD, GOOD])]);
    {
        let mut half = core::pin::pin!(checks.check_all());
        assert!(half.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert!(checks.checked().is_empty());
    let (services, _) = timer.run(checks.check_all());
    assert_eq!(services[0].status, Status::Healthy);
}

#[test]
fn no_more_are_asked_at_once_than_by_a_schedule() {
    let timer = Virtual::default();
    let names: Vec<String> = (0..600).map(|at| std::format!("{at:03}")).collect();
    let targets = names.iter().map(|name| target(name, name)).collect();
    let probe = Busy { timer: timer.clone(), now: Mutex::default(), most: Mutex::default() };
    let mut checks = HealthCheckService::new(probe, timer.clone(), targets);
    let (services, took) = timer.run(checks.check_all());
    assert_eq!(*checks.probe.most.lock().unwrap(), MOST_IN_FLIGHT);
    assert_eq!(took, Duration::from_secs(3), "256, 256 and 88");
    assert!(services.iter().map(|one| &one.service).eq(&names) && services.len() == 600);
}

/// Answers after a second, and knows how many are asked at once.
struct Busy {
    timer: Virtual,
    now: Mutex<usize>,
    most: Mutex<usize>,
}

#[async_trait]
impl Probe for Busy {
    async fn sample(&self, _: &Target, _: Moment) -> Sample {
        let at = self.timer.now();
        let now = {
            let mut now = self.now.lock().unwrap();
            *now += 1;
            *now
        };
        {
            let mut most = self.most.lock().unwrap();
            *most = now.max(*most);
        }
        let took = Duration::from_secs(1);
        self.timer.sleep(took).await;
        *self.now.lock().unwrap() -= 1;
        let outcome = Outcome::new(Some(Level::Healthy), Reason::Answered, Verdict::Success);
        Sample::new(Moment::from(at), took, outcome)
    }
}

#[test]
fn many_are_polled_as_often_as_they_are_woken() {
    let polls = Arc::new(Mutex::new(0));
    let timer = Virtual::default();
    let futures = (0..1_000_u64).map(|at| {
        let (polls, timer) = (Arc::clone(&polls), timer.clone());
        let one = async move {
            timer.sleep(Duration::from_millis(at)).await;
            at
        };
        let mut one = Box::pin(one);
        let counted = core::future::poll_fn(move |context| {
            *polls.lock().unwrap() += 1;
            one.as_mut().poll(context)
        });
        Box::pin(counted) as core::pin::Pin<Box<dyn Future<Output = u64> + Send>>
    });
    let (all, took) = timer.run(Join::new(1_000, futures));
    assert_eq!((all, took.as_millis()), ((0..1_000).collect::<Vec<_>>(), 999));
    assert!(*polls.lock().unwrap() <= 2_000);
    let none: Vec<u64> = timer.run(Join::new(1, vec![].into_iter())).0;
    assert!(none.is_empty());
}
