//! The breaker's rules, one test for each that the laws do not name by themselves.
//!
//! | rule | test |
//! |---|---|
//! | a result of an earlier generation changes nothing, but frees its slot | `a_late_result_changes_nothing_but_frees_its_slot`, `breaker_search` |
//! | every transition is a new generation with counters of its own; the open time's end is fixed | `each_half_open_time_counts_anew`, `the_end_of_the_open_time_is_fixed`, `breaker_laws` |
//! | half-open: at most N probes, M of them close it, decided as soon as settled; slow is failed | `m_of_n_probes_decide_as_soon_as_they_can`, `a_slow_probe_is_a_failure` |
//! | a lease is lost at its end, counts until reissued, says when it ends, free slots first | `a_lease_*`, `free_slots_go_before_lapsed_ones` |
//! | a drop is neutral, while unwinding a failure, at `abandoned_after` a failure | `a_drop_says_nothing_unless_the_call_was_given_up`, `breaker_shared`, `breaker_laws` |
//! | the clock is read only where it matters | `breaker_shared::the_clock_is_read_only_where_it_matters` |
//! | a rejection says when to come back, and costs no allocation | `breaker_laws` (never zero); the benches |
//! | consecutive, rate, slow rate, each at `>=`; only a failure or a slow success opens | `each_rule_opens_at_its_limit`, `a_success_never_opens` |
//! | a slow failure counts as slow and as failed | `a_slow_failure_counts_as_both`, `breaker_laws` |
//! | overlapping failures are one piece of evidence | `overlapping_failures_count_once` |
//! | a run is forgotten when its last failure is old | `an_old_run_is_forgotten` |
//! | what makes no sense is refused by name | `nonsense_is_refused_by_name` |
//! | reset, forced open and closed, disabled | `what_a_hand_can_do`, `a_hand_that_opens_it_keeps_the_back_off`, `a_policy_that_is_off_*`, `breaker_laws` |
//! | who opened it goes on while it is open; the success counts, nothing else does | `whoever_opened_it_goes_on`, `a_holders_success_counts_as_a_probes`, `a_slow_or_failed_holder_changes_nothing`, `breaker_search`, `breaker_laws` |
//! | elsewhere a holder asks as anybody | `where_it_is_not_open_a_holder_asks_as_anybody` |
//! | a pass is of one outage, in other processes too; a failed due probe's caller holds it too | `a_pass_is_of_one_outage`, `each_failed_probe_makes_a_holder`, `a_pass_survives_a_record` |
//! | closed by a health probe: the first call decides; lost twice, such probes close nothing | `the_first_call_decides_after_a_health_probe`, `after_two_probations_lost_health_probes_close_nothing`, `breaker_search`, `breaker_laws` |
//! | a health probe says nothing to a closed circuit, and nothing by its speed | `a_health_probe_costs_no_call` |
//! | one real success among those that close it, and there is no probation | `one_real_success_is_proof_enough` |
//! | a record of an older layout is read | `a_record_of_before_passes_is_read`, `breaker_laws` |
//! | open for exactly `timeout` unless jitter is asked for | `the_open_time_is_spread_upwards` |
//! | jitter of a tenth, from seed and generation; back-off, capped | `the_open_time_is_spread_upwards`, `the_open_time_grows_while_probes_fail` |
//! | no timers: due shows as half-open | `it_shows_as_due_without_a_call` |
//! | the registry is bounded | `breaker_registry` |
//! | a snapshot holds what is left; no wait gets longer | `breaker_laws`, `a_snapshot_grows_older_elsewhere` |
//! | processes agree: the newer generation wins, nobody's evidence is lost | `what_another_process_did_is_taken_over` |
//! | every decision explains itself | `every_decision_explains_itself` |
//! | liveness | `breaker_search`, `breaker_laws` |

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use vps_breaker::{
    Hold, Machine, OpenBackoff, OutageId, Policy, Rate, Rejected, Rule, Settled, SlowCalls, Snapshot, State,
    Tick, Ticket, Verdict, View, Why,
};

use crate::breaker_model::{Over, Rules, duration};

/// A machine and its clock, in seconds.
struct Lab {
    policy: Policy,
    machine: Machine,
    now: Tick,
}

impl Lab {
    fn new(rules: Rules) -> Self {
        Self::over(rules.policy())
    }

    fn over(policy: Policy) -> Self {
        Self { policy, machine: Machine::new(), now: Tick::from_millis(1_000_000) }
    }

    fn pass(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.after(duration(seconds));
        self
    }

    fn admit(&mut self) -> Ticket {
        self.machine.admit(&self.policy, self.now).unwrap()
    }

    fn refused(&mut self) -> (Why, u64) {
        let rejected = self.machine.admit(&self.policy, self.now).unwrap_err();
        (rejected.why(), rejected.retry_after().as_secs())
    }

    fn settle(&mut self, ticket: Ticket, verdict: Verdict) -> Settled {
        self.machine.settle(&self.policy, ticket, verdict, self.now)
    }

    fn call(&mut self, verdict: Verdict) -> Settled {
        let ticket = self.admit();
        self.settle(ticket, verdict)
    }

    fn calls(&mut self, verdicts: &[Verdict]) -> Settled {
        verdicts.iter().map(|verdict| self.call(*verdict)).last().unwrap()
    }

    fn renew(&mut self, ticket: &Ticket) -> bool {
        self.machine.renew(&self.policy, ticket, self.now)
    }

    fn view(&self) -> View {
        self.machine.peek(&self.policy, self.now)
    }

    fn state(&self) -> State {
        self.view().state()
    }

    /// Opens it, which gives the pass.
    fn opened(&mut self) -> OutageId {
        loop {
            if let Settled::Moved(moved) = self.call(F) {
                return moved.outage.unwrap();
            }
        }
    }

    fn enter(&mut self, pass: OutageId) -> Result<Ticket, Rejected> {
        self.machine.admit_opener(&self.policy, pass, self.now)
    }

    /// One call with the pass.
    fn goes_on(&mut self, pass: OutageId, verdict: Verdict) -> Settled {
        let ticket = self.enter(pass).unwrap();
        assert!(ticket.is_opener());
        self.settle(ticket, verdict)
    }

    fn health(&mut self, verdict: Verdict) -> Settled {
        let ticket = self.admit();
        self.machine.settle_health(&self.policy, ticket, verdict, self.now)
    }

    fn hold(&mut self, mode: Hold, seconds: u64) {
        self.machine.hold(&self.policy, mode, Some(duration(seconds)), self.now);
    }

    fn open(mut self) -> Self {
        // More than any threshold here, and not for ever.
        for _ in 0..100 {
            if self.state() != State::Closed {
                return self;
            }
            self.call(Verdict::Failure);
        }
        panic!("it never opens: {}", self.view());
    }
}

const F: Verdict = Verdict::Failure;
const S: Verdict = Verdict::Success;

fn opened_by(settled: Settled) -> Option<Rule> {
    match settled {
        Settled::Moved(moved) if moved.to == State::Open => Some(moved.rule),
        _ => None,
    }
}

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
fn the_end_of_the_open_time_is_fixed() {
    let mut lab = Lab::new(Rules { threshold: 1, ..Rules::default() });
    let late = [lab.admit(), lab.admit()];
    lab.call(F);
    assert_eq!(lab.refused(), (Why::Open, 60));
    lab.pass(59);
    for ticket in late {
        lab.settle(ticket, F);
    }
    assert_eq!(lab.refused(), (Why::Open, 1));
    lab.pass(1);
    assert!(lab.admit().is_probe());
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

fn half_open(lease: u64) -> (Lab, Ticket) {
    let mut lab = Lab::new(Rules { threshold: 1, lease, ..Rules::default() }).open();
    let probe = lab.pass(60).admit();
    (lab, probe)
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

#[test]
fn a_drop_says_nothing_unless_the_call_was_given_up() {
    let nanosecond = Duration::from_nanos(1);
    let limit = duration(30);
    for (abandoned_after, age, unwinding, verdict) in [
        (None, Duration::ZERO, false, Verdict::Neutral),
        (None, Duration::MAX, false, Verdict::Neutral),
        (None, Duration::ZERO, true, F),
        (Some(limit), Duration::ZERO, false, Verdict::Neutral),
        (Some(limit), limit - nanosecond, false, Verdict::Neutral),
        (Some(limit), limit, false, F),
        (Some(limit), limit + nanosecond, false, F),
        (Some(limit), Duration::MAX, false, F),
        (Some(limit), Duration::ZERO, true, F),
        (Some(limit), limit, true, F),
    ] {
        // Nothing else in a policy has a say.
        for policy in
            [Policy::new(), Policy::new().with_enabled(false), Policy::new().with_timeout(nanosecond)]
        {
            let policy = policy.with_abandoned_after(abandoned_after);
            let said = policy.verdict_when_dropped(age, unwinding);
            assert_eq!(said, verdict, "{abandoned_after:?}, {age:?}, unwinding: {unwinding}");
        }
    }
}

#[test]
fn each_rule_opens_at_its_limit() {
    let mut lab = Lab::new(Rules::default());
    assert_eq!(lab.calls(&[F, F, S, F, F]), Settled::Counted);
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Consecutive));

    let window = |failed, slow| Some((Over::Count(10), 4, failed, slow));
    let rules = Rules { threshold: 99, window: window(Some(500), None), ..Rules::default() };
    let mut lab = Lab::new(rules);
    assert_eq!(lab.calls(&[F, F, F]), Settled::Counted, "no rate over three of four calls");
    assert_eq!(lab.calls(&[S]), Settled::Counted, "a success never opens");
    assert_eq!(opened_by(lab.call(F)), Some(Rule::FailureRate));
    let mut lab = Lab::new(rules);
    assert_eq!(lab.calls(&[S, S, S, F, F]), Settled::Counted, "two of five");
    assert_eq!(opened_by(lab.call(F)), Some(Rule::FailureRate), "three of six are half");

    let mut lab = Lab::new(Rules { window: window(None, Some((3, 500))), ..Rules::default() });
    let slow = |lab: &mut Lab, seconds| {
        let ticket = lab.admit();
        lab.pass(seconds);
        lab.settle(ticket, S)
    };
    for seconds in [3, 0, 2] {
        assert_eq!(slow(&mut lab, seconds), Settled::Counted);
    }
    assert_eq!(opened_by(slow(&mut lab, 3)), Some(Rule::SlowRate), "two of four took three seconds");
}

#[test]
fn a_success_never_opens() {
    let window = Some((Over::Count(4), 4, Some(250), None));
    let mut lab = Lab::new(Rules { threshold: 99, window, ..Rules::default() });
    assert_eq!(lab.calls(&[F, F, F, S, S, S, S, S]), Settled::Counted);
    assert_eq!(opened_by(lab.call(F)), Some(Rule::FailureRate));
}

#[test]
fn overlapping_failures_count_once() {
    let rules = Rules { once: true, forget: Some(60), ..Rules::default() };
    let mut lab = Lab::new(rules);
    let blip = |lab: &mut Lab| {
        let cut: Vec<_> = (0..4).map(|_| lab.admit()).collect();
        for ticket in cut {
            lab.settle(ticket, F);
        }
        lab.view().failure_count()
    };
    assert_eq!([blip(&mut lab), blip(&mut lab)], [1, 2]);
    assert_eq!(lab.state(), State::Closed);
    blip(&mut lab);
    assert_eq!(lab.state(), State::Open, "three blips are three");

    // One that began before them all ends last: no evidence is lost.
    let mut lab = Lab::new(rules);
    let first = lab.admit();
    lab.calls(&[F, F]);
    lab.settle(first, F);
    assert_eq!(lab.view().failure_count(), 2);

    // Admitted in a run that ended since: it is the first of the new one.
    let mut lab = Lab::new(rules);
    lab.calls(&[F, F]);
    let late = lab.admit();
    lab.call(S);
    lab.settle(late, F);
    assert_eq!(lab.view().failure_count(), 1);
    // Or whose run was forgotten.
    let mut lab = Lab::new(rules);
    lab.calls(&[F, F]);
    let late = lab.admit();
    lab.pass(60);
    lab.settle(late, F);
    assert_eq!(lab.view().failure_count(), 1);
    // Each counts where it is so set.
    let mut lab = Lab::new(Rules::default());
    blip(&mut lab);
    assert_eq!(lab.state(), State::Open);
}

#[test]
fn an_old_run_is_forgotten() {
    for (seconds, failures) in [(599, 3), (600, 1)] {
        let rules = Rules { threshold: 5, forget: Some(600), ..Rules::default() };
        let mut lab = Lab::new(rules);
        lab.call(F);
        lab.pass(500);
        lab.call(F);
        lab.pass(seconds);
        lab.call(F);
        assert_eq!(lab.view().failure_count(), failures, "after {seconds} s");
    }
    let mut lab = Lab::new(Rules::default());
    for _ in 0..3 {
        lab.pass(300_000_000);
        lab.call(F);
    }
    assert_eq!(lab.state(), State::Open, "by default never");
}

#[test]
fn what_a_hand_can_do() {
    // Forced open, then due for a probe.
    let mut lab = Lab::new(Rules::default());
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(10)), lab.now);
    assert_eq!(lab.refused(), (Why::Held, 10));
    assert!(lab.view().is_held());
    lab.pass(10);
    assert_eq!((lab.state(), lab.view().is_held()), (State::HalfOpen, false));
    assert!(lab.admit().is_probe());
    // Without an end it says when to look again, and only a reset ends it.
    let mut lab = Lab::new(Rules::default());
    lab.machine.hold(&lab.policy, Hold::Open, None, lab.now);
    lab.pass(1_000_000);
    assert_eq!(lab.refused(), (Why::Held, 60));
    assert!(lab.machine.reset(&lab.policy, lab.now).is_some());
    lab.call(S);
    assert_eq!(lab.state(), State::Closed);
    // Forced closed and disabled count and never refuse; then it is clean.
    for mode in [Hold::Closed, Hold::Disabled] {
        let mut lab = Lab::new(Rules::default()).open();
        lab.machine.hold(&lab.policy, mode, Some(duration(10)), lab.now);
        lab.calls(&[F, F, F, F, F]);
        assert_eq!((lab.state(), lab.view().failure_count()), (State::Closed, 5));
        lab.pass(10);
        assert_eq!(lab.view().failure_count(), 0);
        assert_eq!(lab.calls(&[F, F]), Settled::Counted);
        assert!(opened_by(lab.call(F)).is_some());
    }
    // A policy that is off counts and never refuses.
    let mut lab = Lab::new(Rules { enabled: false, ..Rules::default() });
    lab.calls(&[F, F, F, F, F]);
    assert_eq!((lab.state(), lab.view().failure_count()), (State::Closed, 5));
}

#[test]
fn a_reset_clears_everything_and_there_may_be_nothing() {
    let rules = Rules { threshold: 2, backoff: Some((2, 600)), ..Rules::default() };
    let mut lab = Lab::new(rules);
    assert_eq!(lab.machine.reset(&lab.policy, lab.now), None);
    lab.call(F);
    assert!(lab.machine.reset(&lab.policy, lab.now).is_some());
    assert_eq!(lab.call(F), Settled::Counted, "the first failure is forgotten");
    // The back-off too.
    let mut lab = Lab::new(rules).open();
    lab.pass(60).call(F);
    assert_eq!(lab.refused(), (Why::Open, 120));
    lab.machine.reset(&lab.policy, lab.now);
    lab.calls(&[F, F]);
    assert_eq!(lab.refused(), (Why::Open, 60));
}

#[test]
fn a_hand_that_opens_it_keeps_the_back_off() {
    let rules = Rules { threshold: 1, backoff: Some((2, 600)), ..Rules::default() };
    let mut lab = Lab::new(rules).open();
    lab.pass(60).call(F);
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(10)), lab.now);
    lab.pass(10).call(F);
    assert_eq!(lab.refused(), (Why::Open, 240), "the second probe that failed since it was closed");
}

/// Probing as one process left it, to another whose policy is switched off.
#[test]
fn a_policy_that_is_off_lets_calls_through_that_decide_nothing() {
    let (mut lab, _probe) = half_open(10);
    lab.policy = lab.policy.with_enabled(false);
    for verdict in [S, F, Verdict::Neutral] {
        let ticket = lab.admit();
        assert!(!ticket.is_probe());
        assert_eq!(lab.settle(ticket, verdict), Settled::Counted);
    }
    lab.policy = lab.policy.with_enabled(true);
    assert_eq!((lab.state(), lab.view().success_count()), (State::HalfOpen, 0));
    assert_eq!(lab.refused(), (Why::Probing, 10));
}

#[test]
fn the_open_time_is_spread_upwards() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let policy = Policy::new().with_failure_threshold(NonZeroU32::MIN).with_jitter_seed(seed);
        assert_eq!(Lab::over(policy).open().view().retry_after(), Some(duration(60)), "not unless asked");
        let policy = policy.with_jitter(true);
        assert_eq!(policy.longest_open(), duration(66));
        let wait = |policy: Policy| Lab::over(policy).open().view().retry_after().unwrap();
        assert!(wait(policy) >= duration(60) && wait(policy) <= duration(66));
        assert_eq!(wait(policy), wait(policy), "a function of seed and generation");
        seen.insert(wait(policy).as_millis() / 100);
        // The next generation draws another.
        let mut lab = Lab::over(policy).open();
        let first = lab.view().retry_after();
        lab.machine.reset(&lab.policy, lab.now);
        assert_ne!(lab.open().view().retry_after(), first);
    }
    assert!(seen.len() > 50, "{} tenths of a second of 60", seen.len());
    let (low, high) = (seen.first().unwrap(), seen.last().unwrap());
    assert!(*low <= 602 && *high >= 657, "{low} to {high}: the whole tenth is used");
}

#[test]
fn the_open_time_grows_while_probes_fail() {
    let rules = Rules { threshold: 1, timeout: 10, backoff: Some((3, 200)), ..Rules::default() };
    let mut lab = Lab::new(rules).open();
    for seconds in [10, 30, 90, 200, 200] {
        assert_eq!(lab.refused(), (Why::Open, seconds));
        lab.pass(seconds).call(F);
    }
    lab.pass(200).call(S);
    assert_eq!(lab.open().refused(), (Why::Open, 10), "a success ends it");
    // A base and a number of failures that no number holds.
    let policy = Policy::new().with_failure_threshold(NonZeroU32::MIN).with_open_backoff(Some(OpenBackoff {
        base: NonZeroU32::MAX,
        cap: Duration::from_secs(365 * 24 * 3600),
    }));
    let mut lab = Lab::over(policy).open();
    for _ in 0..300 {
        lab.pass(policy.longest_open().as_secs() + 1).call(F);
    }
    assert!(lab.view().retry_after().unwrap() <= policy.longest_open());
}

#[test]
fn it_shows_as_due_without_a_call() {
    let mut lab = Lab::new(Rules::default()).open();
    assert_eq!((lab.state(), lab.view().opened_for()), (State::Open, Some(Duration::ZERO)));
    lab.pass(59);
    assert_eq!(lab.state(), State::Open);
    let before = lab.machine.clone();
    lab.pass(1);
    assert_eq!((lab.state(), lab.view().rejection()), (State::HalfOpen, None));
    assert_eq!(lab.view().opened_for(), Some(duration(60)));
    assert_eq!(lab.machine, before, "looking changes nothing");
}

#[test]
fn a_snapshot_grows_older_elsewhere() {
    let mut lab = Lab::new(Rules { lease: 30, forget: Some(600), ..Rules::default() }).open();
    let snapshot = lab.machine.snapshot(lab.now);
    assert!(!snapshot.is_closed());
    assert_eq!(snapshot.generation(), 1);
    let policy = lab.policy;
    let read = |snapshot: Snapshot, seconds, now| {
        let machine = Machine::restore(&policy, &snapshot.aged(duration(seconds)), now);
        machine.peek(&policy, now)
    };
    let young = Tick::from_millis(5);
    assert_eq!(read(snapshot.clone(), 0, young).retry_after(), Some(duration(60)));
    assert_eq!(read(snapshot.clone(), 20, young).retry_after(), Some(duration(40)));
    assert_eq!(read(snapshot.clone(), 60, young).state(), State::HalfOpen);
    assert_eq!(read(snapshot, 20, lab.now).opened_for(), Some(duration(20)));
    // Leases, holds and runs too.
    lab.pass(60);
    let _probe = lab.admit();
    let snapshot = lab.machine.snapshot(lab.now);
    assert_eq!(read(snapshot.clone(), 10, young).retry_after(), Some(duration(20)));
    assert_eq!(read(snapshot, 30, young).retry_after(), None);
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(100)), lab.now);
    let snapshot = lab.machine.snapshot(lab.now);
    assert_eq!(read(snapshot.clone(), 70, young).held_for(), Some(duration(30)));
    assert_eq!(read(snapshot, 100, young).hold(), None);
    let mut lab = Lab::new(Rules { forget: Some(600), ..Rules::default() });
    lab.calls(&[F, F]);
    let snapshot = lab.machine.snapshot(lab.now);
    assert!(snapshot.is_closed());
    let failures = |seconds| {
        let snapshot = snapshot.clone().aged(duration(seconds));
        Machine::restore(&lab.policy, &snapshot, young).peek(&lab.policy, young).failure_count()
    };
    assert_eq!([failures(599), failures(600)], [2, 0]);
}

#[test]
fn no_record_makes_anybody_wait_longer_than_the_policy_allows() {
    // Written under a policy of an hour, read under one of a minute.
    let long = Rules { timeout: 3_600, lease: 3_600, ..Rules::default() };
    let mut lab = Lab::new(long).open();
    let open = lab.machine.snapshot(lab.now);
    lab.pass(3_600);
    let _probe = lab.admit();
    let probing = lab.machine.snapshot(lab.now);
    let policy = Rules::default().policy();
    for snapshot in [open, probing] {
        let machine = Machine::restore(&policy, &snapshot, lab.now);
        assert_eq!(machine.peek(&policy, lab.now).retry_after(), Some(duration(60)));
    }
}

#[test]
fn what_another_process_did_is_taken_over() {
    let mut mine = Lab::new(Rules::default());
    mine.calls(&[F, F]);
    let theirs = Lab::new(Rules::default()).open();
    let (policy, now) = (mine.policy, mine.now);
    assert!(mine.machine.adopt(&policy, &theirs.machine, now));
    assert_eq!(mine.state(), State::Open);
    // An older generation is refused.
    assert!(!mine.machine.adopt(&policy, &Machine::new(), now));
    assert_eq!(mine.state(), State::Open);
    // Of the same one, the longer run and the own window stay, and no token is given out twice.
    let window = Some((Over::Count(5), 5, Some(1_000), None));
    let rules = Rules { window, threshold: 9, ..Rules::default() };
    let (mut mine, mut other) = (Lab::new(rules), Lab::new(rules));
    mine.calls(&[F, F]);
    other.calls(&[F]);
    let (policy, now) = (mine.policy, mine.now);
    assert!(mine.machine.adopt(&policy, &other.machine, now));
    assert_eq!((mine.view().failure_count(), mine.view().window().calls), (2, 2));
    assert!(other.machine.adopt(&policy, &mine.machine, now));
    assert_eq!((other.view().failure_count(), other.view().window().calls), (2, 1));
    other.call(S);
    assert!(mine.machine.adopt(&policy, &other.machine, now));
    assert_eq!(mine.view().failure_count(), 0, "a newer run, though shorter");

    let (mut mine, first) = half_open(10);
    let other = mine.machine.clone();
    mine.settle(first, Verdict::Neutral);
    let second = mine.admit();
    assert!(mine.machine.adopt(&mine.policy, &other, mine.now));
    mine.machine.leases().for_each(|token| assert_ne!(Some(token), second.token()));
    mine.pass(10);
    assert!(mine.admit().token() > second.token());
}

#[test]
fn nonsense_is_refused_by_name() {
    let year = Duration::from_secs(365 * 24 * 3600);
    let beyond = year + Duration::from_nanos(1);
    let policy = Policy::new;
    let window = |over, least, failed, slow| {
        let rules = Rules { window: Some((over, least, failed, slow)), ..Rules::default() };
        std::panic::catch_unwind(|| rules.policy()).is_ok()
    };
    for (policy, key) in [
        (policy().with_timeout(Duration::ZERO), "timeout"),
        (policy().with_timeout(beyond), "timeout"),
        (policy().with_probe_lease(Duration::ZERO), "probe_lease"),
        (policy().with_probe_lease(beyond), "probe_lease"),
        (policy().with_forget_after(Some(Duration::ZERO)), "forget_after"),
        (policy().with_forget_after(Some(beyond)), "forget_after"),
        (policy().with_abandoned_after(Some(Duration::ZERO)), "abandoned_after"),
        (policy().with_failure_rate(Some(Rate::percent(50))), "failure_rate"),
        (policy().with_slow_calls(Some(SlowCalls { after: year, rate: Rate::percent(50) })), "slow_calls"),
        (
            policy().with_open_backoff(Some(OpenBackoff { base: NonZeroU32::MIN, cap: duration(59) })),
            "open_backoff",
        ),
    ] {
        let error = policy.check().unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.to_string().starts_with(key), "{error}");
        assert!(!error.reason.is_empty());
    }
    assert!(policy().with_timeout(year).with_probe_lease(year).check().is_ok());
    let cap = OpenBackoff { base: NonZeroU32::MIN, cap: duration(60) };
    assert!(policy().with_open_backoff(Some(cap)).check().is_ok());
    for (expected, over, least, failed, slow) in [
        (true, Over::Count(1_024), 1_024, Some(1), None),
        (false, Over::Count(1_025), 1, Some(1), None),
        (false, Over::Count(9), 10, Some(1), None),
        (true, Over::Time(1), 10, None, Some((1, 1))),
        (false, Over::Time(0), 10, Some(1), None),
        (false, Over::Time(365 * 24 * 3600 + 1), 10, Some(1), None),
        (false, Over::Count(9), 9, None, None),
        (false, Over::Count(9), 9, Some(0), None),
        (false, Over::Count(9), 9, None, Some((1, 0))),
        (false, Over::Count(9), 9, None, Some((0, 1))),
    ] {
        assert_eq!(window(over, least, failed, slow), expected, "{over:?} {least} {failed:?} {slow:?}");
    }
    for (buckets, expected) in [(9, false), (10, true), (60, true), (61, false)] {
        let window = vps_breaker::Window::Time {
            length: duration(60),
            buckets: NonZeroU8::new(buckets).unwrap(),
            min_calls: NonZeroU32::MIN,
        };
        let policy = policy().with_window(Some(window)).with_failure_rate(Some(Rate::percent(1)));
        assert_eq!(policy.check().is_ok(), expected, "{buckets} buckets");
    }
}

#[test]
fn every_decision_explains_itself() {
    let mut lab = Lab::new(Rules::default());
    lab.call(F);
    assert_eq!(lab.view().to_string(), "1 of 3 failures in a row that would open it");
    let mut lab = lab.open();
    assert_eq!(lab.view().to_string(), "opened by 3 failures in a row; a probe is let through in 60.0s");
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert_eq!(rejected.to_string(), "the circuit is open for another 60.0s");
    lab.pass(60);
    let probe = lab.admit();
    assert_eq!(probe.transition().unwrap().to_string(), "open -> half_open (open time over)");
    assert_eq!(
        lab.view().to_string(),
        "the next calls are probes: 0 of 1 successes that close it, 1 in flight; the first lease ends in 60.0s"
    );
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert_eq!(rejected.to_string(), "a probe is under way; its slot is free in 60.0s at the latest");
    lab.settle(probe, F);
    assert!(lab.view().to_string().starts_with("opened again because a probe failed, 1 in a row; "));
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(5)), lab.now);
    assert_eq!(lab.view().to_string(), "held open by hand, for another 5.0s");
    let rejected = lab.machine.admit(&lab.policy, lab.now).unwrap_err();
    assert!(rejected.to_string().starts_with("the circuit was opened by hand; look again in 5.0s"));
    lab.machine.hold(&lab.policy, Hold::Closed, None, lab.now);
    assert_eq!(lab.view().to_string(), "held closed by hand, until it is reset");

    let window = Some((Over::Count(4), 2, Some(500), None));
    let mut lab = Lab::new(Rules { threshold: 9, window, ..Rules::default() });
    lab.call(F);
    assert_eq!(
        lab.view().to_string(),
        "1 of 9 failures in a row that would open it; 1 failed and 0 slow of 1 calls seen"
    );
    lab.call(F);
    assert!(lab.view().to_string().starts_with("opened because 50 % or more of the last 4 calls failed; "));
    let window = Some((Over::Time(20), 1, None, Some((3, 125))));
    let mut lab = Lab::new(Rules { window, ..Rules::default() });
    let slow = lab.admit();
    lab.pass(3);
    lab.settle(slow, S);
    assert!(
        lab.view().to_string().starts_with(
            "opened because 12.5 % or more of the calls of the last 20.0s took 3.0s or longer; "
        )
    );
    let off = Lab::new(Rules { enabled: false, ..Rules::default() });
    assert!(off.view().to_string().starts_with("disabled by its policy: counts, never refuses; "));
}

#[test]
fn whoever_opened_it_goes_on() {
    let mut lab = Lab::new(Rules { backoff: Some((2, 600)), ..Rules::default() });
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
    assert_eq!(lab.enter(pass).unwrap_err().why(), Why::Held);
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

#[test]
fn a_pass_survives_a_record() {
    let mut lab = Lab::new(Rules { successes: 2, ..Rules::default() });
    let pass = lab.opened();
    // Its name is not that of the state that is written.
    lab.pass(60).call(F);
    lab.goes_on(pass, S);
    let late = lab.enter(pass).unwrap();
    let mut other = Lab::new(Rules { successes: 2, ..Rules::default() });
    let snapshot = lab.machine.snapshot(lab.now);
    other.now = Tick::from_millis(7);
    other.machine = Machine::restore(&other.policy, &snapshot, other.now);
    assert_eq!((other.view().outage(), other.view().success_count()), (Some(pass), 1));
    assert!(other.enter(pass).unwrap().is_opener());
    // The other process's probe fails; then a result of here still counts there.
    other.pass(60).call(F);
    assert!(lab.machine.adopt(&lab.policy, &other.machine, lab.now));
    lab.now = other.now;
    assert_eq!(lab.settle(late, S), Settled::Counted);
    assert!(matches!(lab.goes_on(pass, S), Settled::Moved(_)));
}

#[test]
fn a_slow_failure_counts_as_both() {
    let window = |slow| Some((Over::Count(10), 4, Some(900), Some((3, slow))));
    let call = |lab: &mut Lab, seconds, verdict| {
        let ticket = lab.admit();
        lab.pass(seconds);
        lab.settle(ticket, verdict)
    };
    for over in [Over::Count(10), Over::Time(100)] {
        let window = Some((over, 4, Some(900), Some((3, 500))));
        let mut lab = Lab::new(Rules { threshold: 99, window, ..Rules::default() });
        call(&mut lab, 3, F);
        let counts = lab.view().window();
        assert_eq!((counts.calls, counts.failures, counts.slow), (1, 1, 1));
        call(&mut lab, 2, F);
        call(&mut lab, 0, S);
        let counts = lab.view().window();
        assert_eq!((counts.calls, counts.failures, counts.slow), (3, 2, 1));
        assert_eq!(opened_by(call(&mut lab, 3, F)), Some(Rule::SlowRate), "two of four were slow");
    }
    // It is a failure to the other rules.
    let mut lab = Lab::new(Rules { window: window(1_000), ..Rules::default() });
    call(&mut lab, 3, F);
    call(&mut lab, 3, F);
    assert_eq!(opened_by(call(&mut lab, 3, F)), Some(Rule::Consecutive));
}

#[test]
fn the_first_call_decides_after_a_health_probe() {
    let rules = Rules { threshold: 5, timeout: 10, backoff: Some((2, 600)), ..Rules::default() };
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
fn a_record_of_before_passes_is_read() {
    let read = |state: &str, failures: u32, left: u64, successes: u32, slots: &str| {
        let text = format!(
            r#"{{"generation":7,"state":"{state}","rule":"consecutive","failures":{failures},"run":2,"level":1,
            "since":5000000000,"left":{left},"last_token":4,"successes":{successes},"probe_failures":0,
            "slots":{slots},"held":null}}"#
        );
        let mut lab = Lab::new(Rules { successes: 2, backoff: Some((2, 600)), ..Rules::default() });
        let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
        lab.machine = Machine::restore(&lab.policy, &snapshot, lab.now);
        assert!(!lab.view().is_on_probation() && lab.view().trusts_health_probes());
        lab
    };
    let mut lab = read("closed", 2, 0, 0, "[]");
    assert_eq!((lab.state(), lab.view().failure_count(), lab.view().outage()), (State::Closed, 2, None));
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Consecutive));
    assert_eq!(lab.refused(), (Why::Open, 60));
    let mut lab = read("open", 3, 40_000_000_000, 0, "[]");
    assert_eq!(lab.refused(), (Why::Open, 40));
    let outage = lab.view().outage().unwrap();
    lab.pass(40);
    assert!(matches!(lab.call(F), Settled::Moved(moved) if moved.outage == Some(outage)));
    assert_eq!(lab.refused(), (Why::Open, 240), "twice longer already");
    let mut lab = read("half_open", 3, 0, 1, "[[4,30000000000]]");
    assert_eq!(lab.refused(), (Why::Probing, 30));
    lab.pass(30);
    assert!(matches!(lab.health(S), Settled::Moved(_)));
    assert!(!lab.view().is_on_probation(), "the first success was a call's");
}

#[test]
fn a_damaged_record_puts_nothing_where_it_cannot_be() {
    for state in ["closed", "open", "half_open"] {
        let mut written =
            serde_json::to_value(Lab::new(Rules::default()).machine.snapshot(Tick::ZERO)).unwrap();
        written["state"] = state.into();
        written["level"] = 9.into();
        written["trust"] = serde_json::json!({"on_probation": state != "closed", "lost": 200});
        let snapshot: Snapshot = serde_json::from_value(written).unwrap();
        let mut lab = Lab::new(Rules::default());
        lab.machine = Machine::restore(&lab.policy, &snapshot, lab.now);
        assert!(!lab.view().is_on_probation(), "{state}");
        assert_eq!(lab.machine.is_clean(&lab.policy), state == "closed");
        lab.pass(60).call(S);
        assert!(lab.machine.is_clean(&lab.policy) && lab.view().trusts_health_probes());
    }
}
