//! How often a refused call is counted and told.

use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::Class;

use super::lab::{Failed, Lab, virtually};
use crate::event::{OperationId, Root};
use crate::operation::{OperationKind, Role};
use crate::pipeline::{Passes, Request, Under};

/// Waits for an open circuit.
fn waits(lab: &Lab) -> Request {
    lab.request().wait_for_circuit(true).total(Duration::from_secs(300))
}

async fn succeeds(lab: &Lab, request: &Request) -> bool {
    lab.pipeline.run(request, |_| async { Ok::<_, Failed>(()) }).await.is_ok()
}

#[test]
fn a_wait_is_one_refusal_however_often_it_looks() {
    virtually(|lab| async move {
        lab.open("a").await;
        let began = lab.env.now();
        assert!(succeeds(&lab, &waits(&lab).service("a".into())).await);
        assert!(lab.env.now().since(began) >= Duration::from_secs(59));
        assert_eq!(lab.rejected("a").await, 1);
        assert_eq!(lab.said(&["circuit_rejected", "waiting"]).len(), 2);
    });
}

#[test]
fn no_more_is_waited_in_all_than_was_allowed() {
    virtually(|lab| async move {
        // Open for 60 s: it is no use to begin a wait that would be given up.
        lab.open("a").await;
        let began = lab.env.now();
        let waits = |most: u64| lab.request().wait_for_circuit(Duration::from_secs(most)).service("a".into());
        assert!(!succeeds(&lab, &waits(59)).await);
        assert_eq!(lab.env.now().since(began), Duration::ZERO);
        assert!(succeeds(&lab, &waits(61)).await);
        // What parts of one operation wait adds up.
        let root = Root { id: OperationId(7), kind: OperationKind::Download };
        let under = Under { root, passes: Passes::default() };
        for (most, done) in [(70, true), (70, false), (130, true)] {
            lab.open("a").await;
            let part = waits(most).part_of(&under, Role::Step);
            assert_eq!(succeeds(&lab, &part).await, done, "{most}");
            if !done {
                lab.wait(61).await;
                lab.tell("a", Verdict::Success).await;
            }
        }
    });
}

#[test]
fn a_wait_for_somebodys_probe_is_one_refusal() {
    virtually(|lab| async move {
        lab.open("a").await;
        lab.wait(70).await;
        let probe = lab.circuits.circuit(&"a".into()).enter().await.unwrap();
        let request = waits(&lab).service("a".into());
        let settles = async {
            lab.wait(20).await;
            let _ = probe.settle(Verdict::Success).await;
        };
        let (waited, ()) = tokio::join!(biased; succeeds(&lab, &request), settles);
        assert!(waited);
        assert_eq!(lab.rejected("a").await, 1);
    });
}

#[test]
fn of_members_and_candidates_each_is_refused_once() {
    virtually(|lab| async move {
        for name in ["a", "b"] {
            lab.open(name).await;
        }
        let members = waits(&lab).member("a".into(), true).member("b".into(), false);
        assert!(succeeds(&lab, &members).await);
        assert_eq!((lab.rejected("a").await, lab.rejected("b").await), (1, 1));
        lab.wait(10).await;
        lab.tell("b", Verdict::Success).await;
        for name in ["a", "b"] {
            lab.open(name).await;
        }
        let candidates = waits(&lab).service("a".into()).service("b".into());
        assert!(succeeds(&lab, &candidates).await);
        assert_eq!((lab.rejected("a").await, lab.rejected("b").await), (2, 2));
    });
}

#[test]
fn each_call_and_each_wait_is_a_refusal_of_its_own() {
    virtually(|lab| async move {
        lab.open("a").await;
        for refused in 1..=3 {
            assert!(!succeeds(&lab, &lab.request().service("a".into())).await);
            assert_eq!(lab.rejected("a").await, refused);
        }
        // The first attempt, a probe, opens it again: the second goes by the pass of that, and is not refused.
        let request = waits(&lab).service("a".into());
        let outcome = lab.pipeline.run(&request, |attempt| async move {
            if attempt.number == 1 { Err(Failed(Class::Transient)) } else { Ok(()) }
        });
        assert!(outcome.await.is_ok());
        assert_eq!(lab.rejected("a").await, 4);
        assert_eq!(lab.said(&["circuit_rejected"]).len(), 4);
        // Asked directly, each time is a call.
        lab.open("a").await;
        let circuit = lab.circuits.circuit(&"a".into());
        assert!(circuit.enter().await.is_err() && circuit.peek().await.is_err());
        assert_eq!(lab.rejected("a").await, 5);
    });
}
