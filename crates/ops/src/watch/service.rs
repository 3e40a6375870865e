//! One service as it is watched: its status, its history, what its last round found.

use std::sync::Arc;
use std::time::Duration;

use vps_health::{
    Certificate, Change, Connection, Damped, Family, History, LONGEST_PAUSE, LastCertificate, Level, Moment,
    Outcome, Phase, Reason, SHORTEST_FOREIGN, Sample, Status, Target, Timing, Verdict, combine,
};

use super::clock::moment;
use super::results::Results;
use crate::env::Env;
use crate::service::ServiceName;

/// Services with what is asked of each.
pub(super) type Targets = Vec<(ServiceName, Arc<[Target]>)>;

/// One service, over all its targets.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) service: ServiceName,
    /// Shared with its rounds and with who reads its notes.
    pub(super) targets: Arc<[Target]>,
    pub(super) damped: Damped,
    pub(super) history: History,
    pub(super) certificate: LastCertificate,
    pub(super) round: Option<Round>,
    pub(super) results: Results,
    /// It wants to be left alone until then.
    pub(super) not_before: Option<Moment>,
    /// What tells the note in the store that this was read from, or goes on, from a newer one; nothing without one.
    pub(super) mark: Option<u64>,
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
    pub(super) fn new(service: ServiceName, targets: Arc<[Target]>, timing: Timing, env: &Env) -> Self {
        let timing = own_timing(timing, &targets);
        Self {
            service,
            targets,
            damped: Damped::new(timing),
            history: History::new(timing.interval(), moment(env)),
            certificate: LastCertificate::default(),
            round: None,
            results: Results::default(),
            not_before: None,
            mark: None,
        }
    }

    /// As it was read, late, after `found` was begun without it: the status is that of what was found, and the history
    /// goes on with its last round.
    pub(super) fn with_found(mut self, found: Self, now: Moment) -> Self {
        let round = found.round.as_ref().and_then(|round| together(&found.targets, &round.samples));
        if let Some((sample, _)) = round {
            self.history.begin(&found.damped, now);
            self.history.sample(&sample, &found.damped, None, now);
        }
        let results = self.results.and(found.results);
        let certificate = found.certificate.certificate.or(self.certificate.certificate);
        let certificate = LastCertificate { certificate };
        Self { history: self.history, mark: self.mark, results, certificate, ..found }
    }

    /// Whether the last round was answered, as a circuit sees it.
    pub(super) fn is_answered(&self) -> bool {
        let together = self.round.as_ref().and_then(|round| together(&self.targets, &round.samples));
        together.is_some_and(|(sample, _)| sample.outcome.verdict == Verdict::Success)
    }

    /// Whether the last round says that it is down.
    pub(super) fn is_down(&self) -> bool {
        let together = self.round.as_ref().and_then(|round| together(&self.targets, &round.samples));
        together.is_some_and(|(sample, _)| sample.outcome.is_bad())
    }

    /// How much longer it wants to be left alone.
    pub(super) fn pause_left(&self, now: Moment) -> Option<Duration> {
        Some(self.not_before?.since(now)).filter(|left| !left.is_zero())
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
        self.not_before = sample.outcome.next_not_before.map(|pause| now.after(pause.min(LONGEST_PAUSE)));
        let change = self.damped.sample_while(connection, &sample, now);
        self.history.sample(&sample, &self.damped, change, now);
        self.round = Some(Round { samples, bad });
        change
    }

    /// Whether somebody answered over this family, not long ago.
    pub(super) fn answered_over(&self, family: Family, now: Moment) -> bool {
        let within = self.damped.timing().stale_after();
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

/// Hosts of others are not asked more often than they may be, whatever is configured: what is old is measured by that.
fn own_timing(timing: Timing, targets: &[Target]) -> Timing {
    if targets.iter().all(|target| target.is_private) {
        return timing;
    }
    let interval = timing.interval().max(SHORTEST_FOREIGN);
    Timing::of(interval, timing.timeout(), timing.degraded(), timing.unhealthy()).unwrap_or(timing)
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
