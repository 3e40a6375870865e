//! An operation that must not be dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::State;
use vps_retry::{Class, Stop};

use super::lab::{Failed, Lab, virtually};
use crate::pipeline::{Cause, End, Request};
use vps_retry::Kind;

const TEN: Duration = Duration::from_secs(10);

/// Counts the attempts that were cut half-way.
#[derive(Clone, Default)]
struct Cut(Arc<AtomicU32>);

struct Watch(Cut, bool);

impl Cut {
    fn watch(&self) -> Watch {
        Watch(self.clone(), false)
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Watch {
    fn done(mut self) {
        self.1 = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.1 {
            self.0.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn request(lab: &Lab) -> Request {
    lab.request().service("a".into()).total(TEN).attempt(TEN / 2)
}

/// Cancels `token` after so many seconds.
fn cancel_after(lab: &Lab, seconds: u64, token: &CancellationToken) -> crate::env::Task {
    let (env, token) = (lab.env.clone(), token.clone());
    lab.env.spawn("cancels", async move {
        env.sleep(Duration::from_secs(seconds)).await;
        token.cancel();
    })
}

/// Works three times as long as it has, and heeds nothing.
async fn works_on(lab: &Lab, request: &Request, cut: &Cut) -> bool {
    let outcome = lab.pipeline.run(request, |_| async {
        let watch = cut.watch();
        lab.env.sleep(TEN * 3).await;
        watch.done();
        Ok::<_, Failed>(())
    });
    outcome.await.is_ok()
}

#[test]
fn at_its_deadline_it_is_waited_for_and_a_success_counts() {
    virtually(|lab| async move {
        let cut = Cut::default();
        // Any other is dropped at its limit.
        assert!(!works_on(&lab, &request(&lab), &cut).await);
        let cut_before = cut.count();
        assert!(cut_before > 0);
        let (began, failures) = (lab.env.now(), lab.failures("a"));
        assert!(failures > 0);
        assert!(works_on(&lab, &request(&lab).ends_by_itself(), &cut).await);
        assert_eq!(cut.count(), cut_before);
        assert_eq!(lab.env.now().since(began), TEN * 3);
        assert_eq!((lab.failures("a"), lab.said(&["succeeded"]).len()), (0, 1));
    });
}

#[test]
fn cancelled_it_is_waited_for_and_a_success_counts() {
    virtually(|lab| async move {
        let (cut, token) = (Cut::default(), CancellationToken::new());
        let cancels = cancel_after(&lab, 2, &token);
        let request = request(&lab).cancel(token.clone()).ends_by_itself();
        assert!(works_on(&lab, &request, &cut).await);
        assert!(token.is_cancelled());
        assert_eq!(cut.count(), 0);
        drop(cancels);
    });
}

#[test]
fn one_that_stops_when_told_keeps_its_error_and_is_not_repeated() {
    virtually(|lab| async move {
        let token = CancellationToken::new();
        let cancels = cancel_after(&lab, 2, &token);
        let request = request(&lab).cancel(token).ends_by_itself();
        let began = lab.env.now();
        let outcome = lab.pipeline.run(&request, |attempt| {
            let env = &lab.env;
            async move {
                attempt.cancel.cancelled().await;
                env.sleep(TEN).await;
                Err::<(), _>(Failed(Class::Transient))
            }
        });
        let error = outcome.await.unwrap_err();
        assert_eq!(lab.env.now().since(began), Duration::from_secs(12));
        assert_eq!(
            (error.kind(), error.end, error.attempts()),
            (Kind::Cancelled, End::Stop(Stop::Cancelled), 1)
        );
        assert!(matches!(error.cause, Cause::Operation(Failed(Class::Transient))));
        drop(cancels);
    });
}

#[test]
fn one_that_was_cancelled_before_is_not_begun() {
    virtually(|lab| async move {
        let (cut, token) = (Cut::default(), CancellationToken::new());
        token.cancel();
        assert!(!works_on(&lab, &request(&lab).cancel(token).ends_by_itself(), &cut).await);
        assert_eq!(lab.said(&["attempt_started", "failed"]), ["failed -"]);
    });
}

#[test]
fn one_that_heeds_its_limit_is_repeated_while_time_is_left() {
    virtually(|lab| async move {
        let request = request(&lab).total(TEN * 10).ends_by_itself();
        let outcome = lab.pipeline.run(&request, |attempt| {
            let env = &lab.env;
            async move {
                assert_eq!(attempt.deadline.left(env.now()), Some(TEN / 2));
                if attempt.number == 2 {
                    return Ok(());
                }
                env.sleep_until(attempt.deadline.tick().unwrap()).await;
                Err(Failed(Class::Transient))
            }
        });
        assert!(outcome.await.is_ok());
        assert_eq!(lab.said(&["attempt_started"]).len(), 2);
    });
}

#[test]
fn its_probe_is_renewed_until_the_end() {
    virtually(|lab| async move {
        lab.open("a").await;
        lab.wait(70).await;
        let token = CancellationToken::new();
        let cancels = cancel_after(&lab, 2, &token);
        let request = request(&lab).cancel(token).ends_by_itself();
        let outcome = lab.pipeline.run(&request, |_| async {
            for _ in 0..18 {
                lab.wait(10).await;
                assert!(lab.circuits.circuit(&"a".into()).enter().await.is_err());
            }
            Ok::<_, Failed>(())
        });
        assert!(outcome.await.is_ok());
        assert_eq!(lab.state("a"), State::Closed);
        drop(cancels);
    });
}
