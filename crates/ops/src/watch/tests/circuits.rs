//! What probes do to circuits: they may spare a call, and never cost one.

use serde_json::json;
use vps_breaker::State;
use vps_health::{Disagreement, Status};

use super::lab::{Lab, Peer, Say, settings, virtually, wait};
use crate::watch::Changed;

const A: &str = "a";

async fn healthy(lab: &Lab) -> Peer {
    let peer = lab.peer().await;
    peer.until_status(A, Status::Healthy, 5.0).await;
    peer
}

async fn circuit(peer: &Peer) -> State {
    peer.network.get_circuit_breaker_status().await[A].state
}

#[test]
fn an_open_circuit_is_closed_within_a_second_of_its_time_and_is_on_probation() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut peer = healthy(&lab).await;
        wait(7.3).await;
        peer.fail(A, 3).await;
        assert_eq!(circuit(&peer).await, State::Open);
        wait(59.5).await;
        assert!(peer.call(A, true).await, "not yet");
        wait(1.5).await;
        let status = &peer.network.get_circuit_breaker_status().await[A];
        assert_eq!((status.state, status.is_on_probation), (State::Closed, true));
        // One real failure decides.
        peer.fail(A, 1).await;
        assert_eq!(circuit(&peer).await, State::Open);
        wait(1.1).await;
        let moved: Vec<_> = peer
            .heard()
            .into_iter()
            .filter_map(|change| match change.what {
                Changed::Circuit { from, to, .. } => Some((from.as_str(), to.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!((moved.first(), moved.last()), (Some(&("closed", "open")), Some(&("closed", "open"))));
    });
}

#[test]
fn of_two_processes_exactly_one_probes_a_circuit_that_is_due() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = healthy(&lab).await;
        let other = lab.peer().await;
        wait(2.0).await;
        other.fail(A, 3).await;
        wait(58.0).await;
        lab.script.forget();
        wait(3.5).await;
        assert_eq!(circuit(&peer).await, State::Closed);
        assert_eq!(circuit(&other).await, State::Closed);
        let asked = lab.script.asked(A);
        assert!(asked.len() <= 2, "its turn and that of its circuit: {asked:?}");
    });
}

#[test]
fn nothing_is_written_into_a_closed_circuit() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = healthy(&lab).await;
        let before = peer.network.get_circuit_breaker_status().await[A].total_calls;
        peer.fail(A, 2).await;
        // A cheap success between two failures does not end their run.
        wait(65.0).await;
        let status = &peer.network.get_circuit_breaker_status().await[A];
        assert_eq!((status.failure_count, status.total_calls), (2, before + 2));
        // Nor do bad looks add to it.
        lab.script.say(A, Say::Refused);
        peer.until_status(A, Status::Unhealthy, 50.0).await;
        wait(60.0).await;
        let status = &peer.network.get_circuit_breaker_status().await[A];
        assert_eq!((status.state, status.failure_count), (State::Closed, 2));
        peer.fail(A, 1).await;
        assert_eq!(circuit(&peer).await, State::Open);
    });
}

#[test]
fn pre_open_is_whether_a_service_that_is_down_is_refused_before_a_call_fails() {
    for may in [false, true] {
        virtually(settings(&[A], &json!({"pre_open": may})), |lab| async move {
            let peer = healthy(&lab).await;
            lab.script.say(A, Say::Refused);
            peer.until_status(A, Status::Unhealthy, 50.0).await;
            // Not before it was down for an interval: a call may yet tell otherwise.
            assert_eq!(circuit(&peer).await, State::Closed);
            // Rounds come a little sooner or later than an interval after one another: the second after it is enough.
            wait(55.0).await;
            let status = &peer.network.get_circuit_breaker_status().await[A];
            let rule = status.view.rule();
            match may {
                true => assert_eq!((status.state, rule), (State::Open, vps_breaker::Rule::Health)),
                false => assert_eq!(status.state, State::Closed),
            }
            assert_eq!(peer.call(A, true).await, may);
        });
    }
}

#[test]
fn pre_open_spares_no_call_that_succeeds() {
    virtually(settings(&[A], &json!({"pre_open": true})), |lab| async move {
        let peer = healthy(&lab).await;
        lab.script.say(A, Say::Refused);
        for _ in 0..150 {
            assert!(!peer.call(A, true).await);
            wait(1.0).await;
        }
        assert_eq!((peer.status(A), circuit(&peer).await), (Status::Unhealthy, State::Closed));
        let row = peer.row(A);
        assert_eq!(
            (row.status, row.disagreement),
            (Status::Degraded, Some(Disagreement::CallsWorkProbeFails))
        );
    });
}

#[test]
fn what_says_nothing_of_the_service_opens_nothing() {
    virtually(settings(&[A], &json!({"pre_open": true})), |lab| async move {
        let peer = healthy(&lab).await;
        lab.script.say(A, Say::Refused);
        peer.until_status(A, Status::Unhealthy, 50.0).await;
        lab.script.say(A, Say::ProxyDead);
        wait(1.0).await;
        peer.network.circuit_breakers().reset(A).await.unwrap();
        wait(65.0).await;
        assert_eq!((peer.status(A), circuit(&peer).await), (Status::Unhealthy, State::Closed));
    });
}

#[test]
fn a_service_that_answers_while_calls_fail_is_shown_as_both() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = healthy(&lab).await;
        peer.fail(A, 3).await;
        wait(1.1).await;
        let row = peer.row(A);
        assert_eq!((row.status, row.damped), (Status::Degraded, Status::Healthy));
        assert_eq!(row.disagreement, Some(Disagreement::AnswersButCallsFail));
        wait(61.0).await;
        assert!(peer.row(A).circuit.is_on_probation);
        assert_eq!(peer.row(A).disagreement, Some(Disagreement::AnswersButCallsFail));
        assert!(!peer.call(A, true).await);
        wait(1.1).await;
        assert_eq!((peer.row(A).status, peer.row(A).disagreement), (Status::Healthy, None));
    });
}

/// What says nothing leaves a circuit half-open: that is no reason to look once a second.
#[test]
fn a_circuit_that_a_look_tells_nothing_is_not_looked_at_all_the_time() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = healthy(&lab).await;
        peer.fail(A, 3).await;
        lab.script.say(A, Say::ProxyDead);
        wait(62.0).await;
        lab.script.forget();
        wait(300.0).await;
        let asked = lab.script.asked(A).len();
        assert!((9..=13).contains(&asked), "{asked}");
        assert_eq!(circuit(&peer).await, State::HalfOpen);
        lab.script.say(A, Say::Ok(50));
        wait(34.0).await;
        assert_eq!(circuit(&peer).await, State::Closed);
    });
}

#[test]
fn a_circuit_that_wants_several_answers_has_them_one_after_the_other() {
    let mut all = settings(&[A], &json!({}));
    all["performance"]["circuit_breaker"] = json!({"success_threshold": 3});
    virtually(all, |lab| async move {
        let peer = healthy(&lab).await;
        peer.fail(A, 3).await;
        wait(64.5).await;
        assert_eq!(circuit(&peer).await, State::Closed);
    });
}

/// A failure of a machine that is offline opens nothing anew, for longer.
#[test]
fn while_this_machine_is_offline_a_due_circuit_stays_due() {
    let names = [A, "b", "c"];
    let mut all = settings(&names, &json!({}));
    all["performance"]["circuit_breaker"] = json!({"max_timeout": 3_600, "exponential_base": 10});
    virtually(all, |lab| async move {
        let peer = lab.peer().await;
        peer.until("ready", 6.0, |peer| peer.watch.is_ready()).await;
        names.iter().for_each(|name| lab.script.say(name, Say::Hangs));
        peer.until("offline", 60.0, |peer| peer.watch.board().connection == vps_health::Connection::Offline)
            .await;
        peer.fail(A, 3).await;
        wait(200.0).await;
        assert_eq!(circuit(&peer).await, State::HalfOpen);
        names.iter().for_each(|name| lab.script.say(name, Say::Ok(50)));
        wait(35.0).await;
        assert_eq!(circuit(&peer).await, State::Closed);
    });
}

#[test]
fn rows_one_by_one_are_those_of_the_board_in_order_of_name() {
    virtually(settings(&["x", A, "q"], &json!({})), |lab| async move {
        lab.script.say("q", Say::Refused);
        let peer = healthy(&lab).await;
        peer.fail("x", 3).await;
        wait(2.0).await;
        let mut rows = Vec::new();
        peer.watch.each_row(|row| rows.push(row));
        let board = peer.watch.board();
        let mut of_board = board.rows.clone();
        of_board.sort_by(|a, b| a.service.cmp(&b.service));
        assert_eq!(format!("{rows:?}"), format!("{of_board:?}"));
        assert!(rows.len() > 3, "those that nobody looks at are there, too");
        assert_eq!(peer.watch.headline(), board.headline());
        assert!(peer.watch.board_without_rows().rows.is_empty());
    });
}

#[test]
fn it_counts_down_while_a_circuit_is_open_and_no_longer() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = healthy(&lab).await;
        let counts = || {
            let rows = peer.watch.board().rows;
            assert_eq!(peer.watch.is_counting(), rows.iter().any(|row| row.circuit.retry_after.is_some()));
            peer.watch.is_counting()
        };
        assert!(!counts());
        peer.fail(A, 3).await;
        wait(2.0).await;
        assert!(counts());
        wait(62.0).await;
        assert!(!counts());
    });
}
