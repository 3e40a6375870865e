//! The loops, on virtual time: what they call, how long they take, what they answer.

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use vps_retry::{
    BlockingTimer, Budget, Class, Classify, Ended, Exhausted, Judgement, RetryStrategy, SplitMix64, Stop,
    Timer, run, run_async,
};

use crate::runner;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    class: Class,
    number: u32,
}

impl Classify for Fault {
    fn judge(&self) -> Judgement {
        self.class.into()
    }
}

/// A clock that only sleeping moves, and the operation itself.
#[derive(Default)]
struct Virtual(Cell<Duration>);

impl Virtual {
    fn pass(&self, duration: Duration) {
        self.0.set(self.0.get() + duration);
    }
}

impl BlockingTimer for Virtual {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }
}

impl Timer for Virtual {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.pass(duration);
        ready(())
    }
}

/// A timer whose sleep never ends.
struct Stuck;

impl Timer for Stuck {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> impl Future<Output = ()> + Send {
        pending()
    }
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        6 => Just(Class::Transient),
        2 => Just(Class::NotSent),
        1 => Just(Class::Permanent),
        1 => Just(Class::Local),
        1 => (0_u64..100).prop_map(|asked| Class::Throttled { at_least: Some(Duration::from_secs(asked)) }),
        1 => (0_u64..5).prop_map(|poll| Class::Busy { poll: Duration::from_secs(poll) }),
        1 => (0_u64..90).prop_map(|after| Class::Rejected { retry_after: Duration::from_secs(after) }),
    ]
}

/// One call: how each attempt fails (then it succeeds), and how long each takes.
type Script = Vec<(Class, u64)>;

struct Seen {
    answer: Result<u32, Exhausted<Fault>>,
    /// Number, class, start and end of each call of the operation.
    calls: Vec<(u32, Option<Class>, Duration, Duration)>,
    spent: u32,
}

fn play(
    script: &Script,
    strategy: &RetryStrategy,
    total: Option<Duration>,
    seed: u64,
    blocking: bool,
) -> Seen {
    let (timer, budget) = (Virtual::default(), Budget::new());
    for _ in 0..500 {
        budget.deposit();
    }
    let mut calls = Vec::new();
    let mut operation = |number| {
        let start = timer.0.get();
        let step = script.get(calls.len()).copied();
        timer.pass(Duration::from_secs(step.map_or(0, |(_, took)| took)));
        calls.push((number, step.map(|(class, _)| class), start, timer.0.get()));
        step.map_or(Ok(number), |(class, _)| Err(Fault { class, number }))
    };
    let mut rng = SplitMix64::new(seed);
    let answer = if blocking {
        run(strategy, total, Some(&budget), &timer, &mut rng, operation)
    } else {
        let future =
            run_async(strategy, total, Some(&budget), &timer, &mut rng, |number| ready(operation(number)));
        match poll(future) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("nothing waits here"),
        }
    };
    Seen { answer, calls, spent: 100_000 - budget.thousandths() }
}

#[test]
fn a_call_keeps_its_promises() {
    let script = prop::collection::vec((class(), 0_u64..30), 0..30);
    let cases = (script, 1_u32..8, prop::option::of(1_u64..300), any::<u64>());
    runner(2_000)
        .run(&cases, |(script, max, total, seed)| {
            let total = total.map(Duration::from_secs);
            let strategy = RetryStrategy::new().with_max_attempts(NonZeroU32::new(max).unwrap());
            let seen = play(&script, &strategy, total, seed, true);
            let free =
                |class: &Option<Class>| matches!(class, Some(Class::Busy { .. } | Class::Rejected { .. }));
            let attempts = seen.calls.iter().filter(|(_, class, ..)| !free(class)).count();
            prop_assert!(attempts <= max as usize, "{attempts} attempts");
            for pair in seen.calls.windows(2) {
                let [(number, class, _, ended), (next, _, started, _)] = pair else { continue };
                let class = class.unwrap();
                let is_final = matches!(class, Class::Permanent | Class::Local | Class::Rejected { .. });
                prop_assert!(!is_final, "tried again after {class}");
                prop_assert_eq!(*next, number + u32::from(!free(&Some(class))));
                if let Class::Throttled { at_least: Some(asked) } = class {
                    prop_assert!(*started - *ended >= asked, "Retry-After undercut");
                }
                prop_assert!(total.is_none_or(|total| *started < total), "began after the deadline");
            }
            let retries = seen.calls.windows(2).filter(|pair| !free(&pair[0].1)).count();
            prop_assert_eq!(seen.spent, 1_000 * u32::try_from(retries).unwrap(), "a token a retry");
            match seen.answer {
                Ok(number) => {
                    prop_assert_eq!(seen.calls.last().unwrap().1, None);
                    prop_assert_eq!(seen.calls.last().unwrap().0, number);
                }
                Err(Exhausted { error, attempts: told, .. }) => {
                    let (number, class, ..) = *seen.calls.last().unwrap();
                    prop_assert_eq!(Some(error.class), class, "the error is the last attempt's own");
                    prop_assert_eq!((error.number, told), (number, number));
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn blocking_and_async_are_one_loop() {
    let script = prop::collection::vec((class(), 0_u64..30), 0..12);
    let cases = (script, 1_u32..8, prop::option::of(1_u64..300), any::<u64>());
    runner(1_000)
        .run(&cases, |(script, max, total, seed)| {
            let total = total.map(Duration::from_secs);
            let strategy = RetryStrategy::new().with_max_attempts(NonZeroU32::new(max).unwrap());
            let [blocking, polled] =
                [true, false].map(|blocking| play(&script, &strategy, total, seed, blocking));
            prop_assert_eq!(blocking.answer, polled.answer);
            prop_assert_eq!(blocking.calls, polled.calls);
            prop_assert_eq!(blocking.spent, polled.spent);
            Ok(())
        })
        .unwrap();
}

fn transient(number: u32) -> Result<u32, Fault> {
    Err(Fault { class: Class::Transient, number })
}

#[test]
fn an_empty_budget_ends_it_with_the_error_of_the_operation() {
    let budget = Budget::new();
    while let Some(token) = budget.withdraw() {
        token.spend();
    }
    let timer = Virtual::default();
    let mut rng = SplitMix64::new(1);
    let failed = run(&RetryStrategy::new(), None, Some(&budget), &timer, &mut rng, transient).unwrap_err();
    assert_eq!((failed.ended, failed.attempts, failed.error.number), (Ended::Budget, 1, 1));
    assert_eq!(timer.0.get(), Duration::ZERO, "a budget is asked before the pause");
}

#[test]
fn a_retry_that_is_cancelled_in_its_pause_costs_nothing() {
    let budget = Budget::new();
    let (strategy, mut rng) = (RetryStrategy::new(), SplitMix64::new(1));
    {
        let mut future = pin!(run_async(&strategy, None, Some(&budget), &Stuck, &mut rng, |number| ready(
            transient(number)
        )));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(budget.thousandths(), 9_200, "taken before the pause");
    }
    assert_eq!(budget.thousandths(), 10_200, "given back by the drop");
}

#[test]
fn a_wait_of_nothing_does_not_spin() {
    let timer = Virtual::default();
    let (total, mut rng, mut calls) = (Some(Duration::from_secs(1)), SplitMix64::new(1), 0);
    let failed = run(&RetryStrategy::new(), total, None, &timer, &mut rng, |number| {
        calls += 1;
        assert!(calls <= 1_000, "spins");
        Err::<(), _>(Fault { class: Class::Busy { poll: Duration::ZERO }, number })
    })
    .unwrap_err();
    assert!(matches!(failed.ended, Ended::Stop(Stop::Deadline { .. })));
    assert_eq!(failed.attempts, 1);
}
