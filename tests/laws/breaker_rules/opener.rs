//! Who opened a circuit holds a pass, and goes on.

use vps_breaker::{Factor, Hold, Rule, Settled, State, Verdict, Why};

use super::{F, Lab, S};
use crate::breaker_model::{Over, Rules, duration};

#[test]
fn whoever_opened_it_goes_on() {
    let mut lab = Lab::new(Rules { backoff: Some((Factor::whole(2), 600)), ..Rules::default() });
    let pass = lab.opened();
    assert_eq!(lab.view().outage(), Some(pass));
    let before = (lab.machine.clone(), lab.view());
    for verdict in [F, Verdict::Neutral, F] {
        assert_eq!(lab.refused().0, Why::Open, "everybody else");
        let ticket = lab.enter(pass).unwrap();
        assert!(ticket.is_opener() && !ticket.is_probe() && ticket.token().is_none());
        assert_eq!((ticket.transition(), ticket.outage()), (None, Some(pass)));
        assert!(lab.renew(&ticket), "it has nothing to lose");
        assert_eq!(lab.settle(ticket, verdict), Settled::Counted);
        assert_eq!((lab.machine.clone(), lab.view()), before, "{verdict:?} changes nothing");
    }
    lab.pass(59);
    lab.goes_on(pass, F);
    assert_eq!(lab.refused(), (Why::Open, 1), "nobody waits longer for it");
    let Settled::Moved(moved) = lab.goes_on(pass, S) else { panic!("it stays open") };
    assert_eq!((moved.from, moved.to, moved.rule), (State::Open, State::Closed, Rule::Probe));
    assert_eq!((moved.outage, moved.generation), (Some(pass), before.1.generation() + 1));
    assert_eq!((lab.state(), lab.view().failure_count(), lab.view().outage()), (State::Closed, 0, None));
    assert!(lab.machine.is_clean(&lab.policy));
}

#[test]
fn where_it_is_not_open_a_holder_asks_as_anybody() {
    let rules = Rules { lease: 10, ..Rules::default() };
    let mut lab = Lab::new(rules);
    let pass = lab.opened();
    // Due: the probe's slot.
    lab.pass(60);
    let probe = lab.enter(pass).unwrap();
    assert!(probe.is_probe() && !probe.is_opener() && probe.outage() == Some(pass));
    let moved = probe.transition().unwrap();
    assert_eq!((moved.to, moved.outage), (State::HalfOpen, Some(pass)));
    // Half-open: a slot, or wait for one.
    let rejected = lab.enter(pass).unwrap_err();
    assert_eq!((rejected.why(), rejected.retry_after()), (Why::Probing, duration(10)));
    lab.settle(probe, Verdict::Neutral);
    let probe = lab.enter(pass).unwrap();
    assert!(probe.is_probe() && probe.transition().is_none());
    // Closed: as anybody.
    lab.settle(probe, S);
    let plain = lab.enter(pass).unwrap();
    assert!(!plain.is_probe() && !plain.is_opener());
    assert_eq!(lab.settle(plain, F), Settled::Counted);
    assert_eq!(lab.view().failure_count(), 1);
    // Held open: refused; then due.
    let pass = lab.opened();
    lab.hold(Hold::Open, 5);
    assert_eq!(lab.view().outage(), Some(pass), "the same outage");
    assert_eq!(lab.enter(pass).unwrap_err().why(), Why::HeldFor);
    lab.pass(5);
    assert!(lab.enter(pass).unwrap().is_probe());
    // Held closed, and a policy that is off: let through.
    lab.hold(Hold::Closed, 5);
    assert!(!lab.enter(pass).unwrap().is_opener());
    let mut lab = Lab::new(rules).open();
    lab.policy = lab.policy.with_enabled(false);
    let pass = lab.view().outage().unwrap();
    assert!(!lab.enter(pass).unwrap().is_opener());
}

#[test]
fn a_holders_success_counts_as_a_probes() {
    let mut lab = Lab::new(Rules { successes: 2, ..Rules::default() });
    let pass = lab.opened();
    assert_eq!(lab.goes_on(pass, S), Settled::Counted);
    assert_eq!((lab.state(), lab.view().success_count()), (State::Open, 1));
    assert_eq!(lab.refused(), (Why::Open, 60));
    assert_eq!(lab.goes_on(pass, F), Settled::Counted);
    assert!(matches!(lab.goes_on(pass, S), Settled::Moved(_)));
    assert_eq!(lab.state(), State::Closed);
    // As every counter, it is the state's.
    let pass = lab.opened();
    lab.goes_on(pass, S);
    lab.pass(60);
    let probe = lab.admit();
    assert_eq!(lab.view().success_count(), 0);
    lab.settle(probe, Verdict::Neutral);
    // One that arrives when it is half-open counts there, and frees nobody's slot.
    let pass = lab.opened();
    let late = [lab.enter(pass).unwrap(), lab.enter(pass).unwrap()];
    lab.pass(60);
    let probe = lab.admit();
    let [first, second] = late;
    assert_eq!(lab.settle(first, S), Settled::Counted);
    assert_eq!((lab.view().success_count(), lab.view().probes_in_flight()), (1, 1));
    assert_eq!(lab.refused().0, Why::Probing);
    assert!(matches!(lab.settle(second, S), Settled::Moved(moved) if moved.from == State::HalfOpen));
    assert_eq!(lab.settle(probe, F), Settled::Stale);
    assert_eq!(lab.state(), State::Closed);
}

#[test]
fn a_slow_or_failed_holder_changes_nothing() {
    let window = Some((Over::Count(5), 5, None, Some((3, 500))));
    let mut lab = Lab::new(Rules { window, ..Rules::default() });
    let pass = lab.opened();
    let (slow, fast) = (lab.enter(pass).unwrap(), lab.enter(pass).unwrap());
    lab.pass(2);
    assert!(matches!(lab.settle(fast, S), Settled::Moved(_)));
    let again = lab.opened();
    lab.pass(1);
    assert_eq!(lab.settle(slow, S), Settled::Stale, "of an earlier outage");
    let slow = lab.enter(again).unwrap();
    lab.pass(3);
    assert_eq!(lab.settle(slow, S), Settled::Counted);
    assert_eq!((lab.state(), lab.view().success_count()), (State::Open, 0));
    // Half-open, a holder's failure is not one of the probes'.
    let [failed, slow] = [lab.enter(again).unwrap(), lab.enter(again).unwrap()];
    lab.pass(60);
    let probe = lab.admit();
    let before = lab.view();
    assert_eq!([lab.settle(failed, F), lab.settle(slow, S)], [Settled::Counted; 2]);
    assert_eq!(lab.view(), before);
    // Under a hand, nothing counts.
    lab.settle(probe, F);
    let [success, failure] = [lab.enter(again).unwrap(), lab.enter(again).unwrap()];
    lab.hold(Hold::Open, 100);
    let before = lab.view();
    assert_eq!([lab.settle(success, S), lab.settle(failure, F)], [Settled::Stale; 2]);
    assert_eq!(lab.view(), before);
}

#[test]
fn a_pass_is_of_one_outage() {
    let mut lab = Lab::new(Rules::default());
    let first = lab.opened();
    let late = lab.enter(first).unwrap();
    lab.goes_on(first, S);
    let second = lab.opened();
    assert_ne!(first, second);
    assert_eq!(lab.enter(first).unwrap_err().why(), Why::Open);
    assert_eq!(lab.settle(late, S), Settled::Stale);
    assert_eq!(lab.state(), State::Open);
    // Nor after a reset.
    lab.machine.reset(&lab.policy, lab.now);
    let third = lab.opened();
    assert!(lab.enter(second).is_err() && lab.enter(third).is_ok());
    // One that a hand opened is an outage that nobody has a pass of, until its probe fails.
    lab.machine.reset(&lab.policy, lab.now);
    let moved = lab.machine.hold(&lab.policy, Hold::Open, Some(duration(5)), lab.now);
    assert!(moved.outage.is_some() && moved.outage != Some(third));
    lab.pass(5).call(F);
    assert!(lab.enter(third).is_err() && lab.enter(moved.outage.unwrap()).unwrap().is_opener());
}

#[test]
fn each_failed_probe_makes_a_holder() {
    let mut lab = Lab::new(Rules::default());
    let pass = lab.opened();
    for _ in 0..3 {
        lab.pass(60);
        let Settled::Moved(moved) = lab.call(F) else { panic!("it did not open again") };
        assert_eq!((moved.to, moved.outage), (State::Open, Some(pass)), "of the same outage");
        assert_eq!(lab.goes_on(pass, F), Settled::Counted);
    }
    lab.goes_on(pass, S);
    assert_eq!(lab.state(), State::Closed);
}
