//! An attempt that calls several services at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use vps_breaker::{State, Verdict};
use vps_retry::{Class, RetryStrategy};

use super::lab::{Failed, Lab, paused, virtually, with};
use crate::attempt::Attempt;
use crate::pipeline::{Cause, End, Request};
use crate::service::ServiceName;
use crate::store::{Job, MemoryStore, StoreHandle};
use vps_retry::Kind;

fn names(services: &[ServiceName]) -> Vec<&str> {
    services.iter().map(ServiceName::as_str).collect()
}

/// `distribution` is required, `third` and `other` are not.
fn three(lab: &Lab) -> Request {
    let request = lab.request().total(Duration::from_secs(300));
    request.member("third".into(), false).member("distribution".into(), true).member("other".into(), false)
}

fn once(request: Request) -> Request {
    request.strategy(RetryStrategy::new().with_max_attempts(1.try_into().unwrap()))
}

#[test]
fn all_members_are_entered_and_told_how_they_did() {
    virtually(|lab| async move {
        lab.tell("third", Verdict::Failure).await;
        lab.tell("other", Verdict::Failure).await;
        let outcome = lab
            .pipeline
            .run(&three(&lab), |attempt: Attempt| async move {
                assert_eq!(names(attempt.members.admitted()), ["distribution", "other", "third"]);
                assert!(attempt.members.left_out().is_empty());
                attempt.members.report(&"third".into(), Verdict::Failure);
                Ok::<_, Failed>(())
            })
            .await;
        assert!(outcome.is_ok());
        // A broken third-party repository counts, though the whole is a success; silence is a success.
        assert_eq!((lab.failures("third"), lab.failures("other")), (2, 0));
        assert_eq!(lab.calls("distribution").await, 1);
    });
}

#[test]
fn a_failed_attempt_is_held_only_against_those_it_names() {
    virtually(|lab| async move {
        let outcome = lab
            .pipeline
            .run(&once(three(&lab)), |attempt: Attempt| async move {
                attempt.members.report(&"distribution".into(), Verdict::Failure);
                Err::<(), _>(Failed(Class::Transient))
            })
            .await;
        let error = outcome.unwrap_err();
        assert_eq!((error.service.clone(), error.history[0].service.clone()), (None, None));
        assert_eq!(lab.failures("distribution"), 1);
        assert_eq!((lab.failures("third"), lab.failures("other")), (0, 0));
    });
}

#[test]
fn an_optional_member_that_is_open_is_left_out_and_costs_nothing() {
    virtually(|lab| async move {
        lab.open("third").await;
        let outcome = lab
            .pipeline
            .run(&three(&lab), |attempt: Attempt| async move {
                assert_eq!(names(attempt.members.admitted()), ["distribution", "other"]);
                assert_eq!(names(attempt.members.left_out()), ["third"]);
                if attempt.number < 3 { Err(Failed(Class::Transient)) } else { Ok(attempt.number) }
            })
            .await;
        assert_eq!(outcome.unwrap(), 3);
        // Said once, however many attempts go on without it.
        let warnings = lab.said(&["left_out"]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("left_out third "), "{warnings:?}");
        assert_eq!(lab.said(&["circuit_rejected"]).len(), 3);
    });
}

#[test]
fn a_required_member_that_is_open_stops_it_before_anything_is_taken() {
    virtually(|lab| async move {
        lab.open("distribution").await;
        lab.open("third").await;
        let outcome = lab.pipeline.run(&three(&lab), |_| async { Ok::<_, Failed>(()) }).await;
        let error = outcome.unwrap_err();
        assert!(error.is_circuit_open());
        assert_eq!((error.kind(), error.attempts()), (Kind::CircuitOpen, 0));
        assert_eq!(error.service.unwrap().as_str(), "distribution");
        assert_eq!(lab.calls("other").await, 0);
    });
}

#[test]
fn with_every_member_open_it_says_when_the_first_comes_back() {
    virtually(|lab| async move {
        lab.open("early").await;
        lab.wait(10).await;
        lab.open("late").await;
        let request = lab.request().member("late".into(), false).member("early".into(), false);
        let outcome = lab.pipeline.run(&request, |_| async { Ok::<_, Failed>(()) }).await;
        let Cause::CircuitOpen(rejected) = outcome.unwrap_err().cause else { panic!("it is open") };
        assert_eq!(rejected.service.as_str(), "early");
        assert!(rejected.retry_after < Duration::from_secs(57), "{:?}", rejected.retry_after);
    });
}

#[test]
fn with_several_required_ones_open_it_says_when_the_last_comes_back() {
    virtually(|lab| async move {
        lab.open("early").await;
        lab.wait(10).await;
        lab.open("late").await;
        let request = lab.request().member("late".into(), true).member("early".into(), true);
        let waiting = request.clone().wait_for_circuit(true);
        let outcome = lab.pipeline.run(&request, |_| async { Ok::<_, Failed>(()) }).await;
        let Cause::CircuitOpen(rejected) = outcome.unwrap_err().cause else { panic!("it is open") };
        assert_eq!(rejected.service.as_str(), "late");
        assert!(rejected.retry_after >= Duration::from_secs(60), "{:?}", rejected.retry_after);
        // Who waits for it is let in when both are back.
        let outcome = lab.pipeline.run(&waiting, |attempt| async move { Ok::<_, Failed>(attempt) }).await;
        assert_eq!(names(outcome.unwrap().members.admitted()), ["early", "late"]);
    });
}

#[test]
fn a_retry_goes_on_without_the_member_that_opened_meanwhile() {
    virtually(|lab| async move {
        lab.tell("third", Verdict::Failure).await;
        lab.wait(1).await;
        lab.tell("third", Verdict::Failure).await;
        lab.wait(1).await;
        let outcome = lab
            .pipeline
            .run(&three(&lab), |attempt: Attempt| async move {
                if attempt.number == 1 {
                    attempt.members.report(&"third".into(), Verdict::Failure);
                    return Err(Failed(Class::Transient));
                }
                Ok(names(attempt.members.left_out()).join(" "))
            })
            .await;
        assert_eq!(outcome.unwrap(), "third");
        assert_eq!(lab.said(&["circuit_moved"]), ["circuit_moved third"]);
    });
}

#[test]
fn an_attempt_that_opens_a_required_member_is_not_repeated() {
    let settings = json!({"performance": {"circuit_breaker": {"failure_threshold": 1}}});
    with(&settings, |lab| async move {
        let outcome = lab
            .pipeline
            .run(&three(&lab), |attempt: Attempt| async move {
                attempt.members.report(&"distribution".into(), Verdict::Failure);
                Err::<(), _>(Failed(Class::Transient))
            })
            .await;
        let error = outcome.unwrap_err();
        assert_eq!(error.attempts(), 1);
        assert!(matches!(error.end, End::CircuitOpen { .. }), "{:?}", error.end);
        assert_eq!(error.circuit.unwrap().service.as_str(), "distribution");
    });
}

/// Of an attempt that hung the silent ones are suspected, and only those.
#[test]
fn a_dropped_attempt_still_tells_what_was_reported() {
    virtually(|lab| async move {
        let names = ["bad", "good", "neither", "silent"];
        for name in names {
            lab.tell(name, Verdict::Failure).await;
        }
        let request = names.iter().fold(lab.request(), |request, name| request.member((*name).into(), false));
        let hangs = lab.pipeline.run(&request, |attempt: Attempt| async move {
            attempt.members.report(&"bad".into(), Verdict::Failure);
            attempt.members.report(&"good".into(), Verdict::Success);
            attempt.members.report(&"neither".into(), Verdict::Neutral);
            std::future::pending::<Result<(), Failed>>().await
        });
        // Longer than the idle limit.
        let until = lab.env.now().after(Duration::from_secs(40));
        assert!(lab.env.until(until, hangs).await.is_none());
        assert_eq!(names.map(|name| lab.failures(name)), [2, 0, 1, 2]);
        assert!(lab.circuits.usage().values().all(|usage| usage.inside == 0));
    });
}

#[test]
fn one_dropped_while_it_settles_tells_all_of_them() {
    // Jobs that the store has not come to; `None` while it does each at once.
    let held: Arc<Mutex<Option<Vec<Job>>>> = Arc::default();
    let (behind, memory) = (Arc::clone(&held), MemoryStore::new());
    let at_once = memory.clone();
    let store = StoreHandle::delivered_by(move |job| match &mut *behind.lock().unwrap() {
        Some(jobs) => jobs.push(job),
        None => job(&at_once),
    });
    paused(async {
        let lab = Lab::over(&json!({}), store);
        for name in ["a", "b"] {
            lab.tell(name, Verdict::Failure).await;
        }
        let request = lab.request().member("a".into(), true).member("b".into(), true);
        let run = lab.pipeline.run(&request, |_| async {
            *held.lock().unwrap() = Some(Vec::new());
            Ok::<_, Failed>(())
        });
        let until = lab.env.now().after(Duration::from_millis(10));
        assert!(lab.env.until(until, run).await.is_none(), "it waits for the store");
        let jobs = held.lock().unwrap().take().unwrap();
        jobs.into_iter().for_each(|job| job(&memory));
        assert_eq!((lab.failures("a"), lab.failures("b")), (0, 0));
    });
}

#[test]
fn the_leases_of_all_probes_are_renewed() {
    virtually(|lab| async move {
        lab.open("a").await;
        lab.open("b").await;
        lab.wait(70).await;
        let request = lab.request().member("a".into(), true).member("b".into(), true);
        let long = lab.pipeline.run(&request, |_| async {
            // Three leases long; nobody else gets a slot meanwhile.
            for _ in 0..18 {
                lab.wait(10).await;
                for name in ["a", "b"] {
                    assert!(lab.circuits.circuit(&name.into()).enter().await.is_err(), "{name}");
                }
            }
            Ok::<_, Failed>(())
        });
        assert!(long.await.is_ok());
        assert_eq!((lab.state("a"), lab.state("b")), (State::Closed, State::Closed));
    });
}

#[test]
fn named_twice_it_is_one_member_and_required_if_it_was_once() {
    virtually(|lab| async move {
        lab.open("a").await;
        let request =
            lab.request().member("a".into(), false).member("a".into(), true).member("b".into(), false);
        let outcome = lab.pipeline.run(&request, |_| async { Ok::<_, Failed>(()) }).await;
        assert!(outcome.unwrap_err().is_circuit_open());
    });
}

#[test]
fn the_kind_that_was_named_last_holds() {
    virtually(|lab| async move {
        let request = lab.request().service("a".into()).member("b".into(), false);
        let outcome = lab.pipeline.run(&request, |attempt| async move { Ok::<_, Failed>(attempt) }).await;
        assert_eq!(names(outcome.unwrap().members.admitted()), ["b"]);
        let request = request.service("a".into());
        let outcome = lab.pipeline.run(&request, |attempt| async move {
            assert!(attempt.members.admitted().is_empty());
            Ok::<_, Failed>(())
        });
        assert!(outcome.await.is_ok());
        assert_eq!((lab.calls("a").await, lab.calls("b").await), (1, 1));
    });
}
