//! Whether it is this machine that has no connection: what was found, held against all else that was.

use vps_health::{Gate, Moment, Outcome, Phase, Reason, Sample, Target, name_number};

/// Tells the gate of samples of these targets, and takes those back that say nothing of their service: the resolver
/// is silent for every name, or a network to log in to answers for everybody.
pub(super) fn hear(gate: &mut Gate, targets: &[Target], samples: &mut [Sample], now: Moment) {
    let mut is_resolver_silent = false;
    for (target, sample) in targets.iter().zip(samples.iter()).filter(|(target, _)| !target.is_private) {
        let (host, outcome) = (number(target), &sample.outcome);
        let is_silent = is_of_the_name(outcome);
        if is_silent || sample.phases.dns.is_some() {
            is_resolver_silent = gate.resolved(host, is_silent);
        }
        if let Some(to) = &sample.sent_to {
            // Whether it is a second one is asked below, when all are known.
            gate.redirected(host, to, now);
        }
        if let Some(is_bad) = Gate::says(outcome) {
            gate.heard(host, is_bad, now);
        }
    }
    for (target, sample) in targets.iter().zip(samples).filter(|(target, _)| !target.is_private) {
        if is_resolver_silent && is_of_the_name(&sample.outcome) {
            sample.outcome = Outcome::local(Reason::NoResolver);
        } else if sample.sent_to.as_ref().is_some_and(|to| gate.redirected(number(target), to, now)) {
            sample.outcome = Outcome::local(Reason::Portal);
        }
    }
}

/// Whether one of these hosts is worth asking at once.
pub(super) fn is_witness(targets: &[Target], witnesses: &[u32]) -> bool {
    targets.iter().any(|target| witnesses.contains(&number(target)))
}

fn is_of_the_name(outcome: &Outcome) -> bool {
    matches!(outcome.reason, Reason::ResolverSilent | Reason::TimedOut { phase: Phase::Dns, .. })
}

/// A target's host as a number: two ports of one host go down together, and are one witness.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn number(target: &Target) -> u32 {
    let host = target.host.rsplit_once(':').map_or(target.host.as_str(), |(host, _)| host);
    let number = name_number(host);
    (number ^ (number >> 32)) as u32
}
