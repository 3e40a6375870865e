//! The figures, metric by metric, in whatever form they are written.

use std::fmt::Result;
use std::time::Duration;

use vps_health::Status;
use vps_ops::State;
use vps_ops::totals::{Durations, Outcome, ServiceTotals};

use super::names::{self, Metric};
use super::{CircuitFigures, Figures};

/// Where the samples of all metrics go.
pub(super) trait Form {
    /// Has `write` write the samples of one metric. A metric without samples is not there.
    fn metric(
        &mut self,
        metric: &'static Metric,
        write: &mut dyn FnMut(&mut dyn Samples) -> Result,
    ) -> Result;
}

/// Where the samples of one metric go. Labels are values in the order in which the metric names them.
pub(super) trait Samples {
    fn whole(&mut self, labels: &[&str], value: u64) -> Result;
    fn number(&mut self, labels: &[&str], value: f64) -> Result;
    fn durations(&mut self, labels: &[&str], value: &Durations) -> Result;
}

/// Writes all that is known.
pub(super) fn write(figures: &Figures, to: &mut dyn Form) -> Result {
    to.metric(&names::BUILD, &mut |samples| samples.whole(&[env!("CARGO_PKG_VERSION")], 1))?;
    to.metric(&names::LAST_RUN, &mut |samples| seconds(samples, &[], figures.last_run_at))?;
    circuits(figures, to)?;
    totals(figures, to)?;
    to.metric(&names::DEAD_LETTERS, &mut |samples| {
        figures.dead_letters.map_or(Ok(()), |count| samples.whole(&[], count))
    })?;
    bulkheads(figures, to)?;
    health(figures, to)
}

fn circuits(figures: &Figures, to: &mut dyn Form) -> Result {
    let mut each = |metric, write: &dyn Fn(&mut dyn Samples, &CircuitFigures) -> Result| {
        to.metric(metric, &mut |samples| figures.circuits.iter().try_for_each(|one| write(samples, one)))
    };
    each(&names::CIRCUIT_STATE, &|samples, circuit| {
        [State::Closed, State::Open, State::HalfOpen].into_iter().try_for_each(|state| {
            samples.whole(&[&circuit.service, state.as_str()], u64::from(circuit.state == state))
        })
    })?;
    each(&names::CIRCUIT_FAILURES, &|samples, circuit| {
        samples.whole(&[&circuit.service], u64::from(circuit.failures))
    })
}

fn totals(figures: &Figures, to: &mut dyn Form) -> Result {
    let mut each = |metric, write: &dyn Fn(&mut dyn Samples, &str, &ServiceTotals) -> Result| {
        to.metric(metric, &mut |samples| {
            figures.totals.iter().try_for_each(|(service, totals)| write(samples, service, totals))
        })
    };
    each(&names::CIRCUIT_TRANSITIONS, &|samples, service, totals| {
        totals.transitions.iter().try_for_each(|(from, counts)| {
            counts.iter().try_for_each(|(to, count)| samples.whole(&[service, from, to], *count))
        })
    })?;
    each(&names::CIRCUIT_REJECTED, &|samples, service, totals| samples.whole(&[service], totals.rejected))?;
    each(&names::OPERATIONS, &|samples, service, totals| {
        totals.kinds.iter().try_for_each(|(kind, totals)| {
            Outcome::ALL.into_iter().try_for_each(|outcome| {
                samples.whole(&[kind, service, outcome.as_str()], totals.operations.of(outcome))
            })
        })
    })?;
    each(&names::OPERATION_DURATION, &|samples, service, totals| {
        totals
            .kinds
            .iter()
            .try_for_each(|(kind, totals)| samples.durations(&[kind, service], &totals.durations))
    })?;
    each(&names::ATTEMPTS, &|samples, service, totals| {
        totals.kinds.iter().try_for_each(|(kind, totals)| {
            totals.attempts.iter().try_for_each(|(class, outcomes)| {
                let ended = Outcome::ALL.into_iter().map(|outcome| (outcome, outcomes.of(outcome)));
                ended.filter(|(_, count)| *count > 0).try_for_each(|(outcome, count)| {
                    samples.whole(&[kind, service, outcome.as_str(), class], count)
                })
            })
        })
    })?;
    each(&names::ATTEMPT_DURATION, &|samples, service, totals| {
        let with_attempts = totals.kinds.iter().filter(|(_, totals)| !totals.attempts.is_empty());
        with_attempts
            .into_iter()
            .try_for_each(|(kind, totals)| samples.durations(&[kind, service], &totals.attempt_durations))
    })?;
    each(&names::RETRY_DELAY, &|samples, service, totals| {
        samples.number(&[service], totals.retry_delay().as_secs_f64())
    })?;
    each(&names::RETRIES_EXHAUSTED, &|samples, service, totals| {
        samples.whole(&[service], totals.retries_exhausted)
    })?;
    each(&names::DOWNLOADED, &|samples, service, totals| samples.whole(&[service], totals.received_bytes))
}

fn bulkheads(figures: &Figures, to: &mut dyn Form) -> Result {
    let mut each = |metric, value: &dyn Fn(&vps_ops::guard::Usage) -> u32| {
        to.metric(metric, &mut |samples| {
            let mut all = figures.bulkheads.iter();
            all.try_for_each(|(service, usage)| samples.whole(&[service], u64::from(value(usage))))
        })
    };
    each(&names::BULKHEAD_PERMITS, &|usage| usage.max_concurrent)?;
    each(&names::BULKHEAD_IN_USE, &|usage| usage.inside)?;
    each(&names::BULKHEAD_QUEUE, &|usage| usage.waiting)
}

/// In the order in which they are written.
const STATUSES: [Status; 4] = [Status::Healthy, Status::Degraded, Status::Unhealthy, Status::Unknown];

fn health(figures: &Figures, to: &mut dyn Form) -> Result {
    let health = &figures.health;
    let mut each = |metric, write: &dyn Fn(&mut dyn Samples, &super::health::ServiceFigures) -> Result| {
        to.metric(metric, &mut |samples| health.services.iter().try_for_each(|one| write(samples, one)))
    };
    each(&names::HEALTH_STATUS, &|samples, one| {
        STATUSES.into_iter().try_for_each(|status| {
            samples.whole(&[&one.service, status.as_str()], u64::from(one.status == status))
        })
    })?;
    each(&names::HEALTH_RESPONSE, &|samples, one| seconds(samples, &[&one.service], one.response))?;
    each(&names::HEALTH_PHASE, &|samples, one| {
        let mut phases = one.phases.iter();
        phases.try_for_each(|(phase, took)| seconds(samples, &[&one.service, phase.as_str()], Some(*took)))
    })?;
    each(&names::HEALTH_LAST_SAMPLE, &|samples, one| seconds(samples, &[&one.service], one.last_sample_at))?;
    each(&names::HEALTH_SAMPLES, &|samples, one| {
        let mut results = one.samples.iter();
        results.try_for_each(|(result, count)| samples.whole(&[&one.service, result], *count))
    })?;
    each(&names::HEALTH_LOST, &|samples, one| match one.lost_ratio {
        Some(ratio) => samples.number(&[&one.service], ratio),
        None => Ok(()),
    })?;
    each(&names::HEALTH_CERTIFICATE, &|samples, one| {
        seconds(samples, &[&one.service], one.certificate_expires_at)
    })?;
    each(&names::HEALTH_UNSTABLE, &|samples, one| samples.whole(&[&one.service], u64::from(one.unstable)))?;
    to.metric(&names::PROBE_QUEUE, &mut |samples| seconds(samples, &[], health.probe_queue))?;
    to.metric(&names::ONLINE, &mut |samples| match health.this_machine_online {
        Some(online) => samples.whole(&[], u64::from(online)),
        None => Ok(()),
    })
}

/// What is not known has no sample.
fn seconds(samples: &mut dyn Samples, labels: &[&str], value: Option<Duration>) -> Result {
    value.map_or(Ok(()), |value| samples.number(labels, value.as_secs_f64()))
}
