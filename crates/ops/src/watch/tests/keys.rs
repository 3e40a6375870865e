//! What each key of `health_checks` does.

use serde_json::json;
use vps_health::Status;

use super::lab::{Say, settings, virtually, wait};
use crate::watch::ask_for;

const A: &str = "a";

#[test]
fn enabled_false_looks_when_somebody_asks_and_not_by_itself() {
    virtually(settings(&[A], &json!({"enabled": false})), |lab| async move {
        let peer = lab.peer().await;
        wait(3_600.0).await;
        assert!(lab.script.asked(A).is_empty());
        assert!(peer.watch.is_ready(), "there is no first round to wait for");
        lab.host.suspend(std::time::Duration::from_secs(3_600));
        wait(60.0).await;
        assert!(lab.script.asked(A).is_empty(), "nor after the machine slept");
        ask_for(&peer.env, &peer.store, &A.into()).await.unwrap();
        peer.until_status(A, Status::Healthy, 1.2).await;
    });
}

#[test]
fn check_on_startup_is_whether_the_first_round_is_at_once() {
    for (at_once, earliest, latest) in [(true, 0.0, 5.0), (false, 14.0, 50.0)] {
        virtually(settings(&[A], &json!({"check_on_startup": at_once})), |lab| async move {
            let peer = lab.peer().await;
            let took = peer.until_status(A, Status::Healthy, latest).await;
            assert!(took >= earliest, "{at_once}: {took}");
        });
    }
}

#[test]
fn services_are_those_that_are_looked_at() {
    let mut all = settings(&[A, "b"], &json!({}));
    all["performance"]["health_checks"]["services"] = json!(["b"]);
    virtually(all, |lab| async move {
        let peer = lab.peer().await;
        peer.until_status("b", Status::Healthy, 5.0).await;
        wait(60.0).await;
        assert!(lab.script.asked(A).is_empty());
        assert!(!peer.row(A).is_probed);
    });
}

#[test]
fn interval_is_how_often_each_is_looked_at() {
    for seconds in [20.0, 60.0] {
        virtually(settings(&[A], &json!({"interval": seconds})), |lab| async move {
            let _peer = lab.peer().await;
            wait(seconds * 10.5).await;
            let asked = lab.script.asked(A);
            assert!((10..=12).contains(&asked.len()), "{seconds}: {asked:?}");
        });
    }
}

#[test]
fn hosts_of_others_are_asked_each_ten_seconds_at_most() {
    let keys = json!({"interval": 2, "timeout": 1, "unhealthy_after": 0.9, "degraded_after": 0.5});
    virtually(settings(&[A], &keys), |lab| async move {
        let peer = lab.peer().await;
        wait(105.0).await;
        assert!((9..=12).contains(&lab.script.asked(A).len()), "{:?}", lab.script.asked(A));
        assert!(!peer.row(A).is_stale);
        lab.script.say(A, Say::Refused);
        // And what is down is found out all the same.
        peer.until_status(A, Status::Unhealthy, 40.0).await;
    });
}

#[test]
fn timeout_is_how_long_one_look_may_take() {
    for seconds in [4.0, 20.0] {
        virtually(settings(&[A], &json!({"timeout": seconds})), |lab| async move {
            lab.script.say(A, Say::Hangs);
            let peer = lab.peer().await;
            peer.until("a first look", 30.0, |peer| peer.row(A).last.is_some()).await;
            assert_eq!(peer.row(A).last.unwrap().took.as_secs_f64(), seconds);
        });
    }
}

#[test]
fn degraded_after_and_unhealthy_after_are_what_is_slow_and_too_slow() {
    let keys = json!({"degraded_after": 0.2, "unhealthy_after": 0.5});
    virtually(settings(&["well", "slow", "down"], &keys), |lab| async move {
        lab.script.say("well", Say::Ok(199));
        lab.script.say("slow", Say::Ok(200));
        lab.script.say("down", Say::Ok(501));
        let peer = lab.peer().await;
        wait(120.0).await;
        let found = ["well", "slow", "down"].map(|name| peer.status(name));
        assert_eq!(found, [Status::Healthy, Status::Degraded, Status::Unhealthy]);
    });
}
