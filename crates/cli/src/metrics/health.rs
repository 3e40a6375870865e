//! What the health of services is in figures.

use std::time::Duration;

use vps_health::{Connection, Phase, Status};
use vps_ops::watch::{Board, LastLook, Row};

/// The health of this machine's services at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealthFigures {
    /// Each service once; one that is not probed is left out.
    pub(crate) services: Vec<ServiceFigures>,
    /// Whether this machine itself seems to be online; `None` before anybody looked.
    pub(crate) this_machine_online: Option<bool>,
    /// How long the oldest probe that is due has waited; `None` where nobody probes.
    pub(crate) probe_queue: Option<Duration>,
}

/// The health of one service.
#[derive(Clone, Debug)]
pub(crate) struct ServiceFigures {
    /// Its name, as circuits have it.
    pub(crate) service: String,
    /// The damped one, and DEGRADED where calls and probes contradict each other, as every view shows it.
    pub(crate) status: Status,
    /// Of the last probe that was answered.
    pub(crate) response: Option<Duration>,
    /// Of the same.
    pub(crate) phases: Vec<(Phase, Duration)>,
    /// Since the Unix epoch.
    pub(crate) last_sample_at: Option<Duration>,
    /// Each result once, `local` where it says nothing of the service; since the store was made, so that they never
    /// go back.
    pub(crate) samples: Vec<(&'static str, u64)>,
    /// From 0 to 1.
    pub(crate) lost_ratio: Option<f64>,
    /// Since the Unix epoch; the last one seen, also when a probe failed since.
    pub(crate) certificate_expires_at: Option<Duration>,
    pub(crate) unstable: bool,
}

impl HealthFigures {
    /// Those of a board.
    pub(crate) fn of(board: &Board) -> Self {
        let probed = || board.rows.iter().filter(|row| row.is_probed);
        let is_known = probed().any(|row| row.last.is_some());
        Self {
            services: probed().map(|row| ServiceFigures::of(row, board.at)).collect(),
            this_machine_online: is_known.then_some(board.connection != Connection::Offline),
            probe_queue: board.prober.map(|_| board.queue_age),
        }
    }
}

impl ServiceFigures {
    fn of(row: &Row, wall: f64) -> Self {
        let answered = row.last.as_ref().filter(|last| last.is_answer);
        // The last ones that are kept have it to the millisecond.
        let before = || row.recent.iter().rev().find_map(|recent| recent.took);
        let phases = |last: &LastLook| {
            let took = Phase::ALL.into_iter().map(|phase| (phase, last.phases.get(phase)));
            took.filter_map(|(phase, took)| Some((phase, took?))).collect()
        };
        let results = row.results;
        Self {
            service: row.service.to_string(),
            status: row.status,
            response: answered.map(|last| last.took).or_else(before),
            phases: answered.map(phases).unwrap_or_default(),
            last_sample_at: row
                .last
                .as_ref()
                .and_then(|last| Duration::try_from_secs_f64(wall).ok()?.checked_sub(last.ago)),
            samples: vec![
                ("healthy", results.healthy),
                ("degraded", results.degraded),
                ("unhealthy", results.unhealthy),
                ("local", results.local),
            ],
            lost_ratio: (row.lost.asked > 0).then(|| row.lost.ratio()),
            certificate_expires_at: row
                .certificate
                .and_then(|certificate| u64::try_from(certificate.not_after_seconds).ok())
                .map(Duration::from_secs),
            unstable: row.unstable.is_some(),
        }
    }
}
