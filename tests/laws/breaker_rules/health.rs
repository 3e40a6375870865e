//! Health probes, and the probation after them.

use vps_breaker::{Factor, Hold, Machine, Rule, Settled, State, Tick, Verdict, Why};

use super::{F, Lab, S, opened_by};
use crate::breaker_model::{Over, Rules};

#[test]
fn the_first_call_decides_after_a_health_probe() {
    let rules =
        Rules { threshold: 5, timeout: 10, backoff: Some((Factor::whole(2), 600)), ..Rules::default() };
    let due = || {
        let mut lab = Lab::new(rules).open();
        lab.pass(10);
        assert!(matches!(lab.health(S), Settled::Moved(moved) if moved.to == State::Closed));
        assert!(lab.view().is_on_probation() && !lab.machine.is_clean(&lab.policy));
        assert!(
            lab.view().to_string().starts_with(
                "on probation after a health probe closed it: the next failure opens it; 0 of 5 failures"
            ),
            "{}",
            lab.view()
        );
        lab
    };
    // A success ends it.
    let mut lab = due();
    assert_eq!(lab.call(Verdict::Neutral), Settled::Counted);
    assert!(lab.view().is_on_probation(), "that was no outcome");
    lab.call(S);
    assert!(!lab.view().is_on_probation() && lab.machine.is_clean(&lab.policy));
    assert_eq!(lab.calls(&[F, F, F, F]), Settled::Counted);
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Consecutive));
    assert_eq!(lab.refused(), (Why::Open, 10));
    // A failure opens it, as if the probe had failed.
    let mut lab = due();
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Probation));
    assert_eq!(lab.refused(), (Why::Open, 20), "the open time goes on growing");
    assert!(!lab.view().is_on_probation());
    assert!(
        lab.view()
            .to_string()
            .starts_with("opened again because the first call failed after a health probe had closed it; ")
    );
    // It survives a process, and a clock.
    let mut lab = due();
    lab.machine = Machine::restore(&lab.policy, &lab.machine.snapshot(lab.now), Tick::ZERO);
    lab.now = Tick::ZERO;
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Probation));
    assert_eq!(lab.refused(), (Why::Open, 20));
    // One that ended here does not begin again by what another process still has.
    let mut lab = due();
    let other = lab.machine.clone();
    lab.call(S);
    assert!(lab.machine.adopt(&lab.policy, &other, lab.now));
    assert!(!lab.view().is_on_probation());
    let mut lab = due();
    let mut other = lab.machine.clone();
    let ticket = other.admit(&lab.policy, lab.now).unwrap();
    other.settle(&lab.policy, ticket, S, lab.now);
    assert!(lab.machine.adopt(&lab.policy, &other, lab.now));
    assert!(!lab.view().is_on_probation(), "nor does one that ended there go on here");
    // A hand ends it, and what is late has no say.
    let mut lab = due();
    assert!(lab.machine.reset(&lab.policy, lab.now).is_some());
    assert_eq!((lab.view().is_on_probation(), lab.call(F)), (false, Settled::Counted));
    let mut lab = Lab::new(rules);
    let late = lab.admit();
    let mut lab = lab.open();
    lab.pass(10).health(S);
    assert_eq!(lab.settle(late, F), Settled::Stale);
    assert!(lab.view().is_on_probation());
}

#[test]
fn after_two_probations_lost_health_probes_close_nothing() {
    let mut lab = Lab::new(Rules { threshold: 1, ..Rules::default() }).open();
    let lose = |lab: &mut Lab| {
        lab.pass(60);
        assert!(matches!(lab.health(S), Settled::Moved(_)));
        assert_eq!(opened_by(lab.call(F)), Some(Rule::Probation));
    };
    // One that a call confirms counts anew.
    lose(&mut lab);
    lab.pass(60).health(S);
    lab.calls(&[S, F]);
    lose(&mut lab);
    assert!(lab.view().trusts_health_probes());
    lose(&mut lab);
    assert!(!lab.view().trusts_health_probes());
    let snapshot = lab.machine.snapshot(lab.now);
    lab.machine = Machine::restore(&lab.policy, &snapshot, lab.now);
    lab.pass(60);
    assert_eq!(lab.health(S), Settled::Counted);
    assert_eq!((lab.state(), lab.view().success_count()), (State::HalfOpen, 0));
    assert_eq!(lab.view().probes_in_flight(), 0, "the slot is free");
    assert!(matches!(lab.call(S), Settled::Moved(_)), "a call's success closes it");
    assert!(lab.view().trusts_health_probes() && !lab.view().is_on_probation());
    // One success of a call is enough, even where two must succeed.
    let mut lab = Lab::new(Rules { threshold: 1, successes: 2, ..Rules::default() }).open();
    for _ in 0..2 {
        lab.pass(60).health(S);
        lab.health(S);
        assert_eq!(opened_by(lab.call(F)), Some(Rule::Probation));
    }
    lab.pass(60).call(S);
    assert!(lab.view().trusts_health_probes());
    assert!(matches!(lab.health(S), Settled::Moved(_)));
    // So is a holder's; and a hand makes a new beginning.
    for by_hand in [false, true] {
        let mut lab = Lab::new(Rules { threshold: 1, ..Rules::default() }).open();
        lose(&mut lab);
        lose(&mut lab);
        let pass = lab.view().outage().unwrap();
        if by_hand {
            lab.machine.reset(&lab.policy, lab.now);
        } else {
            lab.goes_on(pass, S);
        }
        assert!(lab.view().trusts_health_probes());
    }
}

#[test]
fn a_health_probe_costs_no_call() {
    let window = Some((Over::Count(5), 5, None, Some((3, 500))));
    let mut lab = Lab::new(Rules { window, ..Rules::default() });
    lab.calls(&[F, F]);
    let before = lab.view();
    for verdict in [S, F, Verdict::Neutral] {
        assert_eq!(lab.health(verdict), Settled::Counted);
        assert_eq!(lab.view(), before, "closed, {verdict:?} says nothing");
    }
    lab.call(F);
    // A slow answer is an answer.
    lab.pass(60);
    let probe = lab.admit();
    lab.pass(3);
    let settled = lab.machine.settle_health(&lab.policy, probe, S, lab.now);
    assert!(matches!(settled, Settled::Moved(moved) if moved.to == State::Closed));
    // A failed one is a failed probe; neutral, its slot is free again; late, it is as late as any.
    lab.call(F);
    lab.pass(60);
    assert_eq!(opened_by(lab.health(F)), Some(Rule::Probe));
    lab.pass(60);
    assert_eq!(lab.health(Verdict::Neutral), Settled::Counted);
    assert_eq!(lab.view().probes_in_flight(), 0);
    let late = lab.admit();
    lab.pass(60);
    let probe = lab.admit();
    assert_eq!(lab.machine.settle_health(&lab.policy, late, S, lab.now), Settled::Stale);
    assert!(matches!(lab.settle(probe, S), Settled::Moved(_)));
}

#[test]
fn one_real_success_is_proof_enough() {
    let rules = Rules { threshold: 1, successes: 3, ..Rules::default() };
    for (real, probation) in [
        ([false, false, false], true),
        ([true, false, false], false),
        ([false, true, false], false),
        ([false, false, true], false),
    ] {
        let mut lab = Lab::new(rules).open();
        lab.pass(60);
        for (at, real) in real.into_iter().enumerate() {
            let settled = if real { lab.call(S) } else { lab.health(S) };
            assert_eq!(matches!(settled, Settled::Moved(_)), at == 2);
            // What they were is not lost with the process.
            let snapshot = lab.machine.snapshot(lab.now);
            lab.machine = Machine::restore(&lab.policy, &snapshot, lab.now);
        }
        assert_eq!((lab.state(), lab.view().is_on_probation()), (State::Closed, probation), "{real:?}");
    }
}

#[test]
fn a_pre_open_opens_what_is_closed_and_nobodys_and_nothing_else() {
    let mut lab = Lab::new(Rules { threshold: 5, timeout: 10, ..Rules::default() });
    lab.calls(&[F, F]);
    let moved = lab.machine.pre_open(&lab.policy, lab.now).unwrap();
    assert_eq!((moved.from, moved.to, moved.rule), (State::Closed, State::Open, Rule::Health));
    assert_eq!(lab.refused(), (Why::Open, 10), "for the ordinary time");
    assert!(
        lab.view().to_string().starts_with("opened by health probes, before a call failed; "),
        "{}",
        lab.view()
    );
    assert_eq!(lab.machine.pre_open(&lab.policy, lab.now), None, "it is open");
    lab.pass(10);
    assert!(matches!(lab.health(S), Settled::Moved(moved) if moved.to == State::Closed));
    // A hand on it wins, and one that was there is none.
    for hold in [Hold::Closed, Hold::Disabled, Hold::Open] {
        let mut lab = Lab::new(Rules::default());
        lab.machine.hold(&lab.policy, hold, Some(std::time::Duration::from_secs(5)), lab.now);
        assert_eq!(lab.machine.pre_open(&lab.policy, lab.now), None, "{hold:?}");
    }
    let mut lab = Lab::new(Rules::default());
    lab.machine.hold(&lab.policy, Hold::Closed, Some(std::time::Duration::from_secs(5)), lab.now);
    lab.pass(5);
    assert!(lab.machine.pre_open(&lab.policy, lab.now).is_some());
    let never = lab.policy.with_enabled(false);
    assert_eq!(Machine::new().pre_open(&never, lab.now), None);
}
