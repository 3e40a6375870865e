//! Random sequences of what callers, operators, clocks and restarts do: the pure `Machine`, the shared
//! `CircuitBreaker` and the naive model agree on every answer.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use vps_breaker::{
    CircuitBreaker, Hold, Machine, ManualClock, OutageId, Permit, Policy, Rejected, Settled, State, Tick,
    Ticket, Transition, Verdict, View, Why,
};

use crate::breaker_model::{Admitted, Did, Model, Over, Rules, SECOND, Shown, rules};
use crate::runner;

/// One thing that happens; the number says to which caller, times are seconds.
#[derive(Clone, Copy, Debug)]
enum Step {
    Admit(usize),
    /// With the pass of whoever opened it, so many openings ago.
    Opener(usize, usize),
    Settle(usize, Verdict),
    /// What a health probe found.
    Health(usize, Verdict),
    Drop(usize),
    Unwind(usize),
    Leak(usize),
    Renew(usize),
    Pass(u64),
    Back(u64),
    Reset,
    Hold(Hold, Option<u64>),
    /// Written down and read back by the same process.
    Restore,
    /// By another process, whose clock shows this.
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let caller = || 0_usize..4;
    let verdicts = prop::sample::select(vec![
        Verdict::Success,
        Verdict::Success,
        Verdict::Success,
        Verdict::Failure,
        Verdict::Neutral,
    ]);
    let holds = prop::sample::select(vec![Hold::Open, Hold::Closed, Hold::Disabled]);
    prop_oneof![
        30 => caller().prop_map(Step::Admit),
        8 => (caller(), prop::sample::select(vec![0, 0, 0, 1, 2])).prop_map(|(caller, ago)| Step::Opener(caller, ago)),
        5 => (caller(), verdicts).prop_map(|(caller, verdict)| Step::Health(caller, verdict)),
        14 => caller().prop_map(|caller| Step::Settle(caller, Verdict::Failure)),
        9 => caller().prop_map(|caller| Step::Settle(caller, Verdict::Success)),
        3 => caller().prop_map(|caller| Step::Settle(caller, Verdict::Neutral)),
        3 => caller().prop_map(Step::Drop),
        2 => caller().prop_map(Step::Unwind),
        2 => caller().prop_map(Step::Leak),
        4 => caller().prop_map(Step::Renew),
        12 => (1_u64..4).prop_map(Step::Pass),
        9 => (4_u64..12).prop_map(Step::Pass),
        2 => (1_u64..40).prop_map(Step::Back),
        1 => Just(Step::Reset),
        2 => (holds, prop::option::of(0_u64..15)).prop_map(|(mode, length)| Step::Hold(mode, length)),
        2 => Just(Step::Restore),
        1 => (0_u64..200).prop_map(Step::Restart),
    ]
}

type Shared = CircuitBreaker<Arc<ManualClock>, Policy>;

/// One caller's right to a call, three times.
struct Held {
    admitted: Admitted,
    ticket: Ticket,
    permit: Option<Permit<Arc<Shared>, Arc<ManualClock>>>,
}

struct World {
    policy: Policy,
    model: Model,
    machine: Machine,
    shared: Option<Arc<Shared>>,
    clock: Arc<ManualClock>,
    now: u64,
    callers: Vec<Option<Held>>,
    /// Of every opening.
    passes: Vec<OutageId>,
    probes: usize,
    generation: u64,
}

fn moved(transition: Transition) -> Did {
    Did::Moved(transition.from, transition.to, transition.rule)
}

fn did(settled: Settled) -> Did {
    match settled {
        Settled::Counted => Did::Counted,
        Settled::Moved(transition) => moved(transition),
        _ => Did::Stale,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

fn refused(rejected: Rejected) -> (Why, u64) {
    assert!(!rejected.retry_after().is_zero(), "come back at once, and be refused again");
    (rejected.why(), nanos(rejected.retry_after()))
}

fn shown(view: &View) -> Shown {
    let window = view.window();
    Shown {
        state: view.state(),
        failures: view.failure_count(),
        successes: view.success_count(),
        probes: view.probes_in_flight(),
        generation: view.generation(),
        hold: view.hold(),
        held_for: view.held_for().map(nanos),
        window: (window.calls, window.failures, window.slow),
        opened_for: view.opened_for().map(nanos),
        outage: view.outage().map(OutageId::as_u64),
        on_probation: view.is_on_probation(),
        trusts_health: view.trusts_health_probes(),
        rejection: view.rejection().map(refused),
    }
}

impl World {
    fn new(rules: &Rules, callers: usize, with_shared: bool) -> Self {
        let clock = Arc::new(ManualClock::new());
        let policy = rules.policy();
        let mut world = Self {
            policy,
            model: Model::new(*rules),
            machine: Machine::new(),
            shared: with_shared.then(|| Arc::new(Shared::with_shared(policy, Arc::clone(&clock)))),
            clock,
            now: 0,
            callers: (0..callers).map(|_| None).collect(),
            passes: Vec::new(),
            probes: usize::from(rules.probes),
            generation: 0,
        };
        world.set(1_000 * SECOND);
        world
    }

    fn tick(&self) -> Tick {
        Tick::from_nanos(self.now)
    }

    fn set(&mut self, now: u64) {
        self.now = now;
        self.clock.set(self.tick());
    }

    fn play(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Admit(caller) => self.admit(caller, None)?,
            Step::Opener(caller, ago) => {
                let at = self.passes.len().checked_sub(ago + 1);
                if let Some(pass) = at.map(|at| self.passes[at]) {
                    self.admit(caller, Some(pass))?;
                }
            }
            Step::Health(caller, verdict) => {
                self.settle(caller, verdict, true, |permit| Some(permit.health(verdict)))?;
            }
            Step::Settle(caller, verdict) => self.settle(caller, verdict, false, |permit| match verdict {
                Verdict::Success => Some(permit.success()),
                Verdict::Failure => Some(permit.failure()),
                Verdict::Neutral => Some(permit.neutral()),
            })?,
            Step::Drop(caller) => {
                let Some(Some(held)) = self.callers.get(caller) else { return Ok(()) };
                let verdict = self.model.dropped(&held.admitted, self.now);
                self.settle(caller, verdict, false, |permit| {
                    drop(permit);
                    None
                })?;
            }
            Step::Unwind(caller) => self.settle(caller, Verdict::Failure, false, |permit| {
                let unwound = catch_unwind(AssertUnwindSafe(|| {
                    let _permit = permit;
                    resume_unwind(Box::new("the operation panicked"));
                }));
                assert!(unwound.is_err());
                None
            })?,
            Step::Leak(caller) => {
                if let Some(caller) = self.callers.get_mut(caller) {
                    mem::forget(caller.take());
                }
            }
            Step::Renew(caller) => {
                if let Some(Some(held)) = self.callers.get(caller) {
                    let expected = self.model.renew(&held.admitted, self.now);
                    prop_assert_eq!(self.machine.renew(&self.policy, &held.ticket, self.tick()), expected);
                    if let Some(permit) = &held.permit {
                        prop_assert_eq!(permit.renew(), expected);
                    }
                }
            }
            Step::Pass(seconds) => self.set(self.now + seconds * SECOND),
            Step::Back(seconds) => self.set(self.now.saturating_sub(seconds * SECOND)),
            Step::Reset => {
                let expected = self.model.reset();
                prop_assert_eq!(self.machine.reset(&self.policy, self.tick()).map(moved), expected);
                prop_assert_eq!(self.machine.reset(&self.policy, self.tick()), None, "reset is idempotent");
                if let Some(shared) = &self.shared {
                    prop_assert_eq!(shared.reset().map(moved), expected);
                }
            }
            Step::Hold(mode, length) => {
                let expected = self.model.hold(mode, length.map(|length| length * SECOND), self.now);
                let limit = length.map(Duration::from_secs);
                let tick = self.tick();
                prop_assert_eq!(moved(self.machine.hold(&self.policy, mode, limit, tick)), expected);
                if let Some(shared) = &self.shared {
                    prop_assert_eq!(moved(shared.hold(mode, limit)), expected);
                }
            }
            Step::Restore => self.restore(self.now)?,
            Step::Restart(now) => {
                // The callers die with their process, without a word.
                self.callers.iter_mut().for_each(|caller| mem::forget(caller.take()));
                self.restore(now * SECOND)?;
            }
        }
        self.compare()
    }

    fn admit(&mut self, caller: usize, pass: Option<OutageId>) -> Result<(), TestCaseError> {
        if !matches!(self.callers.get(caller), Some(None)) {
            return Ok(());
        }
        let (now, before) = (self.tick(), self.machine.clone());
        let shared = self.shared.clone();
        let (expected, ticket, permit) = match pass {
            None => {
                (self.model.admit(self.now), self.machine.admit(&self.policy, now), shared.map(Shared::enter))
            }
            Some(pass) => (
                self.model.admit_opener(pass.as_u64(), self.now),
                self.machine.admit_opener(&self.policy, pass, now),
                shared.map(|shared| shared.enter_opener(pass)),
            ),
        };
        match (expected, ticket) {
            (Ok((admitted, half_opened)), Ok(ticket)) => {
                prop_assert_eq!(ticket.is_probe(), admitted.slot.is_some());
                prop_assert_eq!(ticket.is_opener(), admitted.opener.is_some());
                prop_assert_eq!(ticket.transition().is_some(), half_opened);
                if ticket.is_opener() {
                    prop_assert_eq!(ticket.outage(), pass);
                    prop_assert_eq!(&self.machine, &before, "a pass changes nothing");
                } else if ticket.is_probe() {
                    prop_assert_eq!(ticket.outage().map(OutageId::as_u64), self.model.outage);
                }
                let permit = permit.transpose().map_err(|_| TestCaseError::fail("the shared one refuses"))?;
                if let Some(permit) = &permit {
                    prop_assert_eq!(permit.is_probe(), ticket.is_probe());
                    prop_assert_eq!(permit.is_opener(), ticket.is_opener());
                    prop_assert_eq!(permit.transition(), ticket.transition());
                }
                self.callers[caller] = Some(Held { admitted, ticket, permit });
            }
            (Err(expected), Err(rejected)) => {
                prop_assert_eq!(refused(rejected), expected);
                match permit {
                    None => {}
                    Some(Err(shared)) => prop_assert_eq!(shared, rejected),
                    Some(Ok(_)) => return Err(TestCaseError::fail("the shared one lets it through")),
                }
            }
            (expected, ticket) => prop_assert!(false, "expected {:?}, got {:?}", expected, ticket),
        }
        Ok(())
    }

    fn settle(
        &mut self,
        caller: usize,
        verdict: Verdict,
        health: bool,
        report: impl FnOnce(Permit<Arc<Shared>, Arc<ManualClock>>) -> Option<Settled>,
    ) -> Result<(), TestCaseError> {
        let Some(held) = self.callers.get_mut(caller).and_then(Option::take) else { return Ok(()) };
        let (now, was_in) = (self.tick(), self.model.outage);
        let settled = if health {
            self.machine.settle_health(&self.policy, held.ticket, verdict, now)
        } else {
            self.machine.settle(&self.policy, held.ticket, verdict, now)
        };
        // With jitter only bounds are known; within them the machine's own answer is taken on trust.
        let told = self.machine.peek(&self.policy, now).retry_after().map_or(0, nanos);
        let expected = if health {
            self.model.settle_health(&held.admitted, verdict, self.now, told)
        } else {
            self.model.settle(&held.admitted, verdict, self.now, told)
        };
        prop_assert_eq!(did(settled), expected);
        if let Settled::Moved(transition) = settled {
            prop_assert_eq!(transition.generation, self.model.generation);
            // That of an outage that ends is the one there was.
            prop_assert_eq!(transition.outage.map(OutageId::as_u64), self.model.outage.or(was_in));
            self.passes.extend(transition.outage.filter(|_| transition.to == State::Open));
        }
        if let Some(permit) = held.permit
            && let Some(shared) = report(permit)
        {
            prop_assert_eq!(shared, settled);
        }
        Ok(())
    }

    /// Ends with `now` as the time, which may be another clock's.
    fn restore(&mut self, now: u64) -> Result<(), TestCaseError> {
        let before = self.machine.peek(&self.policy, self.tick());
        let snapshot = self.machine.snapshot(self.tick());
        let text = serde_json::to_string(&snapshot).unwrap();
        prop_assert_eq!(&serde_json::from_str::<vps_breaker::Snapshot>(&text).unwrap(), &snapshot);
        let mut old = serde_json::to_value(&snapshot).unwrap();
        for key in ["outage", "trust", "health_only"] {
            assert!(old.as_object_mut().unwrap().remove(key).is_some(), "{key} is not written");
        }
        let old: vps_breaker::Snapshot = serde_json::from_value(old).unwrap();
        self.model.restore(self.now, now);
        self.set(now);
        self.machine = Machine::restore(&self.policy, &snapshot, self.tick());
        if let Some(shared) = &self.shared {
            shared.restore(&snapshot);
        }
        let after = self.machine.peek(&self.policy, self.tick());
        let wait = |view: &View| view.retry_after().unwrap_or_default();
        prop_assert!(wait(&after) <= wait(&before), "{:?} became {:?}", wait(&before), wait(&after));
        prop_assert_eq!(after.state(), before.state());
        prop_assert_eq!(after.generation(), before.generation());
        // A record of before passes and probations is the same but for those.
        let old = Machine::restore(&self.policy, &old, self.tick()).peek(&self.policy, self.tick());
        let (old, new) = (shown(&old), shown(&after));
        prop_assert_eq!(old.outage.is_some(), new.outage.is_some());
        prop_assert!(!old.on_probation && old.trusts_health);
        let Shown { outage, on_probation, trusts_health, .. } = new;
        prop_assert_eq!(Shown { outage, on_probation, trusts_health, ..old }, new);
        Ok(())
    }

    /// All three show the same, and what must always hold does.
    fn compare(&mut self) -> Result<(), TestCaseError> {
        let view = self.machine.peek(&self.policy, self.tick());
        prop_assert_eq!(shown(&view), self.model.shown(self.now));
        prop_assert!(view.probes_in_flight() <= self.probes);
        prop_assert!(view.generation() >= self.generation, "the generation went back");
        self.generation = view.generation();
        if let Some(shared) = &self.shared {
            prop_assert_eq!(shared.peek(), view);
            prop_assert_eq!(shared.snapshot(), self.machine.snapshot(self.tick()));
            prop_assert_eq!(shared.is_clean(), self.machine.is_clean(&self.policy));
        }
        Ok(())
    }

    /// With a service that answers, everything in flight lost and callers coming, it closes in time.
    fn heals(&mut self, rules: &Rules) -> Result<(), TestCaseError> {
        self.callers.iter_mut().for_each(|caller| mem::forget(caller.take()));
        let view = self.machine.peek(&self.policy, self.tick());
        if view.hold().is_some() && view.held_for().is_none() {
            // Until somebody resets it, and then at once.
            self.play(Step::Reset)?;
        }
        let held = self.machine.peek(&self.policy, self.tick()).held_for().map_or(0, nanos);
        // Calls come all the time: one at once, which also shows it where a clock went back to.
        self.play(Step::Admit(0))?;
        self.play(Step::Leak(0))?;
        self.set(self.now + held + rules.longest() + rules.lease * SECOND);
        for _ in 0..rules.successes {
            self.play(Step::Admit(0))?;
            prop_assert!(
                self.callers[0].is_some(),
                "refused: {}",
                self.machine.peek(&self.policy, self.tick())
            );
            self.play(Step::Settle(0, Verdict::Success))?;
        }
        prop_assert_eq!(self.machine.peek(&self.policy, self.tick()).state(), State::Closed);
        Ok(())
    }
}

#[test]
fn the_machine_the_shared_breaker_and_the_model_agree() {
    let cases = (rules(), 1_usize..5, prop::collection::vec(step(), 1..80));
    runner(800)
        .run(&cases, |(rules, callers, steps)| {
            // Without the lock, a rejection does not look whether the clock went back by less than the
            // jitter or the back-off may add; then its wait is up to that longer.
            let exact = !rules.jitter && rules.backoff.is_none();
            let back = steps.iter().any(|step| matches!(step, Step::Back(_)));
            let mut world = World::new(&rules, callers, exact || !back);
            for step in steps {
                world.play(step)?;
            }
            world.heals(&rules)
        })
        .unwrap();
}

/// Long closed times, which random sequences of everything seldom have.
#[test]
fn a_window_holds_the_last_calls_and_no_others() {
    let calls = prop_oneof![
        6 => Just(Step::Settle(0, Verdict::Success)),
        5 => Just(Step::Settle(0, Verdict::Failure)),
        3 => (1_u64..4).prop_map(Step::Pass),
        1 => (4_u64..25).prop_map(Step::Pass),
        1 => (1_u64..25).prop_map(Step::Back),
    ];
    let over = prop_oneof![
        2 => (1_u16..80).prop_map(Over::Count),
        1 => prop::sample::select(vec![10_u64, 20]).prop_map(Over::Time),
    ];
    let cases = (over, prop::option::of(2_u64..4), prop::collection::vec(calls, 1..150));
    runner(250)
        .run(&cases, |(over, slow, calls)| {
            // Only a window full of failures opens it.
            let least = if let Over::Count(calls) = over { calls.into() } else { 1_000 };
            let window = Some((over, least, Some(1_000), slow.map(|after| (after, 1_000))));
            let rules = Rules { threshold: 10_000, timeout: 5, window, ..Rules::default() };
            let mut world = World::new(&rules, 1, true);
            for call in calls {
                world.play(Step::Admit(0))?;
                world.play(call)?;
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_clock_that_goes_back_never_makes_the_shared_one_wait_longer_than_any_open_time() {
    let cases = (rules(), 1_usize..5, prop::collection::vec(step(), 1..80));
    runner(300)
        .run(&cases, |(rules, callers, steps)| {
            let longest = rules.longest().max(rules.lease * SECOND);
            let clock = Arc::new(ManualClock::new());
            clock.set(Tick::from_millis(1_000_000));
            let shared = Arc::new(Shared::with_shared(rules.policy(), Arc::clone(&clock)));
            let mut permits: Vec<_> = (0..callers).map(|_| None).collect();
            for step in steps {
                let now = clock.now_nanos();
                match step {
                    Step::Admit(caller) if caller < callers => match Arc::clone(&shared).enter() {
                        Ok(permit) => permits[caller] = Some(permit),
                        Err(rejected) => {
                            let wait = nanos(rejected.retry_after());
                            prop_assert!(wait <= longest, "{wait} of {longest}");
                        }
                    },
                    Step::Settle(caller, _) if caller < callers => {
                        permits[caller].take().map(Permit::failure);
                    }
                    Step::Pass(seconds) => clock.advance(Duration::from_secs(seconds)),
                    Step::Back(seconds) => {
                        clock.set(Tick::from_nanos(now.saturating_sub(seconds * SECOND)));
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .unwrap();
}

/// A test's clock as a number.
trait Nanos {
    fn now_nanos(&self) -> u64;
}

impl Nanos for ManualClock {
    fn now_nanos(&self) -> u64 {
        vps_breaker::Clock::now(self).as_nanos()
    }
}
