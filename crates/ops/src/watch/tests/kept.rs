//! What the store has of services is kept, whoever looks and however slow it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use vps_health::Status;

use super::lab::{Lab, Peer, Say, held_store, settings, virtually, wait};
use crate::store::{Store, StoreError, StoreHandle};
use crate::testing::{Access, GuardedStore};

const A: &str = "a";

fn asked(peer: &Peer) -> u32 {
    peer.watch.board().rows.iter().map(|row| row.samples.asked).sum()
}

#[test]
fn a_store_that_does_not_answer_at_the_start_loses_nothing_of_what_it_has() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut first = lab.peer().await;
        wait(600.0).await;
        let known = first.row(A);
        assert!(known.samples.asked >= 18, "{known:?}");
        first.end().await;

        let (store, is_held) = held_store(lab.host.store().clone());
        is_held.store(true, Ordering::Relaxed);
        let mut second = lab.peer_of(lab.host.process(), store, None).await;
        lab.script.say(A, Say::Refused);
        second.until("it looks without a store", 30.0, |peer| peer.row(A).samples.asked > 0).await;
        second.until_status(A, Status::Unhealthy, 30.0).await;
        is_held.store(false, Ordering::Relaxed);
        wait(3.0).await;
        let both = second.row(A);
        assert_eq!(both.damped, Status::Unhealthy, "what it found itself is newer");
        assert_eq!(both.samples.asked, known.samples.asked + 1, "its last look is added to what there was");
        assert_eq!(both.results.healthy, known.results.healthy);
        assert!(both.results.unhealthy >= 3, "{both:?}");
        second.end().await;
        let third = lab.peer().await.row(A);
        assert!(third.samples.asked > known.samples.asked, "{third:?} {known:?}");
        // After its last look nobody saw whether it was up.
        let seen = known.uptime_day.up.saturating_sub(known.last.unwrap().ago);
        assert!(third.uptime_day.up + Duration::from_secs(1) >= seen, "{third:?}");
    });
}

#[test]
fn who_never_heard_from_the_store_leaves_it_as_it_is() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut first = lab.peer().await;
        wait(600.0).await;
        let known = first.row(A).samples.asked;
        first.end().await;
        let (store, is_held) = held_store(lab.host.store().clone());
        is_held.store(true, Ordering::Relaxed);
        let mut second = lab.peer_of(lab.host.process(), store.clone(), None).await;
        wait(60.0).await;
        second.end().await;
        // What it was asked is done late.
        is_held.store(false, Ordering::Relaxed);
        store.tell(|_| ());
        assert_eq!(lab.peer().await.row(A).samples.asked, known);
    });
}

#[test]
fn whoever_takes_over_knows_all_that_the_one_before_wrote_at_its_end() {
    let names: Vec<String> = (0..60).map(|at| format!("s{at:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    virtually(settings(&names, &json!({})), |lab| async move {
        let mut one = lab.peer().await;
        let other = lab.peer().await;
        one.until("all were looked at", 40.0, |peer| peer.watch.is_ready()).await;
        // Not all of that is written yet.
        let known = asked(&one);
        one.end().await;
        other.until("takes over", 1.2, Peer::looks).await;
        wait(0.01).await;
        assert!(asked(&other) >= known, "{} of {known}", asked(&other));
    });
}

/// Counts histories that are written at once, and may be unable to read one.
#[derive(Clone, Default)]
struct Odd {
    most: Arc<AtomicUsize>,
    is_unreadable: Arc<AtomicBool>,
}

impl Odd {
    /// The lab's store with that.
    fn over(&self, lab: &Lab) -> impl Store + use<> {
        let odd = self.clone();
        let is_history = |key: &&&str| key.starts_with("history/");
        let guard = move |access: Access<'_>| match access {
            Access::Read(key) if is_history(&&key) && odd.is_unreadable.load(Ordering::Relaxed) => {
                Err(StoreError::Busy)
            }
            Access::Read(_) => Ok(()),
            Access::Write(keys) => {
                odd.most.fetch_max(keys.iter().filter(is_history).count(), Ordering::Relaxed);
                Ok(())
            }
        };
        GuardedStore { store: lab.host.store().clone(), guard }
    }
}

#[test]
fn histories_of_many_services_are_written_in_turn_and_each_within_a_minute() {
    let names: Vec<String> = (0..200).map(|at| format!("s{at:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    virtually(settings(&names, &json!({})), |lab| async move {
        let store = Odd::default();
        let peer = lab.peer_of(lab.host.process(), StoreHandle::inline(store.over(&lab)), None).await;
        peer.until("all were looked at", 40.0, |peer| peer.watch.is_ready()).await;
        wait(60.0).await;
        assert_eq!(lab.host.store().list("history/").unwrap().len(), 200);
        assert_eq!(store.most.load(Ordering::Relaxed), 4);
    });
}

#[test]
fn what_cannot_be_read_is_not_written_over() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut first = lab.peer().await;
        wait(600.0).await;
        let known = first.row(A).samples.asked;
        first.end().await;
        let store = Odd::default();
        let written = || ["health/a", "history/a"].map(|key| lab.host.store().load(key).unwrap());
        let before = written();
        store.is_unreadable.store(true, Ordering::Relaxed);
        let mut second = lab.peer_of(lab.host.process(), StoreHandle::inline(store.over(&lab)), None).await;
        second.until("it looks all the same", 40.0, |peer| peer.row(A).samples.asked > 1).await;
        wait(2.0).await;
        assert!(second.looks());
        assert_eq!(written(), before);
        store.is_unreadable.store(false, Ordering::Relaxed);
        wait(2.0).await;
        assert_eq!(second.row(A).samples.asked, known + 1, "its last look is added");
        assert_ne!(written(), before);
        // The same at its end.
        store.is_unreadable.store(true, Ordering::Relaxed);
        let mut third = lab.peer_of(lab.host.process(), StoreHandle::inline(store.over(&lab)), None).await;
        second.end().await;
        let before = written();
        third.until("it takes over", 40.0, Peer::looks).await;
        wait(60.0).await;
        third.end().await;
        assert_eq!(written(), before);
    });
}
