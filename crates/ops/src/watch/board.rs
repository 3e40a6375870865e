//! All that there is to see, as one value: the terminal, the page, JSON and the metrics show the same.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use vps_health::{
    Calls, Certificate, Connection, Damped, Disagreement, Headline, Level, Lost, Phases, Progress, Quantile,
    Reason, Recent, Sample, Share, Status, Summary, Uptime, Window, row_order, shown,
};

use super::change::LoggedChange;
use super::results::Results;
use super::service::Watched;
use crate::circuit::CircuitStatus;
use crate::running::RunningOperation;
use crate::service::ServiceName;

/// Everything at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Board {
    /// When, in seconds since the Unix epoch.
    pub at: f64,
    /// How often services are looked at.
    pub interval: Duration,
    /// The process that looks at services; nothing where nobody does.
    pub prober: Option<u32>,
    /// What is known of this machine's connection.
    pub connection: Connection,
    /// Whether somebody answered over IPv4, and over IPv6, in the last round.
    pub families: (bool, bool),
    /// How long a name takes to be resolved: the median of the last round.
    pub resolver: Option<Duration>,
    /// When the next look is due, from now.
    pub next_in: Option<Duration>,
    /// How long the look has waited that waits longest for its turn.
    pub queue_age: Duration,
    /// Services, the bad ones first.
    pub rows: Vec<Row>,
    /// Operations that are under way, the oldest first.
    pub running: Vec<RunningOperation>,
    /// What changed lately, the newest first.
    pub changes: Vec<LoggedChange>,
}

/// One service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Its name.
    pub service: ServiceName,
    /// Whether it is looked at: it has a target, and is one of those that are.
    pub is_probed: bool,
    /// How it is, as it is shown: calls and probes that contradict each other make it DEGRADED.
    pub status: Status,
    /// How it is by its probes, damped.
    pub damped: Status,
    /// How calls and probes contradict each other.
    pub disagreement: Option<Disagreement>,
    /// Since when it is so by its probes, in seconds since the Unix epoch.
    pub since: Option<f64>,
    /// Why it is so.
    pub reason: Option<Reason>,
    /// How far it is on the way to another status.
    pub progress: Option<Progress>,
    /// The last look.
    pub last: Option<LastLook>,
    /// When it last answered in time, in seconds since the Unix epoch.
    pub last_good: Option<f64>,
    /// Whether there was no look that says something for two intervals.
    pub is_stale: bool,
    /// Changes in the last hour, where they are too many.
    pub unstable: Option<u32>,
    /// Half of the answers came sooner.
    pub p50: Option<Quantile>,
    /// 95 of 100 answers came sooner.
    pub p95: Option<Quantile>,
    /// 99 of 100 answers came sooner.
    pub p99: Option<Quantile>,
    /// Looks without an answer, of the last ones.
    pub lost: Lost,
    /// Looks of the last two days.
    pub samples: Lost,
    /// All looks there ever were, by what they came to.
    pub results: Results,
    /// How much of the last day it was up.
    pub uptime_day: Uptime,
    /// How much of the last 90 days it was up.
    pub uptime_90_days: Uptime,
    /// The last looks, the oldest first.
    pub recent: Vec<Recent>,
    /// The certificate that ends first.
    pub certificate: Option<Certificate>,
    /// Whether that is near.
    pub is_certificate_near: bool,
    /// Its targets, at the last look.
    pub targets: Vec<TargetLook>,
    /// Names of the bad targets, where not all are.
    pub bad: Vec<String>,
    /// Its circuit.
    pub circuit: CircuitStatus,
    /// Until when nobody is told of it, in seconds since the Unix epoch.
    pub muted_until: Option<f64>,
}

/// The last look at a service, over all of its targets.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LastLook {
    /// How long ago it ended.
    pub ago: Duration,
    /// How good it was; nothing where it says nothing of the service.
    pub level: Option<Level>,
    /// Why.
    pub reason: Reason,
    /// How long it took.
    pub took: Duration,
    /// What of it went where.
    pub phases: Phases,
    /// Whether it was answered, fast or slow.
    pub is_answer: bool,
}

/// The last look at one target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TargetLook {
    /// How it is shown.
    pub name: String,
    /// The look; nothing before the first.
    pub last: Option<LastLook>,
    /// The address that was asked.
    pub address: Option<IpAddr>,
    /// Whether it went through a proxy.
    pub via_proxy: bool,
}

/// Looks that are shown one by one.
const RECENT: usize = 60;

impl Board {
    /// How many services are how; those that are not looked at do not count.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(self.probed().map(|row| row.status))
    }

    /// What the first sentence says.
    #[must_use]
    pub fn headline(&self) -> Headline {
        Headline::of(self.probed().map(|row| (row.service.as_str(), row.status)), self.connection)
    }

    fn probed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_probed)
    }
}

/// What a row is made of, beside the service itself.
pub(super) struct Beside<'a> {
    pub(super) circuit: Cow<'a, CircuitStatus>,
    pub(super) wall: f64,
    pub(super) now: vps_health::Moment,
    pub(super) muted_until: Option<f64>,
}

impl Row {
    /// Of a service that is looked at.
    pub(super) fn of(watched: &Watched, beside: Beside<'_>) -> Self {
        let Beside { circuit, wall, now, muted_until } = beside;
        let ago = |moment: vps_health::Moment| wall - now.since(moment).as_secs_f64();
        let damped = &watched.damped;
        let disagreement = disagreement(&circuit, damped, wall, now);
        let (history, round) = (&watched.history, watched.round.as_ref());
        let over = history.recent().count().saturating_sub(RECENT);
        let together = round.and_then(|round| super::service::together(&watched.targets, &round.samples));
        Self {
            service: watched.service.clone(),
            is_probed: true,
            status: shown(damped.status(), disagreement),
            damped: damped.status(),
            disagreement,
            since: damped.since().map(ago),
            reason: damped.reason(),
            progress: damped.progress(),
            last: together.map(|(sample, _)| LastLook::of(&sample, now)),
            last_good: damped.last_good().map(ago),
            is_stale: damped.is_stale(now),
            unstable: damped.unstable(now),
            p50: history.quantile(Share::P50),
            p95: history.quantile(Share::P95),
            p99: history.quantile(Share::P99),
            lost: history.recent_lost(),
            samples: history.lost(Window::Hours(48)),
            results: watched.results,
            uptime_day: history.uptime_at(Window::Hours(24), now),
            uptime_90_days: history.uptime_at(Window::Days(90), now),
            recent: history.recent_at(now).skip(over).collect(),
            certificate: watched.certificate.certificate,
            is_certificate_near: watched
                .certificate
                .certificate
                .is_some_and(|certificate| certificate.is_near(whole(wall))),
            targets: targets(watched, now),
            bad: round.map(|round| round.bad.clone()).unwrap_or_default(),
            circuit: circuit.into_owned(),
            muted_until,
        }
    }

    /// Of a service that nobody looks at.
    pub(super) fn not_probed(circuit: &CircuitStatus) -> Self {
        Self {
            service: circuit.service.clone(),
            is_probed: false,
            status: Status::Unknown,
            damped: Status::Unknown,
            disagreement: None,
            since: None,
            reason: None,
            progress: None,
            last: None,
            last_good: None,
            is_stale: false,
            unstable: None,
            p50: None,
            p95: None,
            p99: None,
            lost: Lost::default(),
            samples: Lost::default(),
            results: Results::default(),
            uptime_day: Uptime::default(),
            uptime_90_days: Uptime::default(),
            recent: Vec::new(),
            certificate: None,
            is_certificate_near: false,
            targets: Vec::new(),
            bad: Vec::new(),
            circuit: circuit.clone(),
            muted_until: None,
        }
    }
}

impl LastLook {
    fn of(sample: &Sample, now: vps_health::Moment) -> Self {
        Self {
            ago: now.since(sample.ended()),
            level: sample.outcome.level,
            reason: sample.outcome.reason,
            took: sample.took,
            phases: sample.phases,
            is_answer: sample.outcome.is_answer(),
        }
    }
}

fn targets(watched: &Watched, now: vps_health::Moment) -> Vec<TargetLook> {
    let samples = watched.round.as_ref().map(|round| round.samples.as_slice()).unwrap_or_default();
    let of = |(at, target): (usize, &vps_health::Target)| {
        let sample = samples.get(at);
        TargetLook {
            name: target.name.clone(),
            last: sample.map(|sample| LastLook::of(sample, now)),
            address: sample.and_then(|sample| sample.address),
            via_proxy: sample.is_some_and(|sample| sample.via_proxy),
        }
    };
    watched.targets.iter().enumerate().map(of).collect()
}

/// What is known of real calls.
pub(super) fn calls(circuit: &CircuitStatus, wall: f64, now: vps_health::Moment) -> Calls {
    // One that the clock was set back behind was just now.
    let ago = circuit.succeeded_at.and_then(|at| Duration::try_from_secs_f64((wall - at).max(0.0)).ok());
    Calls { last_success: ago.map(|ago| now.before(ago)) }
}

/// How calls and probes contradict each other.
pub(super) fn disagreement(
    circuit: &CircuitStatus,
    damped: &Damped,
    wall: f64,
    now: vps_health::Moment,
) -> Option<Disagreement> {
    vps_health::disagreement(&circuit.view, damped, calls(circuit, wall, now))
}

/// Orders rows as every view shows them: bad ones first, then the rest by name, those that nobody looks at last.
pub(super) fn order(rows: &mut [Row]) {
    rows.sort_by(|a, b| {
        let by_status = || row_order((a.service.as_str(), a.status), (b.service.as_str(), b.status));
        b.is_probed.cmp(&a.is_probed).then_with(by_status)
    });
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 are far from the end of an i64")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}
