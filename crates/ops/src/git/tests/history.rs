//! Walks over commits, by git's own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;
use gix::negotiate::Algorithm;

use super::lab::Lab;
use crate::git::history::History;
use crate::git::limits::Limits;
use crate::git::negotiate::quiet;
use crate::git::objects::Objects;
use crate::git::stoppable::Stoppable;
use crate::git::{GitError, repository};

/// Two branches that go apart and come together, one of them with clocks that go backwards.
fn apart(lab: &Lab) {
    lab.git(&["checkout", "--quiet", "-b", "other", "HEAD~1"]);
    for _ in 0..5 {
        lab.commit();
    }
    lab.git(&["checkout", "--quiet", "main"]);
    lab.commit();
    lab.git(&["merge", "--quiet", "--no-edit", "other~2"]);
    for year in (2001..2006).rev() {
        let when = format!("{year}-01-01T00:00:00Z");
        lab.git(&["commit", "--quiet", "--allow-empty", "--message=x", "--date", &when]);
    }
}

fn id(lab: &Lab, name: &str) -> ObjectId {
    ObjectId::from_hex(lab.git(&["rev-parse", name]).as_bytes()).unwrap()
}

#[test]
fn what_is_new_and_what_is_within_is_what_git_says() {
    let lab = Lab::new();
    apart(&lab);
    let repo = repository::open(&lab.there()).unwrap();
    let objects = Objects::of(&repo, &Limits::default()).unwrap();
    let never = AtomicBool::new(false);
    let mut history = History::of(&repo, &objects, &never).unwrap();
    for (tip, known) in [
        ("main", "other"),
        ("other", "main"),
        ("main", "main~3"),
        ("main", "main"),
        ("main~3", "main"),
        ("main", "v1"),
    ] {
        let mut found = BTreeSet::new();
        let tell = |id: ObjectId| {
            found.insert(id.to_string());
            Ok(())
        };
        history.new_ones(&[id(&lab, tip)], std::iter::once(id(&lab, known)), tell).unwrap();
        let not = format!("^{known}");
        let gits: BTreeSet<String> = lab.git(&["rev-list", tip, &not]).lines().map(str::to_owned).collect();
        assert_eq!(found, gits, "{tip} {known}");
        let is_within = lab.git(&["rev-list", tip]).contains(&id(&lab, &format!("{known}^{{}}")).to_string());
        let found = history.is_within(&[id(&lab, tip)], id(&lab, &format!("{known}^{{}}"))).unwrap();
        assert_eq!(found, is_within, "{tip} {known}");
    }
    // With nothing known all is new, whatever a ref that is gone led to.
    let mut count = 0;
    let gone = ObjectId::from_hex(&[b'1'; 40]).unwrap();
    history
        .new_ones(&[id(&lab, "main")], std::iter::once(gone), |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(count.to_string(), lab.git(&["rev-list", "--count", "main"]));
}

#[test]
fn a_walk_hears_a_stop_at_each_commit() {
    let lab = Lab::new();
    apart(&lab);
    let repo = repository::open(&lab.there()).unwrap();
    let objects = Objects::of(&repo, &Limits::default()).unwrap();
    let stop = AtomicBool::new(false);
    let mut history = History::of(&repo, &objects, &stop).unwrap();
    let mut told = 0;
    let stopped = history.new_ones(&[id(&lab, "main")], std::iter::empty(), |_| {
        told += 1;
        stop.store(told == 3, Ordering::Relaxed);
        Ok(())
    });
    assert!(matches!(stopped, Err(GitError::Stopped)) && told == 3, "{told}");
    // While it marks what is known it tells nobody.
    let marking = history.new_ones(&[], std::iter::once(id(&lab, "main")), |_| Ok(()));
    let within = history.is_within(&[id(&lab, "main")], id(&lab, "other"));
    assert!(matches!((marking, within), (Err(GitError::Stopped), Err(GitError::Stopped))));
}

/// What gix tells a server that is here is looked for in the same way.
#[test]
fn what_is_said_to_be_here_hears_a_stop() {
    let lab = Lab::new();
    apart(&lab);
    let repo = quiet(&repository::open(&lab.there()).unwrap());
    let stop = AtomicBool::new(false);
    let mut graph = gix::negotiate::Graph::new(Stoppable { inner: &repo.objects, stop: &stop }, None);
    let mut negotiator = Algorithm::Consecutive.into_negotiator();
    negotiator.add_tip(id(&lab, "main"), &mut graph).unwrap();
    assert!(negotiator.next_have(&mut graph).unwrap().is_ok());
    stop.store(true, Ordering::Relaxed);
    let last = std::iter::from_fn(|| negotiator.next_have(&mut graph)).last();
    assert!(last.is_some_and(|last| last.is_err()));
}
