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

/// How long it takes to see and to make a board of a thousand. A bound that only a mistake in the order of growth breaks:
/// this is a debug build on whatever machine there is.
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "how long it takes is what is asked")]
#[test]
fn a_thousand_services_are_seen_in_reasonable_time() {
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    virtually(settings(&names, &json!({})), |lab| async move {
        let peer = lab.peer().await;
        peer.until("the first round", 7.0, |peer| peer.watch.is_ready()).await;
        wait(60.0).await;
        let real = std::time::Instant::now();
        let board = peer.watch.board();
        let took = real.elapsed();
        assert_eq!((board.summary().healthy, board.rows.len()), (1_000, 1_005));
        println!("a board of 1,000: {took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        let reader = lab.peer().await;
        wait(3.0).await;
        let (before, real) = (reader.watch.version(), std::time::Instant::now());
        wait(30.0).await;
        let took = real.elapsed();
        println!("30 s of two processes and 1,000 services: {took:?}");
        assert!(reader.watch.version() - before <= 31, "a reader draws again once a second at most");
        assert_eq!(reader.watch.board().summary().healthy, 1_000);
    });
}
