//! One service as it is watched: its status, its history, what its last round found.

use std::time::Duration;

use vps_health::{
    Certificate, Change, Connection, Damped, Family, History, LastCertificate, Level, Moment, Outcome, Phase,
    Reason, Sample, Status, Target, Timing, Verdict, combine,
};

use super::clock::moment;
use super::results::Results;
use crate::env::Env;
use crate::service::ServiceName;

/// One service, over all its targets.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) service: ServiceName,
    pub(super) targets: Vec<Target>,
    pub(super) damped: Damped,
    pub(super) history: History,
    pub(super) certificate: LastCertificate,
    pub(super) round: Option<Round>,
    pub(super) results: Results,
}

/// What a round found: a sample of each target, in their order.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) samples: Vec<Sample>,
    /// Names of the bad targets, where not all are.
    pub(super) bad: Vec<String>,
}

impl Watched {
    /// Nobody has looked at it.
    pub(super) fn new(service: ServiceName, targets: Vec<Target>, timing: Timing, env: &Env) -> Self {
        Self {
            service,
            targets,
            damped: Damped::new(timing),
            history: History::new(timing.interval(), moment(env)),
            certificate: LastCertificate::default(),
            round: None,
            results: Results::default(),
        }
    }

    /// Takes a round in: a sample of each target, in their order.
    pub(super) fn take(
        &mut self,
        samples: Vec<Sample>,
        connection: Connection,
        now: Moment,
    ) -> Option<Change> {
        let (sample, bad) = together(&self.targets, &samples)?;
        self.results.count(sample.outcome.level);
        let certificate = samples.iter().filter_map(|sample| sample.certificate).reduce(earlier);
        self.certificate.note(certificate);
        let change = self.damped.sample_while(connection, &sample, now);
        self.history.sample(&sample, &self.damped, change, now);
        self.round = Some(Round { samples, bad });
        change
    }

    /// Whether somebody answered over this family, not longer ago than `within`.
    pub(super) fn answered_over(&self, family: Family, within: Duration, now: Moment) -> bool {
        let samples = self.round.iter().flat_map(|round| &round.samples);
        let mut fresh = samples.filter(|sample| now.since(sample.ended()) <= within);
        fresh.any(|sample| sample.outcome.is_answer() && sample.family() == Some(family))
    }

    /// How long this part took of each look of the last round.
    pub(super) fn phases(&self, phase: Phase) -> impl Iterator<Item = Duration> + '_ {
        self.round.iter().flat_map(|round| &round.samples).filter_map(move |sample| sample.phases.get(phase))
    }

    /// How long the last round was ago; nothing before the first.
    pub(super) fn age(&self, now: Moment) -> Option<Duration> {
        let ended = self.round.as_ref()?.samples.iter().map(Sample::ended).max()?;
        Some(now.since(ended))
    }
}

/// The certificate that ends first.
fn earlier(a: Certificate, b: Certificate) -> Certificate {
    if b.not_after_seconds < a.not_after_seconds { b } else { a }
}

/// All targets' samples as one of the service, and the bad ones where not all are. `None` of none.
pub(super) fn together(targets: &[Target], samples: &[Sample]) -> Option<(Sample, Vec<String>)> {
    let named: Vec<(&str, &Sample)> =
        targets.iter().map(|target| target.name.as_str()).zip(samples).collect();
    let all = combine(&named)?;
    let mut sample = all.leading.clone();
    sample.at = samples.iter().map(|sample| sample.at).min().unwrap_or(sample.at);
    // Slow is no failure to a circuit, nor is one target of several.
    let some_answered = samples.iter().any(|sample| sample.outcome.verdict == Verdict::Success);
    let verdict = if some_answered { Verdict::Success } else { sample.outcome.verdict };
    let pause = samples.iter().filter_map(|sample| sample.outcome.next_not_before).max();
    let short = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let reason = match all.bad.len() {
        0 => sample.outcome.reason,
        bad => Reason::Partly { bad: short(bad), of: short(samples.len()) },
    };
    let mut outcome = Outcome::new(all.level, reason, verdict);
    outcome.next_not_before = pause;
    sample.outcome = outcome;
    // What is only partly there answers as fast as the slowest of those that do.
    if let Some(took) = all.took.filter(|_| all.level != Some(Level::Unhealthy)) {
        sample.took = took;
    }
    Some((sample, all.bad.into_iter().map(str::to_owned).collect()))
}

/// A change as it is told: a service that begins to be healthy is no news.
pub(super) fn is_news(change: &Change) -> bool {
    (change.from, change.to) != (Status::Unknown, Status::Healthy)
}
