//! The shared bulkhead: futures and places dropped at any point, by hand and by threads.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use proptest::prelude::*;
use vps_limit::{Bulkhead, Enter, Place};

use crate::runner;

/// Whether it was woken since it was last polled.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A task: waiting, with its number and its bell.
struct Task {
    number: u32,
    bell: Arc<Bell>,
    waiting: Enter<Arc<Bulkhead>>,
}

impl Task {
    fn new(bulkhead: &Arc<Bulkhead>, number: u32) -> Self {
        Self { number, bell: Arc::default(), waiting: Arc::clone(bulkhead).enter_owned() }
    }

    fn poll(&mut self) -> Poll<Result<Place<Arc<Bulkhead>>, vps_limit::Full>> {
        self.bell.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.bell));
        Pin::new(&mut self.waiting).poll(&mut Context::from_waker(&waker))
    }

    fn was_woken(&self) -> bool {
        self.bell.0.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A new task comes and is polled once.
    Come,
    /// The first task that was woken is polled.
    RunWoken,
    /// A task is polled for no reason, on another waker.
    PollAnyhow(usize),
    DropTask(usize),
    DropPlace(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Come),
        3 => Just(Step::RunWoken),
        1 => (0_usize..9).prop_map(Step::PollAnyhow),
        2 => (0_usize..9).prop_map(Step::DropTask),
        3 => (0_usize..9).prop_map(Step::DropPlace),
    ]
}

#[derive(Default)]
struct World {
    tasks: Vec<Task>,
    places: Vec<Place<Arc<Bulkhead>>>,
    /// The number of the last task that was let in.
    last: u32,
}

impl World {
    fn poll(&mut self, index: usize) {
        match self.tasks[index].poll() {
            Poll::Pending => {}
            Poll::Ready(Err(_)) => drop(self.tasks.remove(index)),
            Poll::Ready(Ok(place)) => {
                let task = self.tasks.remove(index);
                self.last = self.last.max(task.number);
                self.places.push(place);
            }
        }
    }
}

fn nth<T>(list: &[T], index: usize) -> Option<usize> {
    (!list.is_empty()).then(|| index % list.len())
}

#[test]
fn whatever_is_dropped_nobody_is_lost_and_nobody_is_overtaken() {
    let worlds = (1_u32..4, 0_u32..6, prop::collection::vec(any_step(), 0..150));
    runner(400)
        .run(&worlds, |(places, room, steps)| {
            let bulkhead = Arc::new(Bulkhead::new(NonZeroU32::new(places).unwrap(), room));
            let (mut world, mut next) = (World::default(), 0);
            for step in steps {
                match step {
                    Step::Come => {
                        next += 1;
                        world.tasks.push(Task::new(&bulkhead, next));
                        let before = bulkhead.usage();
                        let index = world.tasks.len() - 1;
                        world.poll(index);
                        let let_in = world.last == next;
                        prop_assert_eq!(let_in, before.inside < places);
                        // Nobody waits whom it could have overtaken.
                        prop_assert!(!let_in || before.waiting == 0);
                    }
                    Step::RunWoken => {
                        if let Some(index) = world.tasks.iter().position(Task::was_woken) {
                            // Who was woken has a place: nobody is woken for nothing.
                            let inside = world.places.len();
                            world.poll(index);
                            prop_assert_eq!(world.places.len(), inside + 1);
                        }
                    }
                    Step::PollAnyhow(index) => {
                        if let Some(index) = nth(&world.tasks, index) {
                            world.poll(index);
                        }
                    }
                    Step::DropTask(index) => {
                        if let Some(index) = nth(&world.tasks, index) {
                            drop(world.tasks.remove(index));
                        }
                    }
                    Step::DropPlace(index) => {
                        if let Some(index) = nth(&world.places, index) {
                            drop(world.places.swap_remove(index));
                        }
                    }
                }
                let usage = bulkhead.usage();
                prop_assert!(world.places.len() <= places as usize);
                prop_assert!(usage.waiting <= room);
                // Those that were let in are the first: nobody before them sleeps on.
                let asleep = world.tasks.iter().position(|task| !task.was_woken());
                let woken = world.tasks.iter().filter(|task| task.was_woken()).count();
                prop_assert!(asleep.is_none_or(|first| first == woken), "out of order");
                prop_assert_eq!(usage.inside as usize, world.places.len() + woken);
                prop_assert_eq!(usage.waiting as usize, world.tasks.len() - woken);
            }
            drop(world);
            prop_assert!(bulkhead.is_idle());
            Ok(())
        })
        .unwrap();
}

#[test]
fn threads_are_never_more_than_places_and_all_get_one() {
    for round in 0..20 {
        let bulkhead = Arc::new(Bulkhead::new(NonZeroU32::new(2).unwrap(), 100));
        let (inside, served) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for caller in 0..8 {
                let (bulkhead, inside, served) = (&bulkhead, &inside, &served);
                scope.spawn(move || {
                    for call in 0..50 {
                        let mut waiting = Arc::clone(bulkhead).enter_owned();
                        let waker = Waker::from(Arc::new(Thread(thread::current())));
                        let mut context = Context::from_waker(&waker);
                        if (round + caller + call) % 5 == 0 {
                            // Comes, looks once, and goes.
                            drop(Pin::new(&mut waiting).poll(&mut context));
                            continue;
                        }
                        let place = loop {
                            match Pin::new(&mut waiting).poll(&mut context) {
                                Poll::Ready(place) => break place.unwrap(),
                                Poll::Pending => thread::park(),
                            }
                        };
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        served.fetch_add(1, Ordering::SeqCst);
                        drop(place);
                    }
                });
            }
        });
        assert_eq!(served.into_inner(), 8 * 40);
        assert!(bulkhead.is_idle());
    }
}

struct Thread(thread::Thread);

impl Wake for Thread {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker is foreign code: it may come back to the bulkhead when it is woken, and when it is dropped.
#[test]
fn a_waker_may_use_the_bulkhead() {
    struct Nosy(Arc<Bulkhead>);
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            assert!(self.0.try_enter().is_err());
        }
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            let _ = self.0.usage();
        }
    }
    let bulkhead = Arc::new(Bulkhead::new(NonZeroU32::MIN, 5));
    let place = bulkhead.try_enter().unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Arc::clone(&bulkhead).enter_owned()).collect();
    for _ in 0..2 {
        for one in &mut waiting {
            let waker = Waker::from(Arc::new(Nosy(Arc::clone(&bulkhead))));
            assert!(Pin::new(one).poll(&mut Context::from_waker(&waker)).is_pending());
        }
    }
    drop(place);
    drop(waiting.pop());
    drop(waiting);
    assert!(bulkhead.is_idle());
}

#[test]
fn a_full_queue_says_how_many_are_there() {
    let bulkhead = Arc::new(Bulkhead::new(NonZeroU32::new(2).unwrap(), 1));
    let mut world = World::default();
    for number in 1..=3 {
        world.tasks.push(Task::new(&bulkhead, number));
        let index = world.tasks.len() - 1;
        world.poll(index);
    }
    let Poll::Ready(Err(full)) = Task::new(&bulkhead, 4).poll() else { panic!("there is no room") };
    assert_eq!(full.to_string(), "2 of 2 places are taken, 1 of 1 wait for one");
    // What was refused left nothing behind.
    drop(world);
    assert!(bulkhead.is_idle());
}
