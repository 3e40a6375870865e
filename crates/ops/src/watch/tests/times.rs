//! Beginning, sleeping, ending.

use std::time::Duration;

use serde_json::json;
use vps_health::Status;

use super::lab::{Say, settings, virtually, wait};
use crate::watch::ask_for;

const A: &str = "a";

#[test]
fn a_restart_within_two_intervals_goes_on_and_a_later_one_knows_nothing() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut first = lab.peer().await;
        first.until_status(A, Status::Healthy, 5.0).await;
        lab.script.say(A, Say::Refused);
        first.until("failing", 40.0, |peer| peer.progress(A) == "2/3").await;
        assert!(first.end().await < 0.5);
        let mut second = lab.peer().await;
        assert_eq!((second.status(A), second.progress(A)), (Status::Healthy, "2/3".to_owned()));
        // Its counters count: one more is enough.
        second.until_status(A, Status::Unhealthy, 6.0).await;
        assert_eq!(second.row(A).samples.asked, 4);
        second.end().await;
        wait(61.0).await;
        let third = lab.peer().await;
        assert_eq!(third.status(A), Status::Unknown);
        assert_eq!(third.row(A).samples.asked, 4, "what there was is no guess");
    });
}

#[test]
fn the_end_comes_at_once_and_nothing_of_what_was_found_is_lost() {
    virtually(settings(&[A, "b"], &json!({})), |lab| async move {
        let mut peer = lab.peer().await;
        lab.script.say("b", Say::Hangs);
        peer.until_status(A, Status::Healthy, 6.0).await;
        // The other look is under way.
        let took = peer.end().await;
        assert!(took < 0.5, "{took}");
        let next = lab.peer().await;
        assert_eq!(next.status(A), Status::Healthy);
        assert!(next.row(A).samples.asked >= 1);
    });
}

#[test]
fn what_was_under_way_while_the_machine_slept_says_nothing() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = lab.peer().await;
        peer.until_status(A, Status::Healthy, 5.0).await;
        let seen = peer.row(A).samples.asked;
        lab.script.say(A, Say::Ok(900));
        lab.script.forget();
        peer.until("under way", 40.0, |_| lab.script.asked(A).len() == 1).await;
        wait(0.5).await;
        lab.host.suspend(Duration::from_secs(7_200));
        wait(0.45).await;
        assert_eq!(peer.row(A).samples.asked, seen, "it measured the sleep");
        assert_eq!((peer.status(A), peer.progress(A)), (Status::Healthy, String::new()));
        peer.until("a fresh look", 6.1, |peer| peer.row(A).samples.asked == seen + 1).await;
        assert_eq!(peer.progress(A), "", "{:?}", peer.row(A).last);
        let uptime = peer.row(A).uptime_day;
        assert!(uptime.seen < Duration::from_secs(120), "nobody looked while it slept: {uptime:?}");
    });
}

#[test]
fn a_wish_is_heard_within_a_second() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let peer = lab.peer().await;
        peer.until_status(A, Status::Healthy, 5.0).await;
        lab.script.forget();
        ask_for(&peer.env, &peer.store, &A.into()).await.unwrap();
        let took = peer.until("asked", 1.1, |_| lab.script.asked(A).len() == 1).await;
        assert!(took <= 1.02, "{took}");
        wait(3.0).await;
        assert_eq!(lab.script.asked(A).len(), 1, "once");
    });
}

/// A reader sees no more than there is: with many services, too, it draws again once a second at most.
#[test]
fn many_services_are_seen_by_all_processes_and_drawn_no_more_than_once_a_second() {
    let names: Vec<String> = (0..200).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    virtually(settings(&names, &json!({})), |lab| async move {
        let peer = lab.peer().await;
        peer.until("the first round", 7.0, |peer| peer.watch.is_ready()).await;
        wait(40.0).await;
        let board = peer.watch.board();
        assert_eq!((board.summary().healthy, board.rows.len()), (200, 205));
        let reader = lab.peer().await;
        wait(3.0).await;
        let before = reader.watch.version();
        wait(30.0).await;
        assert!(reader.watch.version() - before <= 31, "a reader draws again once a second at most");
        assert_eq!(reader.watch.board().summary().healthy, 200);
    });
}
