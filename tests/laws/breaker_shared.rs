//! The shared breaker and what sits on its permits: `call`, `call_async`, the tower layer.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;
use vps_breaker::{
    BreakerLayer, CircuitBreaker, CircuitBreakerError, Clock, Hold, ManualClock, Permit, Policy, Settled,
    Snapshot, State, Tick, Verdict, Why,
};

use crate::breaker_model::{Over, Rules, duration};

/// Counts how often it is asked.
#[derive(Default)]
struct Asked {
    clock: ManualClock,
    times: AtomicU32,
}

impl Clock for Asked {
    fn now(&self) -> Tick {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.clock.now()
    }
}

type Breaker = CircuitBreaker<Arc<Asked>, Policy>;

fn breaker(rules: Rules) -> (Arc<Breaker>, Arc<Asked>) {
    let clock = Arc::new(Asked::default());
    clock.clock.advance(duration(1_000));
    (Arc::new(Breaker::new(rules.policy(), Arc::clone(&clock))), clock)
}

fn open(breaker: &Breaker) {
    while let Ok(permit) = breaker.try_acquire() {
        permit.failure();
    }
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn failed(_: &&str) -> Verdict {
    Verdict::Failure
}

#[test]
fn the_clock_is_read_only_where_it_matters() {
    let reads = |rules: Rules, ready: fn(&Breaker, &Asked)| {
        let (breaker, clock) = breaker(rules);
        ready(&breaker, &clock);
        let read = |work: &dyn Fn()| {
            let before = clock.times.load(Ordering::Relaxed);
            work();
            clock.times.load(Ordering::Relaxed) - before
        };
        [
            read(&|| {
                let _ = breaker.try_acquire().map(Permit::success);
            }),
            read(&|| {
                let _ = breaker.admit().map(|ticket| breaker.settle(ticket, Verdict::Success));
            }),
        ]
    };
    let nothing = |_: &Breaker, _: &Asked| {};
    let window = |over, slow| Some((over, 1, Some(1_000), slow));
    assert_eq!(reads(Rules::default(), nothing), [0, 0]);
    assert_eq!(reads(Rules { window: window(Over::Count(5), None), ..Rules::default() }, nothing), [0, 0]);
    // One failure so far: still no time needed for a success that ends the run.
    let one_failure = |breaker: &Breaker, _: &Asked| {
        breaker.try_acquire().unwrap().failure();
    };
    assert_eq!(reads(Rules::default(), one_failure), [0, 0]);
    // Once for each that a rule looks at.
    assert_eq!(reads(Rules { window: window(Over::Time(5), None), ..Rules::default() }, nothing), [1, 1]);
    assert_eq!(reads(Rules { abandoned: Some(5), ..Rules::default() }, nothing), [1, 1]);
    let slow = window(Over::Count(5), Some((3, 500)));
    assert_eq!(reads(Rules { window: slow, ..Rules::default() }, nothing), [2, 2]);
    // Open: once.
    assert_eq!(reads(Rules::default(), |breaker, _| open(breaker)), [1, 1]);
}

#[test]
fn a_dropped_permit_reads_the_clock_once_more() {
    for (abandoned, reads) in [(None, 1), (Some(30), 2)] {
        let (breaker, clock) = breaker(Rules { abandoned, ..Rules::default() });
        drop(breaker.try_acquire());
        assert_eq!(clock.times.load(Ordering::Relaxed), reads, "{abandoned:?}");
    }
}

#[test]
fn a_dropped_permit_is_neutral_a_failure_when_old_and_a_failure_while_unwinding() {
    let (breaker, clock) = breaker(Rules { abandoned: Some(30), ..Rules::default() });
    drop(breaker.try_acquire());
    assert_eq!(breaker.peek().failure_count(), 0);
    let young = breaker.try_acquire().unwrap();
    clock.clock.advance(duration(29));
    drop(young);
    assert_eq!(breaker.peek().failure_count(), 0);
    let old = Arc::clone(&breaker).enter().unwrap();
    clock.clock.advance(duration(30));
    drop(old);
    assert_eq!(breaker.peek().failure_count(), 1);
    // A verdict that is given always holds.
    let old = breaker.try_acquire().unwrap();
    clock.clock.advance(duration(60));
    assert_eq!(old.neutral(), Settled::Counted);
    assert_eq!(breaker.peek().failure_count(), 1);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _permit = breaker.try_acquire();
        resume_unwind(Box::new(()));
    }));
    assert!(unwound.is_err());
    assert_eq!(breaker.peek().failure_count(), 2);
    // Three hung calls that the caller's own limit cut.
    let cut: Vec<_> = (0..3).map(|_| breaker.try_acquire()).collect();
    clock.clock.advance(duration(30));
    drop(cut);
    assert_eq!(breaker.peek().state(), State::Open);
}

#[test]
fn an_open_time_that_ends_in_the_far_future_is_kept_like_any_other() {
    for origin in [0, u64::MAX / 8 - 30_000_000_000, u64::MAX / 8, u64::MAX / 2] {
        let (breaker, clock) = breaker(Rules::default());
        clock.clock.set(Tick::from_nanos(origin));
        open(&breaker);
        let rejected = breaker.try_acquire().map(|_| ()).unwrap_err();
        assert_eq!((rejected.why(), rejected.retry_after()), (Why::Open, duration(60)), "{origin}");
        clock.clock.advance(duration(59));
        assert_eq!(breaker.try_acquire().map(|_| ()).unwrap_err().retry_after(), duration(1), "{origin}");
        clock.clock.advance(duration(1));
        assert!(breaker.try_acquire().unwrap().is_probe(), "{origin}");
    }
}

#[test]
fn a_dropped_probe_gives_its_slot_back() {
    let (breaker, clock) = breaker(Rules::default());
    open(&breaker);
    clock.clock.advance(duration(60));
    let probe = breaker.try_acquire().unwrap();
    assert!(probe.is_probe() && probe.renew());
    assert_eq!(probe.transition().map(|moved| moved.to), Some(State::HalfOpen));
    assert_eq!(breaker.try_acquire().map(|_| ()).unwrap_err().why(), Why::Probing);
    drop(probe);
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(breaker.peek().probes_in_flight(), 1);
    // One that lost its slot is told so.
    clock.clock.advance(duration(60));
    let second = breaker.try_acquire().unwrap();
    assert!(!probe.renew());
    assert_eq!(probe.success(), Settled::Stale);
    assert!(matches!(second.success(), Settled::Moved(_)));
}

#[test]
fn call_says_what_the_operation_said_and_refuses_without_calling() {
    let (breaker, _clock) = breaker(Rules::default());
    assert_eq!(breaker.call(failed, || Ok(1)), Ok(1));
    for verdict in [Verdict::Failure, Verdict::Neutral, Verdict::Success] {
        let error = breaker.call(|_| verdict, || Err::<(), _>("reset")).unwrap_err();
        assert_eq!(error, CircuitBreakerError::Inner("reset"));
        let failures = breaker.peek().failure_count();
        assert_eq!(failures, u32::from(verdict != Verdict::Success), "{verdict:?}");
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        breaker.call(failed, || -> Result<(), &str> { resume_unwind(Box::new(())) })
    }));
    assert!(panicked.is_err());
    assert_eq!(breaker.peek().failure_count(), 1, "a panic is a failure");
    open(&breaker);
    let called = Cell::new(false);
    let refused = breaker.call(failed, || {
        called.set(true);
        Ok(())
    });
    assert!(matches!(refused, Err(CircuitBreakerError::Rejected(_))));
    assert!(!called.get());
}

#[test]
fn call_async_is_admitted_at_the_first_poll() {
    let (breaker, clock) = breaker(Rules::default());
    open(&breaker);
    clock.clock.advance(duration(60));
    let never_polled = breaker.call_async(failed, pending::<Result<(), &str>>());
    let mut probe = Box::pin(breaker.call_async(failed, pending::<Result<(), &str>>()));
    assert_eq!(breaker.peek().probes_in_flight(), 0, "nobody has asked yet");
    assert!(poll(probe.as_mut()).is_pending());
    assert_eq!(breaker.peek().probes_in_flight(), 1);
    assert!(matches!(poll(never_polled), Poll::Ready(Err(CircuitBreakerError::Rejected(_)))));
    drop(probe);
    assert_eq!(breaker.peek().probes_in_flight(), 0, "cancelled: the slot is free");
    assert_eq!(poll(breaker.call_async(failed, ready(Ok(7)))), Poll::Ready(Ok(7)));
    assert_eq!(breaker.peek().state(), State::Closed);
}

#[test]
fn call_async_counts_a_panic_at_once_and_an_abandoned_call_when_dropped() {
    let (breaker, clock) = breaker(Rules { abandoned: Some(30), ..Rules::default() });
    let mut panics = Box::pin(
        breaker.call_async(failed, poll_fn(|_| -> Poll<Result<(), &str>> { resume_unwind(Box::new(())) })),
    );
    // As a combinator does that catches panics and keeps the future.
    assert!(catch_unwind(AssertUnwindSafe(|| poll(panics.as_mut()))).is_err());
    assert_eq!(breaker.peek().failure_count(), 1);
    drop(panics);
    assert_eq!(breaker.peek().failure_count(), 1, "once");
    let mut hangs = Box::pin(breaker.call_async(failed, pending::<Result<(), &str>>()));
    assert!(poll(hangs.as_mut()).is_pending());
    clock.clock.advance(duration(30));
    drop(hangs);
    assert_eq!(breaker.peek().failure_count(), 2);
}

/// A service whose answer is a function of the request.
#[derive(Clone)]
struct Echo<'a>(&'a AtomicU32);

impl Service<Result<u16, &'static str>> for Echo<'_> {
    type Response = u16;
    type Error = &'static str;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<u16, &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Result<u16, &'static str>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        match request {
            Err("hangs") => Box::pin(pending()),
            Err("panics") => Box::pin(poll_fn(|_| resume_unwind(Box::new(())))),
            other => Box::pin(ready(other)),
        }
    }
}

#[test]
fn the_layer_guards_a_service() {
    let (breaker, clock) = breaker(Rules { abandoned: Some(30), threshold: 4, ..Rules::default() });
    let layer =
        BreakerLayer::new(Arc::clone(&breaker), |outcome: &Result<u16, &'static str>| match outcome {
            Ok(status) if *status < 500 => Verdict::Success,
            Err("ours") => Verdict::Neutral,
            _ => Verdict::Failure,
        });
    let calls = AtomicU32::new(0);
    let mut service = layer.clone().layer(Echo(&calls));
    assert_eq!(service.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())));
    assert_eq!(poll(service.call(Ok(200))), Poll::Ready(Ok(200)));
    let failures = || breaker.peek().failure_count();
    assert_eq!(poll(service.call(Ok(503))), Poll::Ready(Ok(503)), "the response goes through");
    assert_eq!(failures(), 1);
    assert_eq!(poll(service.call(Err("ours"))), Poll::Ready(Err(CircuitBreakerError::Inner("ours"))));
    assert_eq!(failures(), 1);
    let mut panics = service.call(Err("panics"));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(panics.as_mut()))).is_err());
    assert_eq!(failures(), 2);
    let hangs = service.clone().call(Err("hangs"));
    clock.clock.advance(duration(30));
    drop(hangs);
    assert_eq!(failures(), 3, "given up after its limit");
    assert_eq!(poll(service.call(Err("reset"))), Poll::Ready(Err(CircuitBreakerError::Inner("reset"))));
    assert_eq!(breaker.peek().state(), State::Open);
    let before = calls.load(Ordering::Relaxed);
    assert!(matches!(poll(service.call(Ok(200))), Poll::Ready(Err(CircuitBreakerError::Rejected(_)))));
    assert_eq!(calls.load(Ordering::Relaxed), before, "a refused request never reaches the service");
}

#[test]
fn errors_say_what_happened_and_keep_their_cause() {
    let (breaker, _clock) = breaker(Rules::default());
    open(&breaker);
    let refused = breaker.call(|_| Verdict::Failure, || Ok::<(), std::fmt::Error>(())).unwrap_err();
    assert_eq!(refused.to_string(), "the circuit is open for another 60.0s");
    let inner = CircuitBreakerError::Inner(std::io::Error::other("reset"));
    assert_eq!(inner.to_string(), "reset");
    assert!(std::error::Error::source(&refused).is_none());
}

#[test]
fn a_policy_may_be_shared_borrowed_or_owned() {
    let policy = Rules { threshold: 1, ..Rules::default() }.policy();
    let (shared, borrowed) = (Arc::new(policy), &policy);
    let clock = ManualClock::new();
    let a = CircuitBreaker::with_shared(Arc::clone(&shared), &clock);
    let b = CircuitBreaker::with_shared(borrowed, &clock);
    a.try_acquire().unwrap().failure();
    assert_eq!((a.peek().state(), b.peek().state()), (State::Open, State::Closed));
    assert_eq!((a.policy(), b.policy()), (&policy, &policy));
    assert!(!a.is_clean() && b.is_clean());
}

#[test]
fn one_under_a_hand_answers_by_it() {
    let (breaker, clock) = breaker(Rules::default());
    breaker.hold(Hold::Open, Some(duration(10)));
    assert_eq!(breaker.try_acquire().map(|_| ()).unwrap_err().why(), Why::HeldFor);
    breaker.hold(Hold::Closed, Some(duration(10)));
    for _ in 0..9 {
        breaker.try_acquire().unwrap().failure();
    }
    clock.clock.advance(duration(10));
    assert_eq!(breaker.peek().failure_count(), 0);
    assert!(breaker.reset().is_some());
    assert!(breaker.is_clean());
}

#[test]
fn a_policy_that_is_off_lets_calls_through_an_open_circuit() {
    let (theirs, _clock) = breaker(Rules::default());
    open(&theirs);
    let (mine, _clock) = breaker(Rules { enabled: false, ..Rules::default() });
    mine.restore(&theirs.snapshot());
    assert!(!mine.try_acquire().unwrap().is_probe());
}

#[test]
fn a_damaged_record_does_not_blind_it() {
    for generation in [u64::MAX >> 2, (u64::MAX >> 2) + 1, u64::MAX] {
        let (breaker, _clock) = breaker(Rules::default());
        let mut written = serde_json::to_value(breaker.snapshot()).unwrap();
        written["generation"] = generation.into();
        breaker.restore(&serde_json::from_value::<Snapshot>(written).unwrap());
        for _ in 0..3 {
            breaker.try_acquire().unwrap().failure();
        }
        assert_eq!(breaker.peek().state(), State::Open, "generation {generation}");
    }
}

#[test]
fn a_decision_that_panics_leaves_the_breaker_in_use() {
    let (breaker, _clock) = breaker(Rules { threshold: 1, ..Rules::default() });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        breaker.with_machine(|machine, policy, now| {
            let ticket = machine.admit(policy, now).unwrap();
            machine.settle(policy, ticket, Verdict::Failure, now);
            resume_unwind(Box::new(()));
        });
    }));
    assert!(panicked.is_err());
    assert!(breaker.try_acquire().is_err(), "what it left is what holds, without the lock too");
    assert_eq!(breaker.peek().retry_after(), Some(Duration::from_secs(60)));
}

#[test]
fn whoever_opened_it_goes_on_by_any_handle() {
    let (breaker, clock) = breaker(Rules { threshold: 1, successes: 4, ..Rules::default() });
    let reads = || clock.times.load(Ordering::Relaxed);
    let Settled::Moved(moved) = breaker.try_acquire().unwrap().failure() else { panic!("it is closed") };
    let pass = moved.outage.unwrap();
    assert!(breaker.try_acquire().is_err());
    // A permit that is dropped says nothing, not even while unwinding.
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _permit = breaker.try_acquire_opener(pass);
        resume_unwind(Box::new(()));
    }));
    assert!(unwound.is_err());
    drop(breaker.try_acquire_opener(pass));
    assert_eq!(breaker.try_acquire().map(|_| ()).unwrap_err().retry_after(), duration(60));
    let permit = breaker.try_acquire_opener(pass).unwrap();
    assert!(permit.is_opener() && !permit.is_probe() && permit.renew());
    assert_eq!(permit.transition(), None);
    assert_eq!(permit.success(), Settled::Counted);
    assert_eq!(Arc::clone(&breaker).enter_opener(pass).unwrap().success(), Settled::Counted);
    let ticket = breaker.admit_opener(pass).unwrap();
    assert_eq!(breaker.settle(ticket, Verdict::Success), Settled::Counted);
    assert_eq!(breaker.try_acquire_opener(pass).unwrap().failure(), Settled::Counted);
    assert!(matches!(breaker.try_acquire_opener(pass).unwrap().success(), Settled::Moved(_)));
    // Closed it is the same as for anybody, without the lock or the clock.
    let before = reads();
    let permit = breaker.try_acquire_opener(pass).unwrap();
    assert!(breaker.is_clean() && !permit.is_opener());
    permit.success();
    assert_eq!(reads(), before);
}

#[test]
fn on_probation_every_result_is_looked_at() {
    let (breaker, clock) = breaker(Rules::default());
    for confirmed in [true, false] {
        open(&breaker);
        clock.clock.advance(duration(60));
        assert!(matches!(breaker.try_acquire().unwrap().health(Verdict::Success), Settled::Moved(_)));
        assert!(breaker.peek().is_on_probation() && !breaker.is_clean());
        if confirmed {
            breaker.try_acquire().unwrap().success();
            assert!(breaker.is_clean());
        } else {
            assert!(matches!(breaker.try_acquire().unwrap().failure(), Settled::Moved(_)));
        }
    }
    // A ticket without a permit.
    clock.clock.advance(duration(60));
    let ticket = breaker.admit().unwrap();
    breaker.settle_health(ticket, Verdict::Success);
    assert!(breaker.peek().is_on_probation());
}
