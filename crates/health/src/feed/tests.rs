//! The real circuit, and what it hears.

use std::format;

use vps_breaker::{Machine, Policy, Tick, Verdict};

use super::*;
use crate::answer::{Outcome, Reason};
use crate::level::{Level, Timing};
use crate::sample::Sample;

const NO_CALLS: Calls = Calls { last_success: None };

fn tick(seconds: u64) -> Tick {
    Tick::from_millis(seconds * 1_000)
}

fn at(seconds: u64) -> Moment {
    Moment::from(tick(seconds))
}

fn open(policy: &Policy) -> Machine {
    let mut machine = Machine::new();
    for _ in 0..3 {
        let ticket = machine.admit(policy, Tick::ZERO).unwrap();
        machine.settle(policy, ticket, Verdict::Failure, Tick::ZERO);
    }
    machine
}

/// Samples from these seconds on, one a second.
fn health(letters: &str, from: u64) -> Damped {
    let mut damped = Damped::new(Timing::new());
    for (second, letter) in (from..).zip(letters.chars()) {
        let outcome = match letter {
            '.' => Outcome::new(Some(Level::Healthy), Reason::Answered, Verdict::Success),
            'x' => Outcome::new(Some(Level::Unhealthy), Reason::Refused, Verdict::Failure),
            other => panic!("{other}"),
        };
        damped.sample(&Sample::new(at(second), Duration::ZERO, outcome), at(second));
    }
    damped
}

#[test]
fn a_ticket_is_taken_once_it_is_due_and_never_otherwise() {
    let policy = Policy::new();
    let damped = health(".", 0);
    let mut machine = open(&policy);
    let advice = |machine: &Machine, second| {
        let view = machine.peek(&policy, tick(second));
        assert_eq!(takes_ticket(&view), advise(&view, &damped, NO_CALLS, false) == Advice::TakeTicket);
        (advise(&view, &damped, NO_CALLS, true), wake_in(&view).map(|wait| wait.as_secs()))
    };
    assert_eq!(advice(&Machine::new(), 0), (Advice::Nothing, None), "closed");
    assert_eq!(advice(&machine, 0), (Advice::Nothing, Some(60)));
    assert_eq!(advice(&machine, 59), (Advice::Nothing, Some(1)));
    assert_eq!(advice(&machine, 60), (Advice::TakeTicket, Some(0)));
    let ticket = machine.admit(&policy, tick(60)).unwrap();
    assert_eq!(advice(&machine, 61).0, Advice::Nothing, "somebody probes");
    machine.settle_health(&policy, ticket, Verdict::Success, tick(61));
    assert_eq!(advice(&machine, 61), (Advice::Nothing, None), "on probation: a call decides");
    // Twice wrong: it may not close it any more.
    for opened in [70, 140] {
        let call = machine.admit(&policy, tick(opened)).unwrap();
        machine.settle(&policy, call, Verdict::Failure, tick(opened));
        if opened == 70 {
            assert_eq!(advice(&machine, 130), (Advice::TakeTicket, Some(0)));
            let ticket = machine.admit(&policy, tick(130)).unwrap();
            machine.settle_health(&policy, ticket, Verdict::Success, tick(130));
        }
    }
    assert_eq!(advice(&machine, 140), (Advice::Nothing, None));
    assert_eq!(advice(&machine, 200), (Advice::Nothing, None));
    // A call tells otherwise.
    let call = machine.admit(&policy, tick(200)).unwrap();
    machine.settle(&policy, call, Verdict::Success, tick(200));
    for _ in 0..3 {
        let call = machine.admit(&policy, tick(201)).unwrap();
        machine.settle(&policy, call, Verdict::Failure, tick(201));
    }
    assert_eq!(advice(&machine, 261), (Advice::TakeTicket, Some(0)));
}

#[test]
fn a_hand_goes_before_everything() {
    let policy = Policy::new();
    let down = health(&format!(".{}", "x".repeat(40)), 0);
    for hold in [Hold::Open, Hold::Closed, Hold::Disabled] {
        for mut machine in [Machine::new(), open(&policy)] {
            machine.hold(&policy, hold, None, tick(1));
            let view = machine.peek(&policy, tick(100));
            assert_eq!(advise(&view, &down, NO_CALLS, true), Advice::Nothing, "{hold:?}");
            assert_eq!(wake_in(&view), None, "{hold:?}");
        }
    }
}

#[test]
fn it_is_opened_before_a_call_fails_only_where_nothing_speaks_against() {
    let policy = Policy::new();
    let closed = Machine::new().peek(&policy, Tick::ZERO);
    let calls = |second| Calls { last_success: Some(at(second)) };
    let down = health(&format!(".{}", "x".repeat(31)), 100);
    let opened = Advice::PreOpen(PreOpen { since: at(101) });
    assert_eq!(advise(&closed, &down, NO_CALLS, true), opened);
    assert_eq!(advise(&closed, &down, calls(100), true), opened);
    assert_eq!(advise(&closed, &down, calls(101), true), Advice::Nothing, "a call worked since");
    assert_eq!(advise(&closed, &down, NO_CALLS, false), Advice::Nothing, "it is off");
    assert_eq!(advise(&closed, &health(".xx", 100), NO_CALLS, true), Advice::Nothing, "not sure yet");
    // One good answer between does not make a call's success forgotten.
    let again = health(&format!(".xxx.{}", "x".repeat(40)), 100);
    assert_eq!(advise(&closed, &again, NO_CALLS, true), opened);
    assert_eq!(advise(&closed, &again, calls(104), true), Advice::Nothing);
    let for_29_seconds = health(&format!(".{}", "x".repeat(30)), 100);
    assert_eq!(
        advise(&closed, &for_29_seconds, NO_CALLS, true),
        Advice::Nothing,
        "calls had no time to tell"
    );
    // Local samples are no bad ones.
    let mut local = health(".", 100);
    for second in 101..110 {
        let sample = Sample::new(at(second), Duration::ZERO, Outcome::local(Reason::NoRoute));
        local.sample(&sample, at(second));
    }
    assert_eq!(advise(&closed, &local, NO_CALLS, true), Advice::Nothing);
}

#[test]
fn contradictions_have_names_and_are_degraded() {
    let policy = Policy::new();
    let closed = Machine::new().peek(&policy, Tick::ZERO);
    let calls = |second| Calls { last_success: Some(at(second)) };
    let (up, down) = (health("..", 100), health(".xxx", 100));
    assert_eq!(disagreement(&closed, &up, NO_CALLS), None);
    assert_eq!(disagreement(&closed, &down, calls(101)), None, "not newer than the first bad sample");
    assert_eq!(disagreement(&closed, &down, calls(102)), Some(Disagreement::CallsWorkProbeFails));
    let mut machine = open(&policy);
    let view = |machine: &Machine, second| machine.peek(&policy, tick(second));
    for second in [0, 60] {
        assert_eq!(
            disagreement(&view(&machine, second), &up, NO_CALLS),
            Some(Disagreement::AnswersButCallsFail)
        );
        assert_eq!(disagreement(&view(&machine, second), &down, NO_CALLS), None, "they agree");
        assert_eq!(disagreement(&view(&machine, second), &health("", 0), NO_CALLS), None, "nobody knows");
    }
    let ticket = machine.admit(&policy, tick(60)).unwrap();
    machine.settle_health(&policy, ticket, Verdict::Success, tick(60));
    assert_eq!(disagreement(&view(&machine, 60), &up, NO_CALLS), Some(Disagreement::AnswersButCallsFail));
    let call = machine.admit(&policy, tick(61)).unwrap();
    machine.settle(&policy, call, Verdict::Success, tick(61));
    assert_eq!(disagreement(&view(&machine, 61), &up, NO_CALLS), None);
    machine.hold(&policy, Hold::Open, None, tick(62));
    assert_eq!(disagreement(&view(&machine, 62), &up, NO_CALLS), None, "a hand is no call");
    assert_eq!(shown(Status::Unhealthy, Some(Disagreement::CallsWorkProbeFails)), Status::Degraded);
    assert_eq!(shown(Status::Unhealthy, None), Status::Unhealthy);
}
