//! Every reachable state of the real `Machine`, breadth first, for small policies: what must never happen
//! does not, and from each state it finds back.
//!
//! A state is known by the path that leads to it, played again for each step on: tickets cannot be copied.
//! Two states are one if they differ only in how often things happened and in who is who.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use vps_breaker::{Factor, Hold, Machine, OutageId, Policy, Settled, State, Tick, Ticket, Token, Verdict};

use crate::breaker_model::{Over, Rules, SECOND};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Admit(usize),
    /// With the pass of an opening of its own.
    Opener(usize),
    Settle(usize, Verdict),
    /// What a health probe found.
    Health(usize, Verdict),
    Leak(usize),
    Renew(usize),
    /// A second passes.
    Tick,
    HoldOpen,
    Reset,
}

/// What has to be seen at least once, or the search did not go where it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Opened,
    OpenedAgain,
    Closed,
    StaleResult,
    LateResultCounts,
    SlotReissued,
    RenewalRefused,
    ProbeRefused,
    PassUsed,
    PassOfAnEarlierOutage,
    PassCloses,
    PassClosesHalfOpen,
    StaleOpener,
    OnProbation,
    ProbationEnds,
    ProbationLost,
    HealthNotTrusted,
}

/// What else can happen than calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Also {
    Nothing,
    Passes,
    PassesAndHands,
    Health,
}

impl Also {
    fn passes(self) -> bool {
        matches!(self, Self::Passes | Self::PassesAndHands)
    }
}

struct World {
    policy: Policy,
    machine: Machine,
    now: u64,
    callers: Vec<Option<Ticket>>,
    /// Of whose result moved it to open last.
    passes: Vec<Option<OutageId>>,
    also: Also,
    /// Run and failures at admission, where a ticket has them too.
    seen: Vec<(u64, u64)>,
    /// Probes that nobody took the slot from: token, end of the lease.
    live: Vec<(u64, u64)>,
    /// The calls since it was closed, as far as a window goes back.
    recent: Vec<Verdict>,
    reached: BTreeSet<Reached>,
}

impl World {
    fn new(policy: Policy, callers: usize, also: Also) -> Self {
        Self {
            policy,
            machine: Machine::new(),
            now: 1_000 * SECOND,
            callers: (0..callers).map(|_| None).collect(),
            passes: vec![None; callers],
            also,
            seen: vec![(0, 0); callers],
            live: Vec::new(),
            recent: Vec::new(),
            reached: BTreeSet::new(),
        }
    }

    fn tick(&self) -> Tick {
        Tick::from_nanos(self.now)
    }

    fn lease_end(&self) -> u64 {
        self.now + u64::try_from(self.policy.probe_lease().as_nanos()).unwrap()
    }

    fn written(&self) -> Value {
        serde_json::to_value(self.machine.snapshot(self.tick())).unwrap()
    }

    /// Whether the step can be taken; `check` looks at everything that must hold.
    fn play(&mut self, step: Step, check: bool) -> bool {
        let before = self.machine.peek(&self.policy, self.tick());
        match step {
            Step::Admit(caller) | Step::Opener(caller) => {
                if self.callers[caller].is_some() {
                    return false;
                }
                let (now, machine) = (self.tick(), self.machine.clone());
                let pass = self.passes[caller].filter(|_| step == Step::Opener(caller));
                let admitted = match (step, pass) {
                    (Step::Admit(_), _) => self.machine.admit(&self.policy, now),
                    (_, Some(pass)) => self.machine.admit_opener(&self.policy, pass, now),
                    (_, None) => return false,
                };
                let open = before.state() == State::Open && before.hold().is_none();
                let holder = open && pass.is_some() && pass == before.outage();
                let used = matches!(&admitted, Ok(ticket) if ticket.is_opener());
                if check {
                    let passes = before.rejection().is_none() || holder;
                    assert_eq!(admitted.is_ok(), passes, "{before}: {admitted:?}");
                    assert!(
                        before.state() != State::Open || holder || admitted.is_err(),
                        "a call while open"
                    );
                    assert_eq!(used, holder, "{before}: {admitted:?}");
                    assert!(!used || self.machine == machine, "a pass changes nothing");
                }
                if used {
                    self.reached.insert(Reached::PassUsed);
                } else if open && pass.is_some() {
                    self.reached.insert(Reached::PassOfAnEarlierOutage);
                }
                match admitted {
                    Ok(ticket) => {
                        if let Some(token) = ticket.token() {
                            if self.live.iter().any(|(_, end)| *end <= self.now) {
                                self.reached.insert(Reached::SlotReissued);
                            }
                            self.live.push((token.as_u64(), self.lease_end()));
                        }
                        let written = self.written();
                        let number = |key: &str| written[key].as_u64().unwrap();
                        self.seen[caller] = (number("run"), number("failures"));
                        self.callers[caller] = Some(ticket);
                    }
                    Err(_) if before.state() == State::HalfOpen => {
                        self.reached.insert(Reached::ProbeRefused);
                    }
                    Err(_) => {}
                }
            }
            Step::Settle(caller, verdict) => {
                let Some(ticket) = self.callers[caller].take() else { return false };
                self.settle(caller, ticket, verdict, check);
            }
            Step::Health(caller, verdict) => {
                let Some(ticket) = self.callers[caller].take() else { return false };
                self.settle_health(ticket, verdict, check);
            }
            Step::Leak(caller) => {
                // A ticket has no destructor: gone without a word.
                if self.callers[caller].take().is_none() {
                    return false;
                }
            }
            Step::Renew(caller) => {
                let Some(ticket) = &self.callers[caller] else { return false };
                let Some(token) = ticket.token().map(Token::as_u64) else { return false };
                let now = Tick::from_nanos(self.now);
                let renewed = self.machine.renew(&self.policy, ticket, now);
                let end = self.lease_end();
                self.live.retain(|(live, _)| *live != token);
                if renewed {
                    self.live.push((token, end));
                } else {
                    self.reached.insert(Reached::RenewalRefused);
                }
            }
            Step::Tick => self.now += SECOND,
            Step::HoldOpen => {
                let now = self.tick();
                self.machine.hold(&self.policy, Hold::Open, Some(Duration::from_secs(2)), now);
                self.recent.clear();
            }
            Step::Reset => {
                let now = self.tick();
                self.machine.reset(&self.policy, now);
                self.recent.clear();
                assert!(!check || self.machine.reset(&self.policy, now).is_none(), "reset is idempotent");
            }
        }
        if check {
            let after = self.machine.peek(&self.policy, self.tick());
            assert!(after.generation() >= before.generation(), "the generation went back");
            let live = self.live.iter().filter(|(_, end)| *end > self.now).count();
            assert!(live <= usize::from(self.policy.probes().get()), "{live} probes at once");
        }
        true
    }

    fn settle_health(&mut self, ticket: Ticket, verdict: Verdict, check: bool) {
        let now = self.tick();
        let before = self.machine.peek(&self.policy, now);
        let token = ticket.token().map(Token::as_u64);
        let settled = self.machine.settle_health(&self.policy, ticket, verdict, now);
        self.live.retain(|(live, _)| Some(*live) != token);
        let after = self.machine.peek(&self.policy, now);
        if let Settled::Moved(moved) = settled {
            self.recent.clear();
            if after.is_on_probation() {
                self.reached.insert(Reached::OnProbation);
            }
            assert!(!check || before.trusts_health_probes() || moved.to == State::Open, "not trusted");
        } else if !before.trusts_health_probes() && token.is_some() {
            self.reached.insert(Reached::HealthNotTrusted);
        }
        assert!(!check || before.state() != State::Closed || before == after, "closed, it says nothing");
    }

    fn settle(&mut self, caller: usize, ticket: Ticket, verdict: Verdict, check: bool) {
        let now = self.tick();
        let before = self.machine.peek(&self.policy, now);
        let opener = ticket.is_opener();
        let stale = if opener {
            ticket.outage() != before.outage() || before.hold().is_some()
        } else {
            ticket.generation() != self.machine.generation()
        };
        let token = ticket.token().map(Token::as_u64);
        let late = self.live.iter().any(|(live, end)| Some(*live) == token && *end <= self.now);
        let settled = self.machine.settle(&self.policy, ticket, verdict, now);
        self.live.retain(|(live, _)| Some(*live) != token);
        let after = self.machine.peek(&self.policy, now);
        if opener {
            assert!(!check || verdict == Verdict::Success || before == after, "a holder's failure counts");
            self.reached.extend(match settled {
                Settled::Stale => Some(Reached::StaleOpener),
                Settled::Moved(moved) if moved.from == State::HalfOpen => Some(Reached::PassClosesHalfOpen),
                Settled::Moved(_) => Some(Reached::PassCloses),
                _ => None,
            });
        } else if before.is_on_probation() && !stale && verdict != Verdict::Neutral {
            let lost = verdict == Verdict::Failure;
            let decided = !after.is_on_probation() && (after.state() == State::Open) == lost;
            assert!(!check || decided, "the first outcome decides: {after}");
            self.reached.insert(if lost { Reached::ProbationLost } else { Reached::ProbationEnds });
        }
        if verdict == Verdict::Success && before.state() != State::Closed && settled != Settled::Stale {
            assert!(!check || after.trusts_health_probes(), "a call succeeded");
        }
        match settled {
            Settled::Stale => {
                self.reached.insert(Reached::StaleResult);
                let same = |view: &vps_breaker::View| {
                    (
                        view.state(),
                        view.generation(),
                        view.failure_count(),
                        view.success_count(),
                        view.window(),
                    )
                };
                assert!(!check || same(&before) == same(&after), "a stale result changed something");
            }
            Settled::Counted => {
                assert!(!check || !stale, "a stale result counted");
                if late && verdict != Verdict::Neutral {
                    self.reached.insert(Reached::LateResultCounts);
                }
                if after.state() == State::Closed && verdict != Verdict::Neutral {
                    self.recent.push(verdict);
                }
            }
            Settled::Moved(moved) => {
                assert!(!check || !stale, "a stale result moved it");
                assert!(!check || moved.generation == before.generation() + 1);
                let ends = moved.to == State::Closed;
                assert!(!check || moved.outage == if ends { before.outage() } else { after.outage() });
                assert!(!check || moved.outage.is_some());
                if moved.from == State::HalfOpen {
                    assert!(!check || moved.outage == before.outage(), "opened again: the same outage");
                }
                self.recent.clear();
                if moved.to == State::Open && self.also.passes() {
                    self.passes[caller] = moved.outage;
                }
                self.reached.insert(match (moved.from, moved.to) {
                    (_, State::Closed) => Reached::Closed,
                    (State::HalfOpen, _) => Reached::OpenedAgain,
                    _ => Reached::Opened,
                });
            }
            _ => {}
        }
    }

    /// What tells this state from others.
    fn key(&self, rules: &Rules) -> String {
        let mut written = self.written();
        let slots: Vec<(u64, u64)> = serde_json::from_value(written["slots"].take()).unwrap();
        let current_run = written["run"].as_u64();
        let ages = rules.forget.is_some() && written["state"] == json!("closed");
        let age = written["since"].as_u64().unwrap().min(rules.forget.unwrap_or(0) * SECOND);
        let outage = self.machine.peek(&self.policy, self.tick()).outage();
        for key in ["generation", "last_token", "run", "since", "rule", "outage"] {
            written[key] = Value::Null;
        }
        if rules.backoff.is_none() {
            written["level"] = Value::Null;
        }
        if written["state"] != json!("closed") {
            // What opened it: for people.
            written["failures"] = Value::Null;
        }
        // A lapsed lease is as good as any other, but for who lapsed first.
        written["slots"] = json!(slots.iter().map(|(_, left)| left).collect::<Vec<_>>());
        let mut callers: Vec<String> = self
            .callers
            .iter()
            .zip(&self.seen)
            .zip(&self.passes)
            .map(|((ticket, (run, seen)), pass)| {
                let pass = pass.map(|pass| Some(pass) == outage);
                let Some(ticket) = ticket else { return format!("{pass:?}") };
                let token = ticket.token().map(Token::as_u64);
                let slot = slots.iter().position(|(slot, _)| Some(*slot) == token);
                let current = if ticket.is_opener() {
                    ticket.outage() == outage
                } else {
                    ticket.generation() == self.machine.generation()
                };
                let seen = (rules.once && current && Some(*run) == current_run).then_some(seen);
                format!("{current} {} {} {slot:?} {seen:?} {pass:?}", token.is_some(), ticket.is_opener())
            })
            .collect();
        callers.sort();
        let calls = match rules.window {
            Some((Over::Count(calls), ..)) => usize::from(calls),
            _ => 0,
        };
        let recent = &self.recent[self.recent.len().saturating_sub(calls)..];
        format!("{written} {} {callers:?} {recent:?}", if ages { age } else { 0 })
    }

    /// Every call in flight is lost; calls keep coming, each second, and each that is let through succeeds.
    fn heals(&mut self, rules: &Rules) {
        let held = self.machine.peek(&self.policy, self.tick()).held_for().unwrap_or_default();
        let held = u64::try_from(held.as_nanos()).unwrap();
        let end = self.now + held + rules.longest() + rules.lease * SECOND;
        self.callers.fill_with(|| None);
        loop {
            for _ in 0..rules.successes {
                let now = self.tick();
                if let Ok(ticket) = self.machine.admit(&self.policy, now) {
                    self.machine.settle(&self.policy, ticket, Verdict::Success, now);
                }
            }
            let view = self.machine.peek(&self.policy, self.tick());
            if view.state() == State::Closed && view.hold().is_none() {
                return;
            }
            assert!(self.now < end, "stuck: {view}");
            self.now += SECOND;
        }
    }
}

fn explore(rules: &Rules, callers: usize, also: Also) -> (usize, BTreeSet<Reached>) {
    let policy = rules.policy();
    let mut steps = vec![Step::Tick];
    for caller in 0..callers {
        steps.extend([
            Step::Admit(caller),
            Step::Settle(caller, Verdict::Success),
            Step::Settle(caller, Verdict::Failure),
            Step::Settle(caller, Verdict::Neutral),
            Step::Leak(caller),
            Step::Renew(caller),
        ]);
        if also.passes() {
            steps.push(Step::Opener(caller));
        }
        if also == Also::Health {
            steps.extend([Verdict::Success, Verdict::Failure].map(|verdict| Step::Health(caller, verdict)));
        }
    }
    if also == Also::PassesAndHands {
        steps.extend([Step::HoldOpen, Step::Reset]);
    }
    let mut known = HashSet::new();
    let mut reached = BTreeSet::new();
    let mut queue = VecDeque::from([Vec::new()]);
    while let Some(path) = queue.pop_front() {
        let replay = || {
            let mut world = World::new(policy, callers, also);
            for step in &path {
                world.play(*step, false);
            }
            world
        };
        replay().heals(rules);
        for step in &steps {
            let mut world = replay();
            if !world.play(*step, true) {
                continue;
            }
            reached.append(&mut world.reached);
            if known.insert(world.key(rules)) {
                let mut longer = path.clone();
                longer.push(*step);
                queue.push_back(longer);
            }
        }
    }
    (known.len(), reached)
}

fn small() -> Rules {
    Rules { threshold: 2, timeout: 2, lease: 2, ..Rules::default() }
}

#[test]
fn two_callers_and_one_probe() {
    use Reached::*;
    let (states, reached) = explore(&small(), 2, Also::Nothing);
    assert!(states >= 50, "{states} states");
    let all = [Opened, OpenedAgain, Closed, StaleResult, SlotReissued, RenewalRefused, ProbeRefused];
    assert_eq!(reached, BTreeSet::from(all));
}

#[test]
fn three_callers_and_two_probes_of_which_two_must_succeed() {
    let rules = Rules { threshold: 1, probes: 2, successes: 2, allowed: 1, timeout: 1, lease: 2, ..small() };
    let (states, reached) = explore(&rules, 3, Also::Nothing);
    assert!(states >= 1700, "{states} states");
    assert!(reached.contains(&Reached::LateResultCounts), "{reached:?}");
    assert!(reached.contains(&Reached::SlotReissued), "{reached:?}");
}

#[test]
fn four_callers_whose_failures_overlap() {
    let rules = Rules { once: true, forget: Some(2), timeout: 1, lease: 1, ..small() };
    let (states, _) = explore(&rules, 4, Also::Nothing);
    assert!(states >= 440, "{states} states");
}

#[test]
fn two_callers_and_the_last_three_calls() {
    let window = Some((Over::Count(3), 2, Some(667), None));
    let rules = Rules { threshold: 3, window, timeout: 1, lease: 1, ..small() };
    let (states, _) = explore(&rules, 2, Also::Nothing);
    assert!(states >= 110, "{states} states");
}

#[test]
fn two_callers_and_an_operator() {
    let rules = Rules { threshold: 1, timeout: 1, lease: 2, ..small() };
    let (states, _) = explore(&rules, 2, Also::PassesAndHands);
    assert!(states >= 1400, "{states} states");
}

#[test]
fn two_callers_with_passes() {
    use Reached::*;
    let (states, reached) = explore(&small(), 2, Also::Passes);
    assert!(states >= 400, "{states} states");
    for state in [PassUsed, PassOfAnEarlierOutage, PassCloses, PassClosesHalfOpen, StaleOpener] {
        assert!(reached.contains(&state), "{state:?} of {reached:?}");
    }
}

#[test]
fn three_callers_with_passes_of_whom_two_must_succeed() {
    let rules = Rules { threshold: 1, successes: 2, timeout: 1, lease: 1, ..small() };
    let (states, reached) = explore(&rules, 3, Also::Passes);
    assert!(states >= 2600, "{states} states");
    assert!(reached.contains(&Reached::PassClosesHalfOpen), "{reached:?}");
}

#[test]
fn two_callers_and_health_probes() {
    use Reached::*;
    for successes in [1, 2] {
        let rules = Rules { successes, timeout: 1, lease: 1, ..small() };
        let (states, reached) = explore(&rules, 2, Also::Health);
        assert!(states >= 100, "{states} states");
        for state in [OnProbation, ProbationEnds, ProbationLost, HealthNotTrusted] {
            assert!(reached.contains(&state), "{state:?} of {reached:?}");
        }
    }
}

#[test]
fn two_callers_and_an_open_time_that_grows() {
    let rules = Rules { threshold: 1, timeout: 1, lease: 1, backoff: Some((Factor::whole(2), 4)), ..small() };
    // The number of failed probes has no bound but the cap on what it does.
    let bounded = explore_levels(&rules);
    assert!(bounded >= 95, "{bounded} states");
}

/// As `explore`, with paths of at most three failed probes in a row.
fn explore_levels(rules: &Rules) -> usize {
    let policy = rules.policy();
    let mut known = HashSet::new();
    let mut queue = VecDeque::from([Vec::new()]);
    let steps = [
        Step::Tick,
        Step::Admit(0),
        Step::Admit(1),
        Step::Settle(0, Verdict::Failure),
        Step::Settle(1, Verdict::Failure),
        Step::Settle(1, Verdict::Success),
        Step::Leak(0),
    ];
    while let Some(path) = queue.pop_front() {
        for step in steps {
            let mut world = World::new(policy, 2, Also::Nothing);
            let played = path.iter().all(|step| world.play(*step, false)) && world.play(step, true);
            if !played || world.written()["level"].as_u64().unwrap() > 3 || !known.insert(world.key(rules)) {
                continue;
            }
            let mut longer = path.clone();
            longer.push(step);
            queue.push_back(longer);
            world.heals(rules);
        }
    }
    known.len()
}
