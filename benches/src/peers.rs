//! The peers, each in the fastest form that its own documentation shows.

use std::cell::RefCell;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use failsafe::CircuitBreaker as _;
use tower_layer::Layer;
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};
use tower_resilience_retry::RetryLayer;
use tower_service::Service;

/// A peer's version, as it was locked when this was built.
pub(crate) fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
    let line = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    line.map_or("?", |version| version.trim_matches('"'))
}

pub(crate) fn failsafe_closed() -> impl failsafe::CircuitBreaker {
    let backoff = failsafe::backoff::constant(Duration::from_secs(60));
    failsafe::Config::new().failure_policy(failsafe::failure_policy::consecutive_failures(3, backoff)).build()
}

pub(crate) fn failsafe_time_window() -> impl failsafe::CircuitBreaker {
    let backoff = failsafe::backoff::constant(Duration::from_secs(60));
    let policy =
        failsafe::failure_policy::success_rate_over_time_window(0.5, 50, Duration::from_secs(60), backoff);
    failsafe::Config::new().failure_policy(policy).build()
}

pub(crate) fn failsafe_open() -> impl failsafe::CircuitBreaker {
    let breaker = failsafe_closed();
    for _ in 0..3 {
        let _ = breaker.call(|| Err::<(), ()>(()));
    }
    assert!(breaker.call(|| Ok::<(), ()>(())).is_err(), "it should be open");
    breaker
}

pub(crate) fn recloser_closed() -> recloser::Recloser {
    recloser::Recloser::custom().closed_len(100).open_wait(Duration::from_secs(60)).build()
}

pub(crate) fn recloser_open() -> recloser::Recloser {
    let breaker = recloser::Recloser::custom().closed_len(1).open_wait(Duration::from_secs(60)).build();
    for _ in 0..3 {
        let _ = breaker.call(|| Err::<(), ()>(()));
    }
    assert!(breaker.call(|| Ok::<(), ()>(())).is_err(), "it should be open");
    breaker
}

/// A tower service that answers at once what it is asked to.
#[derive(Clone, Copy)]
pub(crate) struct Echo;

impl Service<bool> for Echo {
    type Response = u8;
    type Error = ();
    type Future = Ready<Result<u8, ()>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, succeeds: bool) -> Self::Future {
        ready(if succeeds { Ok(1) } else { Err(()) })
    }
}

/// Something that a request can be sent to and that answers in one poll.
pub(crate) trait Asked {
    fn ask(&self, succeeds: bool) -> bool;
}

/// A tower service that one caller keeps, which spares the clone for each request.
pub(crate) struct Tower<S>(RefCell<S>);

impl<S> Tower<S> {
    pub(crate) fn of(service: S) -> Self {
        Self(RefCell::new(service))
    }
}

impl<S: Service<bool>> Asked for Tower<S> {
    fn ask(&self, succeeds: bool) -> bool {
        let future = self.0.borrow_mut().call(succeeds);
        crate::counted::poll_once(future).is_ok()
    }
}

pub(crate) fn tower_closed() -> impl Asked {
    let layer = CircuitBreakerLayer::builder()
        .consecutive_failures(3)
        .wait_duration_in_open(Duration::from_secs(60))
        .build()
        .unwrap();
    Tower::of(layer.layer(Echo))
}

pub(crate) fn tower_count_window() -> impl Asked {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
        .minimum_number_of_calls(50)
        .build()
        .unwrap();
    Tower::of(layer.layer(Echo))
}

pub(crate) fn tower_time_window() -> impl Asked {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(Duration::from_secs(60))
        .minimum_number_of_calls(50)
        .build()
        .unwrap();
    Tower::of(layer.layer(Echo))
}

pub(crate) fn tower_open() -> impl Asked {
    let service = tower_closed();
    for _ in 0..3 {
        service.ask(false);
    }
    assert!(!service.ask(true), "it should be open");
    service
}

pub(crate) fn tower_retry() -> impl Asked {
    let layer = RetryLayer::<bool, u8, ()>::builder()
        .max_attempts(3)
        .exponential_backoff(Duration::from_secs(1))
        .build();
    Tower::of(layer.layer(Echo))
}
