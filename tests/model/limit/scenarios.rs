//! What threads do to one bulkhead, and what must hold whatever their order.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::shared::{Bulkhead, Enter, Place, State};
use super::spawn;
use super::sync::Mutex;
use crate::Plant;

/// A scenario, and the mistake that it finds.
pub(crate) const ALL: [(fn(), Option<Plant>); 5] = [
    (never_more_inside_than_there_are_places, None),
    (a_granted_place_goes_on_when_its_future_is_dropped, Some(Plant::GrantForgotten)),
    (a_future_that_moved_is_woken_where_it_is, Some(Plant::OldWaker)),
    (who_waits_is_woken, Some(Plant::LateWaker)),
    (nothing_leaks, Some(Plant::GrantForgotten)),
];

fn bulkhead(places: u32) -> Arc<Bulkhead> {
    let state = State::new(NonZeroU32::new(places).unwrap(), 8);
    Arc::new(Bulkhead { state: Mutex::new(state) })
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rang(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

type Waiting = Enter<Arc<Bulkhead>>;

/// One poll; the place, if it was let in.
fn poll(waiting: &mut Waiting, bell: &Arc<Bell>) -> Option<Place<Arc<Bulkhead>>> {
    let waker = Waker::from(Arc::clone(bell));
    match Pin::new(waiting).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(entered) => Some(entered.unwrap()),
        Poll::Pending => None,
    }
}

fn never_more_inside_than_there_are_places() {
    let (bulkhead, inside) = (bulkhead(1), Arc::new(AtomicU32::new(0)));
    let enter = |bulkhead: Arc<Bulkhead>, inside: Arc<AtomicU32>| {
        move || {
            if let Some(place) = poll(&mut bulkhead.enter_owned(), &Arc::default()) {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two inside");
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(place);
            }
        }
    };
    let other = spawn(enter(Arc::clone(&bulkhead), Arc::clone(&inside)));
    enter(Arc::clone(&bulkhead), inside)();
    other.join().unwrap();
    assert!(bulkhead.is_idle());
}

fn a_granted_place_goes_on_when_its_future_is_dropped() {
    let bulkhead = bulkhead(1);
    let place = Arc::clone(&bulkhead).enter_owned();
    let mut first = Arc::clone(&bulkhead).enter_owned();
    let mut second = Arc::clone(&bulkhead).enter_owned();
    let mut place = place;
    let inside = poll(&mut place, &Arc::default()).unwrap();
    let bell = Arc::new(Bell::default());
    assert!(poll(&mut first, &Arc::default()).is_none());
    assert!(poll(&mut second, &bell).is_none());
    let leaves = spawn(move || drop(inside));
    drop(first);
    leaves.join().unwrap();
    assert!(bell.rang(), "the second is never woken");
    assert!(poll(&mut second, &bell).is_some(), "the place is lost");
}

fn a_future_that_moved_is_woken_where_it_is() {
    let bulkhead = bulkhead(1);
    let inside = poll(&mut Arc::clone(&bulkhead).enter_owned(), &Arc::default()).unwrap();
    let mut waiting = Arc::clone(&bulkhead).enter_owned();
    let (old, new) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    assert!(poll(&mut waiting, &old).is_none());
    let leaves = spawn(move || drop(inside));
    let let_in = poll(&mut waiting, &new).is_some();
    leaves.join().unwrap();
    assert!(let_in || new.rang(), "woken where it was before, or not at all");
}

fn who_waits_is_woken() {
    let bulkhead = bulkhead(1);
    let inside = poll(&mut Arc::clone(&bulkhead).enter_owned(), &Arc::default()).unwrap();
    let mut waiting = Arc::clone(&bulkhead).enter_owned();
    let bell = Arc::new(Bell::default());
    let leaves = spawn(move || drop(inside));
    let let_in = poll(&mut waiting, &bell).is_some();
    leaves.join().unwrap();
    assert!(let_in || bell.rang(), "nobody will ever poll it again");
}

fn nothing_leaks() {
    let bulkhead = bulkhead(1);
    let inside = poll(&mut Arc::clone(&bulkhead).enter_owned(), &Arc::default()).unwrap();
    let other = Arc::clone(&bulkhead);
    let comes_and_goes = spawn(move || {
        let mut waiting = other.enter_owned();
        drop(poll(&mut waiting, &Arc::default()));
        // Dropped while it waits, or after it was let in and never came.
        drop(waiting);
    });
    drop(inside);
    comes_and_goes.join().unwrap();
    assert!(bulkhead.is_idle(), "{bulkhead:?}");
}
