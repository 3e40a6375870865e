//! What is counted: each function makes the same number of calls.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::hint::black_box;
use std::num::{NonZeroU16, NonZeroU32};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower_layer::Layer;
use vps_breaker::{
    BreakerLayer, CircuitBreaker, ManualClock, Policy, Rate, Registry, StdClock, Verdict, Window,
};
use vps_health::{Damped, Fact, History, HttpAnswer, Moment, Phases, Sample, Timing, judge};
use vps_retry::{
    BlockingTimer, Class, Classify, ExponentialBackoff, JitterStrategy, Judgement, RetryStrategy, SplitMix64,
    Timer,
};

use crate::instructions::CALLS;
use crate::peers::{self, Asked};

macro_rules! scenarios {
    ($($name:ident($thing:ident: $type:ty = $make:expr) $work:block)*) => {
        $(
            #[inline(never)]
            pub(crate) fn $name($thing: &$type) {
                for _ in 0..CALLS $work
            }
        )*

        pub(crate) fn run(name: &str) {
            match name {
                $(stringify!($name) => {
                    let thing = $make;
                    // Once before, so that what happens at the first call is not counted twice.
                    $name(&thing);
                })*
                other => panic!("there is no {other}"),
            }
        }
    };
}

pub(crate) fn ours() -> CircuitBreaker<StdClock> {
    CircuitBreaker::new(Policy::new(), StdClock::new())
}

pub(crate) fn ours_count_window(full: bool) -> CircuitBreaker<StdClock> {
    let window =
        Window::Count { calls: NonZeroU16::new(100).unwrap(), min_calls: NonZeroU32::new(50).unwrap() };
    let policy = Policy::new().with_window(Some(window)).with_failure_rate(Some(Rate::percent(50)));
    let breaker = CircuitBreaker::new(policy, StdClock::new());
    if full {
        for _ in 0..200 {
            breaker.try_acquire().unwrap().success();
        }
    }
    breaker
}

pub(crate) fn ours_time_window() -> CircuitBreaker<StdClock> {
    let window = Window::Time {
        length: Duration::from_secs(60),
        buckets: 20.try_into().unwrap(),
        min_calls: NonZeroU32::new(50).unwrap(),
    };
    let policy = Policy::new().with_window(Some(window)).with_failure_rate(Some(Rate::percent(50)));
    CircuitBreaker::new(policy, StdClock::new())
}

pub(crate) fn ours_open() -> CircuitBreaker<StdClock> {
    let breaker = ours();
    for _ in 0..3 {
        breaker.try_acquire().unwrap().failure();
    }
    breaker
}

pub(crate) fn ours_layer() -> impl Asked {
    let breaker = Arc::new(ours());
    let layer = BreakerLayer::new(breaker, |outcome: &Result<u8, ()>| match outcome {
        Ok(_) => Verdict::Success,
        Err(()) => Verdict::Failure,
    });
    peers::Tower::of(layer.layer(peers::Echo))
}

pub(crate) struct NoTime;

impl BlockingTimer for NoTime {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) {}
}

impl Timer for NoTime {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _: Duration) {}
}

pub(crate) struct Never;

impl Classify for Never {
    fn judge(&self) -> Judgement {
        Class::Permanent.into()
    }
}

pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it should be ready"),
    }
}

/// A service that is well, looked at each 30 s.
pub(crate) struct Service {
    now: Moment,
    timing: Timing,
    damped: Damped,
    history: History,
}

impl Service {
    fn new() -> Self {
        let (now, timing) = (Moment::ORIGIN, Timing::new());
        Self { now, timing, damped: Damped::new(timing), history: History::new(timing.interval(), now) }
    }

    fn looked_at(times: u32) -> Self {
        let mut service = Self::new();
        (0..times).for_each(|_| service.look());
        service
    }

    /// What was seen -> what it means -> the status -> the history.
    fn look(&mut self) {
        let took = Duration::from_millis(20);
        self.now = self.now.after(self.timing.interval());
        let fact = Fact::Http(HttpAnswer::of(200));
        let outcome = judge(&fact, None, &self.timing, took, &Phases::NONE);
        let sample = Sample::new(self.now, took, outcome);
        let change = self.damped.sample(&sample, self.now);
        self.history.sample(&sample, &self.damped, change, self.now);
    }
}

scenarios! {
    empty(thing: u8 = 0) { black_box(thing); }
    closed_ours(breaker: CircuitBreaker<StdClock> = ours()) {
        let permit = black_box(breaker).try_acquire().unwrap();
        black_box(permit.success());
    }
    closed_window_ours(breaker: CircuitBreaker<StdClock> = ours_count_window(true)) {
        let permit = black_box(breaker).try_acquire().unwrap();
        black_box(permit.success());
    }
    closed_recloser(breaker: recloser::Recloser = peers::recloser_closed()) {
        let _ = black_box(black_box(breaker).call(|| Ok::<(), ()>(())));
    }
    closed_failsafe(breaker: impl failsafe::CircuitBreaker = peers::failsafe_closed()) {
        let _ = black_box(black_box(breaker).call(|| Ok::<(), ()>(())));
    }
    closed_tower(service: impl Asked = peers::tower_closed()) {
        black_box(black_box(service).ask(true));
    }
    open_ours(breaker: CircuitBreaker<StdClock> = ours_open()) {
        black_box(black_box(breaker).try_acquire().is_err());
    }
    layer_ours(service: impl Asked = ours_layer()) {
        black_box(black_box(service).ask(true));
    }
    call_async_ours(breaker: CircuitBreaker<StdClock> = ours()) {
        let future = black_box(breaker).call_async(|_: &()| Verdict::Failure, std::future::ready(Ok::<u8, ()>(1)));
        let _ = black_box(poll_once(future));
    }
    lookup_ours(registry: Registry<ManualClock> = {
        let registry = Registry::new(Policy::new(), ManualClock::new(), 2_000);
        for number in 0..1_000 {
            let _ = registry.breaker(&format!("service-{number}"));
        }
        registry
    }) {
        black_box(black_box(registry).breaker("service-500"));
    }
    retry_ours(strategy: RetryStrategy = RetryStrategy::new()) {
        let _ = black_box(vps_retry::run(black_box(strategy), None, None, &NoTime, &mut SplitMix64::new(1), |_| Ok::<u8, Never>(black_box(1))));
    }
    retry_async_ours(strategy: RetryStrategy = RetryStrategy::new()) {
        let mut rng = SplitMix64::new(1);
        let _ = black_box(poll_once(vps_retry::run_async(black_box(strategy), None, None, &NoTime, &mut rng, |_| {
            std::future::ready(Ok::<u8, Never>(black_box(1)))
        })));
    }
    retry_backon(calls: Cell<u64> = Cell::new(0)) {
        use backon::BlockingRetryable;
        let _ = black_box((|| { calls.set(calls.get() + 1); Ok::<u8, ()>(black_box(1)) }).retry(backon::ExponentialBuilder::default()).call());
    }
    retried_async_backon(calls: Cell<u64> = Cell::new(0)) {
        use backon::Retryable;
        let future = (|| { calls.set(calls.get() + 1); std::future::ready(Ok::<u8, ()>(black_box(1))) })
            .retry(backon::ExponentialBuilder::default())
            .sleep(|_| std::future::ready(()));
        let _ = black_box(poll_once(std::future::IntoFuture::into_future(future)));
    }
    retried_tower(service: impl Asked = peers::tower_retry()) {
        black_box(black_box(service).ask(true));
    }
    delay_backon(thing: u8 = 0) {
        use backon::BackoffBuilder;
        black_box(thing);
        black_box(black_box(backon::ExponentialBuilder::default().with_jitter()).build().next());
    }
    delay_ours(rng: Cell<u64> = Cell::new(1)) {
        let backoff = ExponentialBackoff::new();
        let mut draw = SplitMix64::new(rng.get());
        rng.set(rng.get() + 1);
        black_box(JitterStrategy::Proportional.delay(black_box(&backoff), black_box(3), Duration::ZERO, &mut draw));
    }
    a_look_taken_in(service: RefCell<Service> = RefCell::new(Service::new())) {
        black_box(service).borrow_mut().look();
    }
    a_quantile_shown(service: RefCell<Service> = RefCell::new(Service::looked_at(200))) {
        black_box(black_box(service).borrow().history.quantile(vps_health::Share::P95));
    }
    an_uptime_shown(service: RefCell<Service> = RefCell::new(Service::looked_at(200))) {
        let service = black_box(service).borrow();
        black_box(service.history.uptime(vps_health::Window::Days(90)));
    }
}
