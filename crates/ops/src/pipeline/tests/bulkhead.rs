//! A place among the calls to a service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vps_breaker::{State, Verdict};
use vps_retry::{Class, Stop};

use super::lab::{Failed, Lab, with};
use crate::guard::{Bulkhead, BulkheadError, Usage};
use crate::hint::Hint;
use crate::operation::OperationKind;
use crate::pipeline::{Cause, End, Request};
use vps_retry::Kind;

const SECOND: Duration = Duration::from_secs(1);

fn places(max_concurrent: u32, max_queue: u32) -> Value {
    json!({"performance": {"bulkhead": {"max_concurrent": max_concurrent, "max_queue": max_queue}}})
}

fn bulkhead(lab: &Lab, service: &str) -> Arc<Bulkhead> {
    Arc::clone(lab.circuits.guard(&service.into()).bulkhead())
}

fn usage(lab: &Lab, service: &str) -> Usage {
    bulkhead(lab, service).usage()
}

/// Takes a place and keeps it for so many seconds.
fn occupy(lab: &Lab, service: &str, seconds: u64) -> crate::env::Task {
    let place = bulkhead(lab, service).try_enter_owned().unwrap();
    let env = lab.env.clone();
    lab.env.spawn("occupies", async move {
        env.sleep(Duration::from_secs(seconds)).await;
        drop(place);
    })
}

async fn fails_with(lab: &Lab, request: &Request) -> crate::pipeline::OperationError<Failed> {
    lab.pipeline.run(request, |_| async { Ok::<_, Failed>(()) }).await.unwrap_err()
}

#[test]
fn so_many_at_once_and_the_others_in_turn() {
    with(&places(2, 10), |lab| async move {
        let (inside, begun) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (mut all, began) = (JoinSet::new(), lab.env.now());
        for number in 0..6 {
            let (pipeline, env) = (lab.pipeline.clone(), lab.env.clone());
            let (inside, begun) = (Arc::clone(&inside), Arc::clone(&begun));
            all.spawn(async move {
                let request = Request::new(OperationKind::Execute, "test it").service("a".into());
                let outcome = pipeline.run(&request, |attempt| {
                    let (inside, begun, env) = (&inside, &begun, &env);
                    async move {
                        assert_eq!(begun.fetch_add(1, Ordering::Relaxed), number, "out of turn");
                        assert!(inside.fetch_add(1, Ordering::Relaxed) < 2);
                        env.sleep(SECOND).await;
                        inside.fetch_sub(1, Ordering::Relaxed);
                        Ok::<_, Failed>(attempt.number)
                    }
                });
                assert_eq!(outcome.await.unwrap(), 1);
            });
        }
        while let Some(one) = all.join_next().await {
            one.unwrap();
        }
        assert_eq!(lab.env.now().since(began), SECOND * 3);
        let waits = lab.said(&["waiting"]);
        assert_eq!(waits.len(), 4);
        assert_eq!(waits[0], "waiting a 2 places");
        assert!(bulkhead(&lab, "a").is_idle());
    });
}

#[test]
fn waiting_counts_against_the_deadline_and_nothing_else() {
    with(&places(1, 10), |lab| async move {
        let request = lab.request().service("a".into()).attempt(SECOND);
        let task = occupy(&lab, "a", 8);
        let error = fails_with(&lab, &request.clone().total(SECOND * 5)).await;
        assert_eq!((error.kind(), error.attempts()), (Kind::Timeout, 0));
        assert_eq!(
            (error.took, error.end),
            (SECOND * 5, End::Stop(Stop::Deadline { pause: Duration::ZERO }))
        );
        assert!(matches!(error.cause, Cause::NoPlace(BulkheadError::OutOfTime { .. })));
        assert_eq!(error.cause.to_string(), "waited 5.0s in vain for one of the 1 places for calls to a");
        assert_eq!((lab.calls("a").await, lab.failures("a"), usage(&lab, "a").waiting), (0, 0, 0));
        // Three seconds more in the queue take nothing from the attempt's own second.
        let request = request.total(SECOND * 5);
        let outcome = lab.pipeline.run(&request, |attempt| {
            let left = attempt.deadline.left(lab.env.now());
            async move { Ok::<_, Failed>((attempt.number, left)) }
        });
        assert_eq!(outcome.await.unwrap(), (1, Some(SECOND)));
        drop(task);
    });
}

#[test]
fn a_full_queue_refuses_at_once_and_says_what_to_do() {
    with(&places(1, 0), |lab| async move {
        let task = occupy(&lab, "a", 100);
        let error = fails_with(&lab, &lab.request().service("a".into()).total(SECOND * 50)).await;
        assert_eq!((error.kind(), error.end, error.attempts()), (Kind::QueueFull, End::Full, 0));
        assert_eq!(
            (error.took, error.class()),
            (Duration::ZERO, Class::Rejected { retry_after: Duration::ZERO })
        );
        let text = "too many calls to a at once: 1 of 1 places are taken, 0 of 0 wait for one";
        assert_eq!(error.cause.to_string(), text);
        assert_eq!(error.hint(), Some(Hint::FewerAtOnce { group: "a".to_owned() }));
        // Not the service's failure, nor a call.
        assert_eq!((lab.calls("a").await, lab.failures("a")), (0, 0));
        drop(task);
    });
}

#[test]
fn a_retry_that_finds_the_queue_full_ends_with_its_own_error() {
    with(&places(1, 0), |lab| async move {
        let request = lab.request().service("a".into());
        let taken = std::sync::Mutex::new(None);
        let outcome = lab.pipeline.run(&request, |_| async {
            // Somebody else comes in as soon as this attempt is over.
            let (env, bulkhead) = (lab.env.clone(), bulkhead(&lab, "a"));
            let comes = lab.env.spawn("comes", async move {
                env.sleep(SECOND / 2).await;
                let place = bulkhead.try_enter_owned().unwrap();
                env.sleep(SECOND * 100).await;
                drop(place);
            });
            *taken.lock().unwrap() = Some(comes);
            Err::<(), _>(Failed(Class::Transient))
        });
        let error = outcome.await.unwrap_err();
        assert_eq!((error.kind(), error.end, error.attempts()), (Kind::Failed, End::Full, 1));
        assert!(matches!(error.cause, Cause::Operation(_)));
    });
}

#[test]
fn cancelled_in_the_queue_it_leaves_it() {
    with(&places(1, 10), |lab| async move {
        let (task, token) = (occupy(&lab, "a", 100), CancellationToken::new());
        let (env, later) = (lab.env.clone(), token.clone());
        let cancels = lab.env.spawn("cancels", async move {
            env.sleep(SECOND).await;
            later.cancel();
        });
        let error = fails_with(&lab, &lab.request().service("a".into()).cancel(token)).await;
        assert_eq!((error.kind(), error.took), (Kind::Cancelled, SECOND));
        assert_eq!(usage(&lab, "a").waiting, 0);
        drop((task, cancels));
    });
}

#[test]
fn an_open_circuit_is_told_before_any_queue() {
    with(&places(1, 10), |lab| async move {
        lab.open("a").await;
        let task = occupy(&lab, "a", 100);
        let error = fails_with(&lab, &lab.request().service("a".into())).await;
        assert_eq!((error.kind(), error.took), (Kind::CircuitOpen, Duration::ZERO));
        drop(task);
    });
}

#[test]
fn refused_by_the_circuit_after_the_queue_it_gives_its_place_back() {
    with(&places(1, 10), |lab| async move {
        let task = occupy(&lab, "a", 8);
        let request = lab.request().service("a".into());
        let (error, ()) = tokio::join!(biased; fails_with(&lab, &request), async {
            lab.wait(1).await;
            lab.open("a").await;
        });
        assert_eq!((error.kind(), error.took), (Kind::CircuitOpen, SECOND * 8));
        assert!(bulkhead(&lab, "a").is_idle());
        drop(task);
    });
}

#[test]
fn in_the_pause_before_a_retry_the_place_is_somebody_elses() {
    with(&places(1, 10), |lab| async move {
        let request = lab.request().service("a".into());
        let fails_once = lab.pipeline.run(&request, |attempt| {
            let idle = attempt.number == 1;
            async move { if idle { Err(Failed(Class::Transient)) } else { Ok(()) } }
        });
        let comes = async {
            let began = lab.env.now();
            let outcome = lab.pipeline.run(&request, |_| async { Ok::<_, Failed>(()) }).await;
            (outcome.is_ok(), lab.env.now().since(began))
        };
        let (first, second) = tokio::join!(biased; fails_once, comes);
        assert!(first.is_ok());
        assert_eq!(second, (true, Duration::ZERO));
    });
}

#[test]
fn a_dropped_operation_leaves_its_place_or_its_turn() {
    with(&places(1, 10), |lab| async move {
        let request = lab.request().service("a".into());
        let hangs = lab.pipeline.run(&request, |_| std::future::pending::<Result<(), Failed>>());
        let waits = lab.pipeline.run(&request, |_| async { Ok::<_, Failed>(()) });
        {
            let (mut hangs, mut waits) = (Box::pin(hangs), Box::pin(waits));
            tokio::select! {
                biased;
                _ = &mut hangs => panic!("it hangs"),
                _ = &mut waits => panic!("it waits"),
                () = lab.wait(1) => {}
            }
            assert_eq!((usage(&lab, "a").inside, usage(&lab, "a").waiting), (1, 1));
            drop(hangs);
            // Granted, and dropped before it came for it.
            assert_eq!((usage(&lab, "a").inside, usage(&lab, "a").waiting), (1, 0));
        }
        assert!(bulkhead(&lab, "a").is_idle());
    });
}

#[test]
fn another_candidate_is_tried_where_the_queue_of_the_first_is_full() {
    with(&places(1, 0), |lab| async move {
        let task = occupy(&lab, "a", 100);
        let request = lab.request().service("a".into()).service("b".into());
        let outcome = lab.pipeline.run(&request, |attempt| async move { Ok::<_, Failed>(attempt.candidate) });
        assert_eq!(outcome.await.unwrap(), 1);
        drop(task);
    });
}

#[test]
fn two_that_need_the_same_places_do_not_wait_for_each_other() {
    with(&places(1, 10), |lab| async move {
        let one = lab.request().total(SECOND * 60).member("a".into(), true).member("b".into(), true);
        let other = lab.request().total(SECOND * 60).member("b".into(), true).member("a".into(), true);
        let run = async |request: &Request| {
            let work = || async {
                lab.wait(1).await;
                Ok::<_, Failed>(())
            };
            lab.pipeline.run(request, |_| work()).await.is_ok()
        };
        let began = lab.env.now();
        assert_eq!(tokio::join!(biased; run(&one), run(&other)), (true, true));
        assert_eq!(lab.env.now().since(began), SECOND * 2);
        assert!(bulkhead(&lab, "a").is_idle() && bulkhead(&lab, "b").is_idle());
    });
}

#[test]
fn a_required_member_that_opens_while_we_wait_gives_back_what_the_others_gave() {
    with(&places(1, 10), |lab| async move {
        // `a` is due for a probe, `b` has no place free for a while and opens meanwhile.
        lab.open("a").await;
        lab.wait(70).await;
        let task = occupy(&lab, "b", 8);
        let request = lab.request().member("a".into(), false).member("b".into(), true);
        let (error, ()) = tokio::join!(biased; fails_with(&lab, &request), async {
            lab.wait(1).await;
            lab.open("b").await;
        });
        assert_eq!((error.kind(), error.took), (Kind::CircuitOpen, SECOND * 8));
        assert_eq!(error.service.unwrap().as_str(), "b");
        assert!(bulkhead(&lab, "a").is_idle() && bulkhead(&lab, "b").is_idle());
        // The probe's slot that it took of `a` is free at once, and `a` is as it was.
        assert_eq!(lab.state("a"), State::HalfOpen);
        let probe = lab.circuits.circuit(&"a".into()).enter().await.unwrap();
        let _ = probe.settle(Verdict::Success).await;
        drop(task);
    });
}

/// Who waited for a place has little time left: that a call does not fit into it is not the service's failure.
#[test]
fn a_call_that_the_queue_left_no_time_for_is_held_against_nobody() {
    let settings = json!({"performance": {"bulkhead": {"max_concurrent": 1}}});
    with(&settings, |lab| async move {
        let call = |_| {
            let env = lab.env.clone();
            async move {
                env.sleep(SECOND * 3).await;
                Ok::<_, Failed>(())
            }
        };
        let request = || lab.request().service("a".into()).total(SECOND * 4);
        let (first, second) = (request(), request());
        let both = tokio::join!(biased; lab.pipeline.run(&first, call), lab.pipeline.run(&second, call));
        assert!(both.0.is_ok());
        assert_eq!(both.1.unwrap_err().kind(), Kind::Timeout);
        assert_eq!(lab.failures("a"), 0);
    });
}
