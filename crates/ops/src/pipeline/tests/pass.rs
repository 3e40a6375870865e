//! Attempts and circuit agree: who opened a circuit goes on as it was asked to, everyone else is refused.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_breaker::{Hold, State, Verdict};
use vps_retry::{Class, RetryStrategy, Stop};

use super::lab::{Failed, Lab, virtually};
use crate::context::Context;
use crate::operation::OperationKind;
use crate::pipeline::{End, OperationError, Request};
use crate::process::SystemRunner;
use crate::settings::Settings;
use crate::workflow::Workflow;
use crate::{Attempt, Kind};

const SECOND: Duration = Duration::from_secs(1);

fn asks_for(lab: &Lab, attempts: u32) -> Request {
    let strategy = RetryStrategy::new()
        .with_max_attempts(NonZeroU32::new(attempts).unwrap())
        .with_jitter(vps_retry::JitterStrategy::None);
    lab.request().service("a".into()).strategy(strategy).asked_for(true)
}

async fn fails(lab: &Lab, request: &Request) -> OperationError<Failed> {
    lab.pipeline.run(request, |_| async { Err::<(), _>(Failed(Class::Transient)) }).await.unwrap_err()
}

/// The seed's own sequence, with its threshold of three: 1, 2, 4, 8 seconds.
#[test]
fn five_attempts_are_five_at_the_seeds_delays() {
    virtually(|lab| async move {
        let began = lab.env.now();
        let error = fails(&lab, &asks_for(&lab, 5)).await;
        assert_eq!(error.attempts(), 5);
        assert_eq!(error.end, End::Stop(Stop::AttemptsUsedUp { attempts: 5 }));
        assert_eq!(lab.env.now().since(began), SECOND * 15);
        assert_eq!(lab.said(&["circuit_rejected"]).len(), 0);
        assert_eq!(lab.said(&["circuit_moved"]).len(), 1, "its failures change nothing more");
    });
}

#[test]
fn everyone_else_is_refused_until_the_end_that_was_fixed() {
    virtually(|lab| async move {
        let opens = async {
            fails(&lab, &asks_for(&lab, 8)).await;
        };
        let others = async {
            // After the third attempt.
            lab.wait(4).await;
            assert_eq!(lab.state("a"), State::Open);
            let left = |error: OperationError<Failed>| {
                error.circuit.or(match error.cause {
                    crate::pipeline::Cause::CircuitOpen(rejected) => Some(rejected),
                    _ => None,
                })
            };
            let first = fails(&lab, &asks_for(&lab, 3)).await;
            assert_eq!((first.attempts(), first.kind()), (0, Kind::CircuitOpen));
            lab.wait(20).await;
            let second = fails(&lab, &asks_for(&lab, 3)).await;
            let (first, second) = (left(first).unwrap().retry_after, left(second).unwrap().retry_after);
            assert_eq!(first - second, SECOND * 20, "no failure of the opener moves the end");
        };
        tokio::join!(biased; opens, others);
    });
}

#[test]
fn its_success_closes_the_circuit() {
    virtually(|lab| async move {
        let request = asks_for(&lab, 5);
        let outcome = lab.pipeline.run(&request, |attempt: Attempt| async move {
            if attempt.number < 5 { Err(Failed(Class::Transient)) } else { Ok(()) }
        });
        assert!(outcome.await.is_ok());
        assert_eq!(lab.state("a"), State::Closed);
    });
}

/// Two failures of an earlier command do not turn this one's three attempts into one.
#[test]
fn earlier_failures_cut_nobodys_attempts() {
    virtually(|lab| async move {
        for _ in 0..2 {
            lab.tell("a", Verdict::Failure).await;
            lab.wait(1).await;
        }
        assert_eq!(fails(&lab, &asks_for(&lab, 3)).await.attempts(), 3);
    });
}

#[test]
fn a_circuit_that_others_opened_stops_it_and_says_so() {
    virtually(|lab| async move {
        let lab = &lab;
        let request = asks_for(lab, 5);
        let outcome = lab.pipeline.run(&request, |attempt: Attempt| async move {
            if attempt.number == 2 {
                lab.tell("a", Verdict::Failure).await;
                lab.tell("a", Verdict::Failure).await;
            }
            Err::<(), _>(Failed(Class::Transient))
        });
        let error = outcome.await.unwrap_err();
        assert_eq!((error.attempts(), error.allowed), (2, 5));
        assert!(matches!(error.end, End::CircuitOpen { .. }), "{:?}", error.end);
        assert_eq!(lab.said(&["retrying"]).len(), 1, "no retry is announced that does not come");
    });
}

#[test]
fn a_hand_on_the_circuit_holds_its_opener_too() {
    virtually(|lab| async move {
        let lab = &lab;
        let request = asks_for(lab, 8).service("github".into());
        lab.open("a").await;
        let outcome = lab.pipeline.run(&request, |attempt: Attempt| async move {
            if attempt.number == 4 {
                lab.circuits.hold("github", Hold::Open, None, None, None).await.unwrap();
            }
            Err::<(), _>(Failed(Class::Transient))
        });
        let error = outcome.await.unwrap_err();
        assert_eq!(error.attempts(), 4);
    });
}

/// Eight fetches of one install: one at a time asks, the others wait and inherit.
#[test]
fn the_parts_of_one_root_share_a_pass_one_at_a_time() {
    virtually(|lab| async move {
        let policies = Arc::new(Settings::default().check().unwrap());
        let context = Context::new(lab.pipeline.clone(), policies, Arc::new(SystemRunner::new()));
        let strategy = RetryStrategy::new().with_max_attempts(NonZeroU32::new(6).unwrap());
        let root = Request::new(OperationKind::Execute, "all").strategy(strategy).asked_for(true);
        let (inside, most, calls) = (&AtomicU32::new(0), &AtomicU32::new(0), &AtomicU32::new(0));
        let lab = &lab;
        let outcome = Workflow::run(&context, root, |workflow| async move {
            let fetch = |number: u32| {
                let request = workflow.step(OperationKind::Execute, format!("{number}"), SECOND * 3_000);
                let request = request.service("a".into());
                let pipeline = workflow.pipeline().clone();
                async move {
                    let call = |_| async move {
                        let open = lab.state("a") == State::Open;
                        let now = inside.fetch_add(1, Ordering::Relaxed) + 1;
                        if open {
                            most.fetch_max(now, Ordering::Relaxed);
                        }
                        calls.fetch_add(1, Ordering::Relaxed);
                        lab.env.sleep(Duration::from_millis(100)).await;
                        inside.fetch_sub(1, Ordering::Relaxed);
                        // Well again after a while.
                        if calls.load(Ordering::Relaxed) < 20 {
                            Err(Failed(Class::Transient))
                        } else {
                            Ok(())
                        }
                    };
                    pipeline.run(&request, call).await
                }
            };
            let all = tokio::join!(biased; fetch(1), fetch(2), fetch(3), fetch(4));
            Ok::<_, OperationError<Failed>>([all.0, all.1, all.2, all.3].map(|one| one.is_ok()))
        });
        let done = outcome.await.unwrap();
        assert_eq!(most.load(Ordering::Relaxed), 1, "one at a time while it is open");
        assert!(done.iter().any(|ok| *ok), "{done:?}");
        assert_eq!(lab.state("a"), State::Closed);
    });
}

#[test]
fn who_waits_for_its_turn_hears_a_stop_at_once() {
    virtually(|lab| async move {
        let policies = Arc::new(Settings::default().check().unwrap());
        let context = Context::new(lab.pipeline.clone(), policies, Arc::new(SystemRunner::new()));
        let cancel = CancellationToken::new();
        let root = Request::new(OperationKind::Execute, "all").cancel(cancel.clone());
        let lab = &lab;
        let stops = async {
            lab.wait(6).await;
            cancel.cancel();
            lab.env.now()
        };
        let works = Workflow::run(&context, root, |workflow| async move {
            let step = || {
                let strategy = RetryStrategy::new().with_max_attempts(NonZeroU32::new(9).unwrap());
                let request = workflow.step(OperationKind::Execute, "one", SECOND * 3_000);
                request.service("a".into()).strategy(strategy).asked_for(true)
            };
            let (one, two) = (step(), step());
            let call = |_| async { Err::<(), _>(Failed(Class::Transient)) };
            let pipeline = workflow.pipeline();
            let (one, two) = tokio::join!(biased; pipeline.run(&one, call), pipeline.run(&two, call));
            assert_eq!(two.unwrap_err().kind(), Kind::Cancelled);
            one
        });
        let (stopped, ended) = tokio::join!(biased; stops, async { (works.await, lab.env.now()) });
        assert_eq!(ended.0.unwrap_err().kind(), Kind::Cancelled);
        assert_eq!(ended.1, stopped);
    });
}

/// A later part that is refused by what an earlier one opened ends as a failure, and not as "nothing tried".
#[test]
fn nothing_was_tried_only_where_nothing_was_tried() {
    virtually(|lab| async move {
        let policies = Arc::new(Settings::default().check().unwrap());
        let context = Context::new(lab.pipeline.clone(), policies, Arc::new(SystemRunner::new()));
        let lab = &lab;
        let outcome =
            Workflow::run(&context, Request::new(OperationKind::Execute, "both"), |workflow| async move {
                let one = workflow.step(OperationKind::Execute, "one", SECOND * 60).service("b".into());
                workflow.pipeline().run(&one, |_| async { Ok::<_, Failed>(()) }).await?;
                lab.open("a").await;
                let two = workflow.step(OperationKind::Execute, "two", SECOND * 60).service("a".into());
                workflow.pipeline().run(&two, |_| async { Ok::<_, Failed>(()) }).await
            });
        let error = outcome.await.unwrap_err();
        assert!(error.is_circuit_open());
        assert_eq!(error.kind(), Kind::Failed);
    });
}

/// What gained much of a transfer takes nothing from the budget.
#[test]
fn headway_is_free() {
    #[derive(Debug)]
    struct Headway;
    impl std::fmt::Display for Headway {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cut")
        }
    }
    impl std::error::Error for Headway {}
    impl crate::Classify for Headway {
        fn judge(&self) -> crate::Judgement {
            Class::Transient.into()
        }
        fn progressed(&self) -> bool {
            true
        }
    }
    virtually(|lab| async move {
        let guard = lab.circuits.guard(&"a".into());
        while let Some(token) = guard.budget().withdraw() {
            token.spend();
        }
        let request = asks_for(&lab, 3).asked_for(false);
        let done = lab.pipeline.run(&request, |attempt: Attempt| async move {
            if attempt.number < 8 { Err(Headway) } else { Ok(()) }
        });
        assert!(done.await.is_ok());
    });
}

/// The budget of a service cuts what nobody asked for, and nothing else.
#[test]
fn a_budget_cuts_only_what_nobody_asked_for() {
    virtually(|lab| async move {
        let guard = lab.circuits.guard(&"a".into());
        while let Some(token) = guard.budget().withdraw() {
            token.spend();
        }
        assert_eq!(fails(&lab, &asks_for(&lab, 3).asked_for(false)).await.end, End::Budget);
        assert_eq!(fails(&lab, &asks_for(&lab, 3)).await.attempts(), 3);
    });
}

/// The circuit that it opened was closed by others and opened by it anew: that is another pass, and a good one.
#[test]
fn who_opens_it_twice_goes_on_twice() {
    virtually(|lab| async move {
        let lab = &lab;
        let request = asks_for(lab, 9);
        let outcome = lab.pipeline.run(&request, |attempt: Attempt| async move {
            if attempt.number == 4 {
                // Somebody resets it by hand, who sees that the service is back.
                let circuit = lab.circuits.circuit(&"a".into());
                assert_eq!(circuit.view().state(), State::Open);
                lab.circuits.reset_all().await.unwrap();
            }
            Err::<(), _>(Failed(Class::Transient))
        });
        let error = outcome.await.unwrap_err();
        assert_eq!(error.end, End::Stop(Stop::AttemptsUsedUp { attempts: 9 }));
        assert!(lab.said(&["circuit_moved"]).len() >= 2, "opened twice");
        assert_eq!(lab.said(&["circuit_rejected"]).len(), 0);
    });
}

/// Out of time at its turn is out of time, and not an open circuit of others.
#[test]
fn out_of_time_while_it_waits_for_its_turn() {
    virtually(|lab| async move {
        let policies = Arc::new(Settings::default().check().unwrap());
        let context = Context::new(lab.pipeline.clone(), policies, Arc::new(SystemRunner::new()));
        let outcome =
            Workflow::run(&context, Request::new(OperationKind::Execute, "all"), |workflow| async move {
                let step = |limit| {
                    let strategy = RetryStrategy::new().with_max_attempts(NonZeroU32::new(9).unwrap());
                    let request = workflow.step(OperationKind::Execute, "one", limit);
                    request.service("a".into()).strategy(strategy).asked_for(true)
                };
                let (long, short) = (step(SECOND * 3_000), step(SECOND * 12));
                let call = |_| async { Err::<(), _>(Failed(Class::Transient)) };
                let pipeline = workflow.pipeline();
                let (_, short) = tokio::join!(biased; pipeline.run(&long, call), pipeline.run(&short, call));
                short
            });
        let error = outcome.await.unwrap_err();
        assert!(matches!(error.end, End::Stop(Stop::Deadline { .. })), "{:?}", error.end);
    });
}

/// However often it is let in, an operation pays into the allowance for retries once.
#[test]
fn an_operation_earns_once() {
    virtually(|lab| async move {
        let guard = lab.circuits.guard(&"a".into());
        let before = guard.budget().thousandths();
        let busy = Class::Busy { poll: SECOND };
        let request = asks_for(&lab, 1).total(SECOND * 60);
        let outcome = lab.pipeline.run(&request, |_| async move { Err::<(), _>(Failed(busy)) });
        assert_eq!(outcome.await.unwrap_err().attempts(), 0, "a look for a lock is no attempt");
        assert_eq!(guard.budget().thousandths(), before + 200);
    });
}
