//! Half-open: probes, their leases and slots.

use vps_breaker::{Rule, Settled, State, Verdict, Why};

use super::{F, Lab, S, half_open, opened_by};
use crate::breaker_model::{Over, Rules};

#[test]
fn a_late_result_changes_nothing_but_frees_its_slot() {
    let mut lab = Lab::new(Rules { threshold: 1, probes: 2, ..Rules::default() });
    let slow = [lab.admit(), lab.admit(), lab.admit()];
    let [success, failure, neutral] = slow;
    lab.call(F);
    let before = (lab.view(), lab.machine.clone());
    assert_eq!(lab.settle(success, S), Settled::Stale);
    assert_eq!(lab.settle(neutral, Verdict::Neutral), Settled::Stale);
    assert_eq!((lab.view(), lab.machine.clone()), before);
    // In the next closed state it neither counts as a failure.
    lab.pass(60);
    let [first, second] = [lab.admit(), lab.admit()];
    lab.settle(first, S);
    assert_eq!(lab.settle(failure, F), Settled::Stale);
    assert_eq!((lab.state(), lab.view().failure_count()), (State::Closed, 0));
    // The other probe is stale too, and holds its slot until it ends.
    lab.call(F);
    lab.pass(60);
    let third = lab.admit();
    assert_eq!(lab.view().probes_in_flight(), 1, "the second one's lease is over");
    lab.renew(&second);
    assert_eq!(lab.refused().0, Why::Probing);
    assert_eq!(lab.settle(second, F), Settled::Stale);
    assert_eq!(lab.view().probes_in_flight(), 1);
    assert!(matches!(lab.settle(third, S), Settled::Moved(_)));
}

#[test]
fn m_of_n_probes_decide_as_soon_as_they_can() {
    let rules = Rules { threshold: 1, probes: 3, successes: 2, allowed: 1, ..Rules::default() };
    for (verdicts, end) in [
        (&[S, S][..], State::Closed),
        (&[S, F, S], State::Closed),
        (&[F, S, S], State::Closed),
        (&[F, F], State::Open),
        (&[S, F, F], State::Open),
        (&[S, Verdict::Neutral, S], State::Closed),
    ] {
        let mut lab = Lab::new(rules).open();
        lab.pass(60);
        let tickets: Vec<_> = verdicts.iter().map(|_| lab.admit()).collect();
        let last = verdicts.len() - 1;
        for (at, (ticket, verdict)) in tickets.into_iter().zip(verdicts).enumerate() {
            let settled = lab.settle(ticket, *verdict);
            assert_eq!(matches!(settled, Settled::Moved(_)), at == last, "{verdicts:?} at {at}");
        }
        assert_eq!(lab.state(), end, "{verdicts:?}");
    }
}

#[test]
fn each_half_open_time_counts_anew() {
    let rules = Rules { threshold: 1, successes: 2, ..Rules::default() };
    let mut lab = Lab::new(rules).open();
    lab.pass(60).calls(&[S, F]);
    lab.pass(60).call(S);
    assert_eq!((lab.state(), lab.view().success_count()), (State::HalfOpen, 1));
    let mut lab = Lab::new(Rules { allowed: 1, ..rules }).open();
    lab.pass(60).calls(&[F, S, S]);
    assert_eq!(lab.state(), State::Closed);
    lab.call(F);
    lab.pass(60).call(F);
    assert_eq!(lab.state(), State::HalfOpen, "one of two failures is forgiven again");
}

#[test]
fn at_most_n_probes_run_at_once() {
    let mut lab = Lab::new(Rules { threshold: 1, probes: 2, ..Rules::default() }).open();
    lab.pass(60);
    let first = lab.admit();
    assert_eq!(first.transition().map(|moved| moved.to), Some(State::HalfOpen));
    assert_eq!(first.generation(), lab.machine.generation(), "slot and transition together");
    let second = lab.admit();
    assert_eq!(second.transition(), None);
    assert_eq!(lab.refused().0, Why::Probing);
    lab.settle(first, Verdict::Neutral);
    let third = lab.admit();
    assert_eq!(lab.refused().0, Why::Probing);
    // A circuit that opens again has no more of them, whatever is still in flight.
    lab.settle(second, F);
    lab.pass(59);
    lab.renew(&third);
    lab.pass(1);
    let _fourth = lab.admit();
    assert_eq!(lab.refused().0, Why::Probing);
}

#[test]
fn a_slow_probe_is_a_failure() {
    let window = Some((Over::Count(5), 5, None, Some((3, 500))));
    let mut lab = Lab::new(Rules { threshold: 1, window, ..Rules::default() }).open();
    lab.pass(60);
    let probe = lab.admit();
    lab.pass(3);
    assert_eq!(opened_by(lab.settle(probe, S)), Some(Rule::Probe));
    lab.pass(60);
    let probe = lab.admit();
    lab.pass(2);
    lab.settle(probe, S);
    assert_eq!(lab.state(), State::Closed);
}

#[test]
fn a_lease_says_when_it_ends_and_is_lost_then() {
    let (mut lab, _probe) = half_open(10);
    assert_eq!(lab.refused(), (Why::Probing, 10));
    lab.pass(9);
    assert_eq!(lab.refused(), (Why::Probing, 1));
    lab.pass(1);
    let second = lab.admit();
    assert!(second.is_probe());
    assert_eq!(second.transition(), None, "reissuing a slot starts no generation");
}

#[test]
fn a_lease_that_is_renewed_lasts_another_one() {
    let (mut lab, probe) = half_open(10);
    for _ in 0..100 {
        lab.pass(9);
        assert!(lab.renew(&probe));
        assert_eq!(lab.refused(), (Why::Probing, 10));
    }
    assert!(matches!(lab.settle(probe, S), Settled::Moved(_)), "a quarter of an hour is no reason");
}

#[test]
fn a_lease_that_lapsed_still_counts_until_its_slot_is_reissued() {
    let (mut lab, probe) = half_open(10);
    lab.pass(30);
    assert!(matches!(lab.settle(probe, S), Settled::Moved(_)));

    let (mut lab, probe) = half_open(10);
    lab.pass(30);
    assert!(lab.renew(&probe), "nobody has it yet");
    lab.pass(10);
    let second = lab.admit();
    assert!(!lab.renew(&probe), "the attempt must end");
    assert_eq!(lab.settle(probe, F), Settled::Stale);
    assert_eq!(lab.view().probes_in_flight(), 1, "the slot is the second one's");
    assert!(matches!(lab.settle(second, S), Settled::Moved(_)));
}

#[test]
fn free_slots_go_before_lapsed_ones() {
    let mut lab = Lab::new(Rules { threshold: 1, probes: 3, lease: 10, ..Rules::default() }).open();
    lab.pass(60);
    let (first, second) = (lab.admit(), lab.admit());
    lab.pass(10);
    let _third = lab.admit();
    assert!(lab.renew(&second), "the third one was free");
    let _fourth = lab.admit();
    assert!(!lab.renew(&first), "then the one that lapsed");
    assert_eq!(lab.refused().0, Why::Probing);
    // Of two that lapsed, the first.
    let mut lab = Lab::new(Rules { threshold: 1, probes: 2, lease: 10, ..Rules::default() }).open();
    lab.pass(60);
    let first = lab.admit();
    let second = lab.pass(1).admit();
    lab.renew(&first);
    lab.pass(1);
    lab.renew(&first);
    let _third = lab.pass(20).admit();
    assert!(lab.renew(&first));
    assert!(!lab.renew(&second));
}

#[test]
fn a_dead_holders_slot_is_free_at_once() {
    let (mut lab, probe) = half_open(10);
    let token = probe.token().unwrap();
    assert_eq!(lab.machine.leases().collect::<Vec<_>>(), [token]);
    assert!(lab.machine.renew_token(&lab.policy, token, lab.now));
    assert!(lab.machine.forfeit(token));
    assert!(!lab.machine.forfeit(token), "once");
    let second = lab.admit();
    assert!(!lab.machine.forfeit(token), "not somebody else's");
    assert_eq!(lab.settle(probe, S), Settled::Stale);
    assert!(matches!(lab.settle(second, S), Settled::Moved(_)));
}
