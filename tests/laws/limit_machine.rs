//! The bulkhead's rules against a list, and in every state that a few callers can reach.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroU32;

use proptest::prelude::*;
use vps_limit::{Entry, Machine, Waiter};

use crate::runner;

/// What each caller is, in order of arrival: the naive model. Those granted are inside, whatever they know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Model {
    places: usize,
    room: usize,
    inside: usize,
    granted: Vec<Waiter>,
    queue: VecDeque<Waiter>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter,
    TryEnter,
    Leave,
    /// The waiter of this number, modulo those there are.
    Claim(usize),
    GiveUp(usize),
    /// One that never waited, or does so no more.
    GiveUpTwice,
}

impl Model {
    fn new(places: u32, room: u32) -> Self {
        let (places, room) = (places as usize, room as usize);
        Self { places, room, inside: 0, granted: Vec::new(), queue: VecDeque::new() }
    }

    fn free(&self) -> usize {
        self.places - self.inside - self.granted.len()
    }

    /// Whoever waits longest is let in; who that is, if somebody is.
    fn let_in(&mut self) -> Option<Waiter> {
        if self.free() == 0 {
            return None;
        }
        let next = self.queue.pop_front()?;
        self.granted.push(next);
        Some(next)
    }

    fn waiters(&self) -> Vec<Waiter> {
        self.granted.iter().chain(&self.queue).copied().collect()
    }
}

/// Does a step in both and compares what they say; a waiter that is done goes to `gone`.
fn step(machine: &mut Machine, model: &mut Model, gone: &mut Vec<Waiter>, step: Step) {
    let waiters = model.waiters();
    let of = |index: usize| (!waiters.is_empty()).then(|| waiters[index % waiters.len()]);
    match step {
        Step::Enter => match machine.enter() {
            Ok(Entry::Admitted) => {
                assert!(model.free() > 0 && model.queue.is_empty(), "overtook, or one too many");
                model.inside += 1;
            }
            Ok(Entry::Queued(waiter)) => {
                assert!(model.free() == 0 && model.queue.len() < model.room);
                assert!(waiters.iter().chain(gone.iter()).all(|known| *known < waiter), "a turn used twice");
                model.queue.push_back(waiter);
            }
            Err(full) => {
                assert!(model.free() == 0 && model.queue.len() == model.room);
                assert_eq!(
                    (full.usage.inside as usize, full.usage.waiting as usize),
                    (model.places, model.room)
                );
            }
        },
        Step::TryEnter => {
            assert_eq!(machine.try_enter().is_ok(), model.free() > 0);
            model.inside += usize::from(model.free() > 0);
        }
        Step::Leave => {
            if model.inside > 0 {
                model.inside -= 1;
                assert_eq!(machine.leave(), model.let_in());
            }
        }
        Step::Claim(index) => {
            let Some(waiter) = of(index) else { return };
            let granted = model.granted.iter().position(|granted| *granted == waiter);
            assert_eq!(machine.claim(waiter), granted.is_some());
            if let Some(granted) = granted {
                model.granted.remove(granted);
                model.inside += 1;
                gone.push(waiter);
            }
        }
        Step::GiveUp(index) => {
            let Some(waiter) = of(index) else { return };
            model.granted.retain(|granted| *granted != waiter);
            model.queue.retain(|queued| *queued != waiter);
            assert_eq!(machine.give_up(waiter), model.let_in());
            gone.push(waiter);
        }
        Step::GiveUpTwice => {
            if let Some(waiter) = gone.last() {
                assert!(!machine.claim(*waiter));
                assert_eq!(machine.give_up(*waiter), None);
            }
        }
    }
    let usage = machine.usage();
    assert_eq!(usage.inside as usize, model.inside + model.granted.len());
    assert_eq!(usage.waiting as usize, model.queue.len());
    assert!(usage.inside <= usage.max_concurrent && usage.waiting <= usage.max_queue);
    // Nobody waits beside a free place, or nobody would ever wake it.
    assert!(usage.waiting == 0 || usage.inside == usage.max_concurrent);
    assert_eq!(machine.is_idle(), model.waiters().is_empty() && model.inside == 0);
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Enter),
        1 => Just(Step::TryEnter),
        3 => Just(Step::Leave),
        3 => (0_usize..8).prop_map(Step::Claim),
        2 => (0_usize..8).prop_map(Step::GiveUp),
        1 => Just(Step::GiveUpTwice),
    ]
}

#[test]
fn it_is_a_list_that_lets_in_whoever_waits_longest() {
    let worlds = (1_u32..5, 0_u32..6, prop::collection::vec(any_step(), 0..120));
    runner(400)
        .run(&worlds, |(places, room, steps)| {
            let mut machine = Machine::new(NonZeroU32::new(places).unwrap(), room);
            let (mut model, mut gone) = (Model::new(places, room), Vec::new());
            for one in steps {
                step(&mut machine, &mut model, &mut gone, one);
            }
            Ok(())
        })
        .unwrap();
}

/// Where everybody who is inside leaves and everybody who waits comes, nobody is left.
fn runs_empty(mut machine: Machine, mut model: Model) {
    let mut gone = Vec::new();
    for _ in 0..100 {
        if machine.is_idle() {
            return;
        }
        for index in 0..model.waiters().len() {
            step(&mut machine, &mut model, &mut gone, Step::Claim(index));
        }
        step(&mut machine, &mut model, &mut gone, Step::Leave);
    }
    panic!("stuck: {machine:?}");
}

/// Every order of steps of at most so many callers, up to the numbers of the turns.
#[test]
fn no_state_breaks_a_rule_or_is_stuck() {
    let mut states = 0;
    for (places, room) in [(1, 0), (1, 1), (1, 3), (2, 2), (3, 1)] {
        let first =
            (Machine::new(NonZeroU32::new(places).unwrap(), room), Model::new(places, room), Vec::new());
        let (mut seen, mut open) = (HashSet::new(), VecDeque::from([first]));
        while let Some((machine, model, gone)) = open.pop_front() {
            // Eight turns are enough to fill, empty and fill again.
            if gone.len() + model.waiters().len() > 8 || !seen.insert((machine.clone(), model.clone())) {
                continue;
            }
            runs_empty(machine.clone(), model.clone());
            let choices =
                (0..model.waiters().len()).flat_map(|index| [Step::Claim(index), Step::GiveUp(index)]);
            for choice in choices.chain([Step::Enter, Step::TryEnter, Step::Leave, Step::GiveUpTwice]) {
                let (mut machine, mut model, mut gone) = (machine.clone(), model.clone(), gone.clone());
                step(&mut machine, &mut model, &mut gone, choice);
                open.push_back((machine, model, gone));
            }
        }
        states += seen.len();
    }
    assert!(states > 300, "{states} states are too few to mean anything");
}
