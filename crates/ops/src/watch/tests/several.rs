//! Several processes of one machine, and a store that is no help.

use std::sync::atomic::Ordering;

use serde_json::json;
use vps_health::Status;

use super::lab::{Peer, Say, held_store, settings, virtually, wait};

const A: &str = "a";

fn seen(peer: &Peer) -> (Status, String, Option<u32>, u32) {
    let row = peer.row(A);
    (row.damped, peer.progress(A), peer.watch.board().prober, row.lost.lost)
}

#[test]
fn one_looks_and_the_other_shows_the_same_within_a_second() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let one = lab.peer().await;
        one.until_status(A, Status::Healthy, 5.0).await;
        let mut other = lab.peer().await;
        wait(2.1).await;
        assert!(one.looks() && !other.looks());
        let still = other.watch.version();
        wait(10.0).await;
        assert!(other.watch.version() - still <= 1, "nothing changed, or one look");
        lab.script.say(A, Say::Refused);
        lab.script.forget();
        one.until("failing", 40.0, |peer| peer.progress(A) == "1/3").await;
        wait(1.1).await;
        assert_eq!(seen(&one), seen(&other));
        assert_eq!(lab.script.asked(A).len(), 1);
        one.until_status(A, Status::Unhealthy, 12.0).await;
        wait(1.1).await;
        assert_eq!(seen(&one), seen(&other));
        assert_eq!(one.watch.board().changes, other.watch.board().changes);
        assert!(other.heard().is_empty(), "one tells of it");
    });
}

#[test]
fn the_other_takes_over_from_one_that_died() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let one = lab.peer().await;
        one.until_status(A, Status::Healthy, 5.0).await;
        let other = lab.peer().await;
        wait(2.0).await;
        assert!(!other.looks());
        one.process.crash();
        let took = other.until("takes over", 1.2, Peer::looks).await;
        assert!(took <= 1.1, "{took}");
        assert_eq!(other.status(A), Status::Healthy, "it goes on with what there was");
        lab.script.say(A, Say::Refused);
        // Its first round was just now; the next is at most one and a half intervals away.
        other.until_status(A, Status::Unhealthy, 50.0 + 10.0).await;
    });
}

#[test]
fn the_other_takes_over_from_one_that_ends() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut one = lab.peer().await;
        let other = lab.peer().await;
        wait(3.0).await;
        assert!(one.looks());
        one.end().await;
        other.until("takes over", 1.1, Peer::looks).await;
    });
}

#[test]
fn one_that_is_stopped_loses_the_place_and_finds_out() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut one = lab.peer().await;
        one.until_status(A, Status::Healthy, 5.0).await;
        let other = lab.peer().await;
        wait(2.0).await;
        // Stopped in the middle of a look, which seems bad when it goes on.
        lab.script.say(A, Say::Hangs);
        lab.script.forget();
        one.until("looks", 40.0, |_| lab.script.asked(A).len() == 1).await;
        one.stop();
        other.until("takes over", 12.0, Peer::looks).await;
        lab.script.say(A, Say::Ok(50));
        wait(20.0).await;
        one.go_on();
        wait(0.2).await;
        assert!(!one.looks() && other.looks());
        assert_eq!(one.progress(A), "", "what it was at meanwhile counts for nothing");
        wait(2.0).await;
        assert_eq!(seen(&one), seen(&other));
        assert!(one.heard().is_empty());
    });
}

#[test]
fn one_that_was_stopped_and_ends_writes_nothing_over_what_the_other_knows() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut one = lab.peer().await;
        one.until_status(A, Status::Healthy, 5.0).await;
        let other = lab.peer().await;
        wait(2.0).await;
        one.stop();
        other.until("takes over", 12.0, Peer::looks).await;
        lab.script.say(A, Say::Refused);
        other.until_status(A, Status::Unhealthy, 60.0).await;
        wait(1.5).await;
        one.go_on();
        one.end().await;
        wait(1.1).await;
        assert!(other.looks());
        assert_eq!(lab.peer().await.status(A), Status::Unhealthy);
    });
}

#[test]
fn who_looks_at_more_takes_the_place_and_at_something_else_has_one_of_its_own() {
    let mut all = settings(&[A, "b", "c"], &json!({}));
    all["performance"]["health_checks"]["services"] = json!([A, "b"]);
    virtually(all, |lab| async move {
        let narrow = lab.peer_for(&[A]).await;
        wait(3.0).await;
        assert!(narrow.looks());
        let whole = lab.peer().await;
        wait(2.1).await;
        assert!(whole.looks() && !narrow.looks());
        whole.until_status("b", Status::Healthy, 6.0).await;
        let aside = lab.peer_for(&["c"]).await;
        aside.until_status("c", Status::Healthy, 6.0).await;
        assert!(whole.looks() && aside.looks());
    });
}

#[test]
fn a_host_that_two_services_have_is_asked_one_thing_at_a_time() {
    let mut all = settings(&["a", "b"], &json!({"timeout": 20}));
    let both = |first: &str| json!([format!("https://{first}.example.com/"), "https://shared.example.com/"]);
    all["performance"]["services"]["a"]["probe"]["url"] = both("a");
    all["performance"]["services"]["b"]["probe"]["url"] = both("b");
    virtually(all, |lab| async move {
        // Each look takes longer than the first round is spread over.
        lab.script.say("a", Say::Ok(8_000));
        lab.script.say("b", Say::Ok(8_000));
        let peer = lab.peer().await;
        peer.until("both were looked at", 40.0, |peer| peer.watch.is_ready()).await;
        let of = |name: &str| peer.row(name).targets[1].last.unwrap();
        let began = |name: &str| of(name).ago + of(name).took;
        let gap = began("a").abs_diff(began("b"));
        assert!(gap.as_secs_f64() >= 7.9, "{gap:?}");
        assert_eq!(of("b").took.as_secs(), 8, "waiting for its turn is no time of the service's");
    });
}

#[test]
fn with_a_store_that_hangs_it_goes_on_in_memory_and_all_is_kept_once_afterwards() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let (store, is_held) = held_store(lab.host.store().clone());
        let mut peer = lab.peer_of(lab.host.process(), store, None).await;
        peer.until_status(A, Status::Healthy, 6.0).await;
        is_held.store(true, Ordering::Relaxed);
        lab.script.say(A, Say::Refused);
        peer.until_status(A, Status::Unhealthy, 55.0).await;
        assert!(peer.looks());
        wait(30.0).await;
        is_held.store(false, Ordering::Relaxed);
        wait(3.0).await;
        let heard = peer.heard();
        assert_eq!(heard.len(), 1, "no circuit seemed to move: {heard:?}");
        let kept = peer.watch.board().changes;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(lab.peer().await.status(A), Status::Unhealthy);
    });
}

#[test]
fn with_a_store_that_fails_now_and_then_nothing_is_made_up() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let one = lab.peer().await;
        one.until_status(A, Status::Healthy, 6.0).await;
        let mut other = lab.peer().await;
        wait(2.0).await;
        lab.host.fail_store(10);
        for _ in 0..200 {
            wait(1.0).await;
            assert_eq!((one.status(A), other.status(A)), (Status::Healthy, Status::Healthy));
            assert!(!other.looks(), "one that is slow for a moment is no reason for two to look");
        }
        lab.host.fail_store(0);
        assert!(other.heard().is_empty());
        lab.script.say(A, Say::Refused);
        one.until_status(A, Status::Unhealthy, 50.0).await;
        wait(1.1).await;
        assert_eq!(one.watch.board().changes.len(), 1);
        assert_eq!(seen(&one), seen(&other));
    });
}
