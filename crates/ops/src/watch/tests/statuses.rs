//! What is seen of a service, and when.

use serde_json::json;
use vps_health::{Connection, Reason, Status};

use super::lab::{Say, settings, virtually, wait};
use crate::watch::{Changed, LoggedChange, mute};

const A: &str = "a";

fn statuses(changes: &[LoggedChange]) -> Vec<(String, Status, Status)> {
    let of = |change: &LoggedChange| match &change.what {
        Changed::Status { service, from, to, .. } => Some((service.to_string(), *from, *to)),
        _ => None,
    };
    changes.iter().filter_map(of).collect()
}

#[test]
fn a_service_that_goes_down_is_seen_failing_at_once_and_down_after_two_more_looks() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut peer = lab.peer().await;
        peer.until_status(A, Status::Healthy, 5.0).await;
        lab.script.say(A, Say::Refused);
        lab.script.forget();
        let took = peer.until("failing", 33.0 + 5.0, |peer| peer.progress(A) == "1/3").await;
        assert!(took > 1.0, "at its own turn");
        let row = peer.row(A);
        assert_eq!((row.status, row.last.unwrap().reason), (Status::Healthy, Reason::Refused));
        let took = peer.until_status(A, Status::Unhealthy, 11.0).await;
        assert!((9.9..10.1).contains(&took), "{took}");
        let asked = lab.script.asked(A);
        let gaps: Vec<f64> =
            asked.windows(2).map(|pair| ((pair[1] - pair[0]) * 10.0).round() / 10.0).collect();
        assert_eq!(gaps, [2.0, 8.0]);
        let told = peer.heard();
        assert_eq!(statuses(&told), [(A.to_owned(), Status::Healthy, Status::Unhealthy)]);
        let Changed::Status { since, samples, reason, .. } = &told[0].what else { panic!("{told:?}") };
        assert_eq!((*samples, *reason), (3, Reason::Refused));
        assert!((9.9..10.2).contains(&(told[0].at - since)), "dated back to the first bad look");

        // The first answer is asked for once more, two seconds later.
        lab.script.say(A, Say::Ok(50));
        lab.script.forget();
        peer.until_status(A, Status::Healthy, 33.0 + 3.0).await;
        let asked = lab.script.asked(A);
        assert_eq!(asked.len(), 2);
        assert!((1.9..2.2).contains(&(asked[1] - asked[0])), "{asked:?}");
        assert_eq!(statuses(&peer.heard()), [(A.to_owned(), Status::Unhealthy, Status::Healthy)]);
    });
}

#[test]
fn one_bad_look_changes_nothing() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut peer = lab.peer().await;
        peer.until_status(A, Status::Healthy, 5.0).await;
        lab.script.say(A, Say::Refused);
        peer.until("failing", 40.0, |peer| peer.progress(A) == "2/3").await;
        lab.script.say(A, Say::Ok(50));
        wait(60.0).await;
        assert_eq!((peer.status(A), peer.progress(A)), (Status::Healthy, String::new()));
        assert!(peer.heard().is_empty());
    });
}

#[test]
fn who_wants_to_be_left_alone_is_also_by_the_next_process() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut first = lab.peer().await;
        first.until_status(A, Status::Healthy, 5.0).await;
        lab.script.say(A, Say::Status(429, Some(300)));
        first
            .until("throttled", 40.0, |peer| {
                peer.row(A)
                    .last
                    .is_some_and(|last| matches!(last.reason, Reason::Throttled { status: 429, .. }))
            })
            .await;
        lab.script.forget();
        wait(100.0).await;
        first.end().await;
        let second = lab.peer().await;
        wait(195.0).await;
        assert!(lab.script.asked(A).is_empty(), "{:?}", lab.script.asked(A));
        lab.script.say(A, Say::Ok(50));
        second.until("asked again", 60.0, |_| !lab.script.asked(A).is_empty()).await;
    });
}

#[test]
fn three_hosts_that_go_bad_together_are_this_machine_and_statuses_stay() {
    let names = ["a", "b", "c", "d"];
    virtually(settings(&names, &json!({})), |lab| async move {
        let mut peer = lab.peer().await;
        for name in names {
            peer.until_status(name, Status::Healthy, 6.0).await;
            lab.script.say(name, Say::Hangs);
        }
        let offline = |peer: &super::lab::Peer| peer.watch.board().connection == Connection::Offline;
        peer.until("offline", 60.0, offline).await;
        wait(120.0).await;
        assert!(names.iter().all(|name| peer.status(name) == Status::Healthy), "they are as they were");
        names.iter().for_each(|name| lab.script.say(name, Say::Ok(50)));
        peer.until("online", 40.0, |peer| peer.watch.board().connection == Connection::Online).await;
        let told: Vec<Changed> = peer.heard().into_iter().map(|change| change.what).collect();
        assert!(
            matches!(
                told[..],
                [
                    Changed::Machine { to: Connection::Offline, .. },
                    Changed::Machine { from: Connection::Offline, to: Connection::Online }
                ]
            ),
            "{told:?}"
        );
    });
}

#[test]
fn ports_of_one_host_are_one_witness() {
    let names = ["a", "b", "c"];
    let mut all = settings(&names, &json!({}));
    for (name, port) in names.iter().zip(8_000..) {
        let url = format!("https://one.example.com:{port}/");
        all["performance"]["services"][name]["probe"]["url"] = url.into();
    }
    virtually(all, |lab| async move {
        let peer = lab.peer().await;
        for name in names {
            peer.until_status(name, Status::Healthy, 6.0).await;
            lab.script.say(name, Say::Refused);
        }
        for name in names {
            peer.until_status(name, Status::Unhealthy, 60.0).await;
        }
        assert_eq!(peer.watch.board().connection, Connection::Online);
    });
}

#[test]
fn two_that_are_sent_to_one_host_in_plain_text_are_at_a_page_to_log_in() {
    let names = ["a", "b"];
    let mut all = settings(&names, &json!({}));
    for name in names {
        all["performance"]["services"][name]["probe"]["url"] = format!("http://{name}.example.com/").into();
    }
    virtually(all, |lab| async move {
        let peer = lab.peer().await;
        names.iter().for_each(|name| lab.script.say(name, Say::SentTo("login.example.com")));
        wait(70.0).await;
        for name in names {
            let last = peer.row(name).last.unwrap();
            assert_eq!((last.level, last.reason), (None, Reason::Portal), "{name}");
        }
    });
}

#[test]
fn who_is_muted_is_not_told_of_and_that_ends_by_itself() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut peer = lab.peer().await;
        peer.until_status(A, Status::Healthy, 5.0).await;
        let length = std::time::Duration::from_secs(300);
        mute(&peer.env, &peer.store, &A.into(), Some(length)).await.unwrap();
        peer.until("muted", 1.1, |peer| peer.row(A).muted_until.is_some()).await;
        lab.script.say(A, Say::Refused);
        peer.until_status(A, Status::Unhealthy, 50.0).await;
        assert!(peer.heard().is_empty());
        assert_eq!(statuses(&peer.watch.board().changes).len(), 1, "it is kept all the same");
        wait(300.0).await;
        assert!(peer.row(A).muted_until.is_none());
        lab.script.say(A, Say::Ok(50));
        peer.until_status(A, Status::Healthy, 50.0).await;
        assert_eq!(statuses(&peer.heard()), [(A.to_owned(), Status::Unhealthy, Status::Healthy)]);
    });
}

#[test]
fn changes_are_kept_once_and_no_more_than_so_many() {
    virtually(settings(&[A], &json!({})), |lab| async move {
        let mut peer = lab.peer().await;
        peer.until_status(A, Status::Healthy, 5.0).await;
        // What was found before, as many as are kept.
        let before = (1..=crate::watch::MOST_CHANGES).map(|number| LoggedChange {
            at: f64::from(u32::try_from(number).unwrap()),
            what: Changed::Machine { from: Connection::Online, to: Connection::Offline },
        });
        let before: Vec<_> = before.collect();
        let kept = peer.store.ask(&peer.env, move |store| crate::watch::change::keep(store, &before)).await;
        kept.unwrap().unwrap();
        let mut all = 0;
        for _ in 0..10 {
            for (say, status) in [(Say::Refused, Status::Unhealthy), (Say::Ok(50), Status::Healthy)] {
                lab.script.say(A, say);
                while peer.status(A) != status {
                    wait(1.0).await;
                }
            }
            all += peer.heard().len();
        }
        assert_eq!(all, 20);
        wait(1.1).await;
        let kept = crate::watch::changes(&peer.env, &peer.store).await.unwrap();
        assert_eq!(kept.len(), crate::watch::MOST_CHANGES);
        assert!(kept.windows(2).all(|pair| pair[0].at < pair[1].at), "each once, in order");
        let new = kept.iter().filter(|change| matches!(change.what, Changed::Status { .. })).count();
        assert_eq!(new, 20, "the oldest went");
        assert_eq!(peer.watch.board().changes.len(), crate::watch::MOST_CHANGES);
    });
}
