//! Asks all services once: what `health` does.

mod join;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use vps_retry::Timer;

use crate::answer::Reason;
use crate::level::Timing;
use crate::probe::{PROBE_GRACE, Probe};
use crate::sample::Sample;
use crate::schedule::MOST_IN_FLIGHT;
use crate::status::Status;
use crate::summary::{Summary, combine};
use crate::target::Target;
use crate::time::Moment;

use join::{Either, Join, first};

/// A probe that ended badly is asked for confirmation so long after it began to be known.
const CONFIRM_AFTER: Duration = Duration::from_millis(500);

/// Asks targets and says how their services are.
///
/// All at once, those of one host too, but for more than [`MOST_IN_FLIGHT`]: the others then follow as places come
/// free. Each is asked up to its timeout; where one is bad it is asked once more, and the better of the two samples
/// counts. So up to that many take twice the timeout and less than a second at most.
#[derive(Debug)]
pub struct HealthCheckService<P, T> {
    probe: P,
    timer: T,
    targets: Vec<(Target, Timing)>,
    last: Vec<Checked>,
}

/// A target, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// It.
    pub target: Target,
    /// The sample that counts, and the one before it or after it where it was asked twice, in order of time.
    pub samples: Vec<Sample>,
    /// Which of them counts.
    counts: usize,
}

impl Checked {
    fn new(target: Target, samples: Vec<Sample>) -> Self {
        // The better one; of two that are as good the later. One that says nothing counts least.
        let badness = |sample: &Sample| (sample.outcome.is_local(), sample.outcome.level);
        let best = samples.iter().enumerate().rev().min_by_key(|(_, sample)| badness(sample));
        let counts = best.map_or(0, |(at, _)| at);
        Self { target, samples, counts }
    }

    /// The one that counts.
    #[must_use]
    pub fn sample(&self) -> Option<&Sample> {
        self.samples.get(self.counts)
    }
}

/// One service, over its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceHealth {
    /// Its name.
    pub service: String,
    /// By this one check.
    pub status: Status,
    /// Of the sample that speaks for all.
    pub reason: Option<Reason>,
    /// Of the slowest good target.
    pub took: Option<Duration>,
    /// The targets that are bad, where not all are.
    pub bad: Vec<String>,
}

impl<P: Probe, T: Timer + Sync> HealthCheckService<P, T> {
    /// For these targets, with the times of each.
    pub fn new(probe: P, timer: T, targets: Vec<(Target, Timing)>) -> Self {
        Self { probe, timer, targets, last: Vec::new() }
    }

    /// Asks all of them, and says how each service is, by name.
    ///
    /// Cancel safe: dropped, it stops every probe, and the summary is that of the check before.
    pub async fn check_all(&mut self) -> Vec<ServiceHealth> {
        let (probe, timer) = (&self.probe, &self.timer);
        let checks = self.targets.iter().map(|(target, timing)| {
            let check = async move {
                let mut samples = Vec::with_capacity(2);
                samples.push(ask(probe, timer, target, timing).await);
                if samples.iter().any(|sample| sample.outcome.is_bad()) {
                    timer.sleep(CONFIRM_AFTER).await;
                    samples.push(ask(probe, timer, target, timing).await);
                }
                Checked::new(target.clone(), samples)
            };
            Box::pin(check) as core::pin::Pin<Box<dyn Future<Output = Checked> + Send + '_>>
        });
        let last = Join::new(MOST_IN_FLIGHT, checks).await;
        self.last = last;
        self.services()
    }

    /// How each service was at the last check, by name.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceHealth> {
        let mut services: BTreeMap<&str, Vec<(&str, &Sample)>> = BTreeMap::new();
        for checked in &self.last {
            let samples = services.entry(&checked.target.service).or_default();
            samples.extend(checked.sample().map(|sample| (checked.target.name.as_str(), sample)));
        }
        let health = |(service, samples): (&str, Vec<(&str, &Sample)>)| {
            let combined = combine(&samples);
            let level = combined.as_ref().and_then(|all| all.level);
            ServiceHealth {
                service: String::from(service),
                status: level.map_or(Status::Unknown, Status::from),
                reason: combined.as_ref().map(|all| all.leading.outcome.reason),
                took: combined.as_ref().and_then(|all| all.took),
                bad: combined.map(|all| all.bad.into_iter().map(String::from).collect()).unwrap_or_default(),
            }
        };
        services.into_iter().map(health).collect()
    }

    /// How many services are how, by the last check; all unknown before the first.
    #[must_use]
    pub fn get_summary(&self) -> Summary {
        if self.last.is_empty() {
            let mut names: Vec<_> = self.targets.iter().map(|(target, _)| &target.service).collect();
            names.sort_unstable();
            names.dedup();
            return Summary::of(names.into_iter().map(|_| Status::Unknown));
        }
        Summary::of(self.services().into_iter().map(|service| service.status))
    }

    /// What was found of each target at the last check, with every sample: a history takes them all in.
    #[must_use]
    pub fn checked(&self) -> &[Checked] {
        &self.last
    }
}

/// One sample, also of a probe that does not keep its deadline.
async fn ask(probe: &impl Probe, timer: &impl Timer, target: &Target, timing: &Timing) -> Sample {
    let at = Moment::from(timer.now());
    let sample = probe.sample(target, at.after(timing.timeout()));
    match first(sample, timer.sleep(timing.timeout().saturating_add(PROBE_GRACE))).await {
        Either::Left(sample) => sample,
        Either::Right(()) => Sample::late(at, timing.timeout()),
    }
}

#[cfg(test)]
mod tests;
