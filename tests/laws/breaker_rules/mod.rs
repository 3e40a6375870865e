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

mod by_hand;
mod half_open;
mod health;
mod open_time;
mod opener;
mod opening;
mod records;
mod words;

use vps_breaker::{
    Hold, Machine, OutageId, Policy, Rejected, Rule, Settled, State, Tick, Ticket, Verdict, View, Why,
};

use crate::breaker_model::{Rules, duration};

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

fn half_open(lease: u64) -> (Lab, Ticket) {
    let mut lab = Lab::new(Rules { threshold: 1, lease, ..Rules::default() }).open();
    let probe = lab.pass(60).admit();
    (lab, probe)
}
