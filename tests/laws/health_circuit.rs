//! Probes beside a real circuit: they may spare a call, and never cost one.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is drawn is small")]

use std::time::Duration;

use vps_breaker::{Factor, Machine, OpenBackoff, Policy, Settled, State, Tick, Verdict};
use vps_health::{Advice, Calls, Damped, Level, Moment, Outcome, Reason, Sample, Timing, advise, wake_in};
use vps_retry::SplitMix64;

use crate::health_damping::below;
use crate::seeds;

/// What is done with what a probe found.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// There are no probes.
    NoProbes,
    /// As advised.
    Advised,
    /// The mistakes that the rules are there for.
    ClosesForGood,
    CountsEverywhere,
}

/// One service: when it is called, and how probes and calls end.
struct Scene {
    policy: Policy,
    rule: Rule,
    may_pre_open: bool,
    /// Seconds, in order.
    calls: Vec<u64>,
    until: u64,
    calls_fail_from: u64,
    /// Each 30 s.
    probe: Box<dyn FnMut(u64) -> Verdict>,
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    failed: u64,
    refused: u64,
    /// How often a probe closed it.
    closed: u64,
}

impl Scene {
    fn run(mut self) -> Counts {
        let mut machine = Machine::new();
        let mut damped = Damped::new(Timing::new());
        let (mut counts, mut known) = (Counts::default(), Calls::default());
        let (mut round, mut calls) = (0, self.calls.iter().copied().peekable());
        let mut confirm = None;
        for second in 0..self.until {
            let now = Tick::from_millis(second * 1_000);
            let view = machine.peek(&self.policy, now);
            let is_due = wake_in(&view) == Some(Duration::ZERO);
            if self.rule != Rule::NoProbes && (second >= round || confirm == Some(second) || is_due) {
                if second >= round {
                    round += 30;
                }
                let verdict = (self.probe)(second);
                let advice = advise(&view, &damped, known, self.may_pre_open);
                let found = match self.rule {
                    Rule::CountsEverywhere => machine
                        .admit(&self.policy, now)
                        .ok()
                        .map(|ticket| machine.settle(&self.policy, ticket, verdict, now)),
                    Rule::ClosesForGood if advice == Advice::TakeTicket => {
                        let ticket = machine.admit(&self.policy, now).unwrap();
                        Some(machine.settle(&self.policy, ticket, verdict, now))
                    }
                    _ if advice == Advice::TakeTicket => {
                        let ticket = machine.admit(&self.policy, now).expect("it is due");
                        Some(machine.settle_health(&self.policy, ticket, verdict, now))
                    }
                    _ => None,
                };
                if let Some(Settled::Moved(moved)) = found
                    && moved.to == State::Closed
                {
                    counts.closed += 1;
                }
                let at = Moment::from(now);
                let (level, reason) = match verdict {
                    Verdict::Success => (Some(Level::Healthy), Reason::Answered),
                    Verdict::Failure => (Some(Level::Unhealthy), Reason::Refused),
                    Verdict::Neutral => (None, Reason::NoRoute),
                };
                damped.sample(&Sample::new(at, Duration::ZERO, Outcome::new(level, reason, verdict)), at);
                confirm = damped.recheck().map(|wait| second + wait.as_secs());
                let view = machine.peek(&self.policy, now);
                if let Advice::PreOpen(_) = advise(&view, &damped, known, self.may_pre_open) {
                    assert!(machine.pre_open(&self.policy, now).is_some(), "it is closed");
                }
            }
            while calls.next_if_eq(&second).is_some() {
                let Ok(ticket) = machine.admit(&self.policy, now) else {
                    counts.refused += 1;
                    continue;
                };
                if second >= self.calls_fail_from {
                    counts.failed += 1;
                    machine.settle(&self.policy, ticket, Verdict::Failure, now);
                } else {
                    known.last_success = Some(Moment::from(now));
                    machine.settle(&self.policy, ticket, Verdict::Success, now);
                }
            }
        }
        counts
    }
}

/// 30 minutes with a call each 20 s, all of which fail; the probe is answered.
fn lying(rule: Rule) -> Counts {
    Scene {
        policy: Policy::new(),
        rule,
        may_pre_open: true,
        calls: (0..90).map(|number| number * 20).collect(),
        until: 1_800,
        calls_fail_from: 0,
        probe: Box::new(|_| Verdict::Success),
    }
    .run()
}

#[test]
fn a_probe_that_is_answered_while_calls_fail_costs_no_call() {
    let without = lying(Rule::NoProbes);
    let with = lying(Rule::Advised);
    assert_eq!((without.failed, with.failed), (32, 32), "as in the design's run");
    assert_eq!(with.closed, 2, "after two probations lost it closes nothing more");
    // The rules are what makes it so.
    let for_good = lying(Rule::ClosesForGood);
    assert!(for_good.failed > 45, "{for_good:?}");
    let everywhere = lying(Rule::CountsEverywhere);
    assert!(everywhere.failed >= 60, "{everywhere:?}");
}

#[test]
fn a_lying_probe_never_raises_failed_calls() {
    let mut spared = 0;
    let mut closed = 0;
    for seed in seeds(1_000, 50_000) {
        let scene = |rule| {
            let mut rng = SplitMix64::new(seed);
            let mut policy = Policy::new()
                .with_failure_threshold((1 + below(&mut rng, 4) as u32).try_into().unwrap())
                .with_success_threshold((1 + below(&mut rng, 3) as u32).try_into().unwrap())
                .with_timeout(Duration::from_secs([5, 20, 60, 300][below(&mut rng, 4) as usize]));
            if below(&mut rng, 2) == 0 {
                let cap = Duration::from_secs(600);
                policy = policy.with_open_backoff(Some(OpenBackoff { base: Factor::whole(2), cap }));
            }
            // One call after the other, at random.
            let most = 1 + below(&mut rng, 120);
            let (mut at, mut calls) = (0, Vec::new());
            while at < 3_600 {
                at += 1 + below(&mut rng, most);
                calls.push(at);
            }
            let calls_fail_from = below(&mut rng, 900);
            // How it lies: it may say anything.
            let [well, badly] = [below(&mut rng, 4), below(&mut rng, 3)];
            let mut lies = SplitMix64::new(!seed);
            let probe = move |_| match below(&mut lies, well + badly + 1) {
                draw if draw < well => Verdict::Success,
                draw if draw < well + badly => Verdict::Failure,
                _ => Verdict::Neutral,
            };
            let probe = Box::new(probe);
            Scene { policy, rule, may_pre_open: false, calls, until: 3_600, calls_fail_from, probe }
        };
        let (without, with) = (scene(Rule::NoProbes).run(), scene(Rule::Advised).run());
        assert!(with.failed <= without.failed, "seed {seed}: {with:?} with probes, {without:?} without");
        spared += without.failed - with.failed;
        closed += with.closed;
    }
    assert!(spared > 100 && closed > 100, "probes that do nothing prove nothing: {spared}, {closed}");
}

/// 30 minutes of calls that work, each so many seconds; the probe is refused.
fn refused_probe(each: u64) -> Counts {
    Scene {
        policy: Policy::new(),
        rule: Rule::Advised,
        may_pre_open: true,
        calls: (0..1_800 / each).map(|number| number * each).collect(),
        until: 1_800,
        calls_fail_from: u64::MAX,
        probe: Box::new(|second| if second == 0 { Verdict::Success } else { Verdict::Failure }),
    }
    .run()
}

#[test]
fn calls_that_work_veto_a_probe_that_does_not() {
    assert_eq!(refused_probe(20), Counts::default(), "no good call is refused");
    // An idle tool has no say, which is why this is off unless somebody asks for it.
    assert_eq!(refused_probe(120).refused, 14);
}

#[test]
fn recovery_needs_no_users_call() {
    // Down for five minutes from the tenth on, with calls until it opens and none afterwards.
    let down = 600..900;
    let within = down.clone();
    let counts = Scene {
        policy: Policy::new(),
        rule: Rule::Advised,
        may_pre_open: false,
        calls: vec![601, 602, 603],
        until: 1_200,
        calls_fail_from: 600,
        probe: Box::new(
            move |second| if within.contains(&second) { Verdict::Failure } else { Verdict::Success },
        ),
    }
    .run();
    assert_eq!(counts, Counts { failed: 3, refused: 0, closed: 1 });
}
