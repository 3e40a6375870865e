//! Boards for tests of what shows them: a row is made of rounds, as a watch makes it.

use std::borrow::Cow;
use std::time::Duration;

use vps_breaker::{Machine, Policy, Tick};
use vps_health::{Connection, Damped, History, LastCertificate, Moment, Sample, Target, Timing};

use super::board::{Beside, Board, Row, order};
use super::service::Watched;
use crate::circuit::CircuitStatus;
use crate::service::ServiceName;

/// The moment of every board here.
const NOW: Moment = Moment::from_millis(1_000_000_000);

/// A board with nothing on it, as of `at` seconds since the Unix epoch.
#[must_use]
pub fn board(at: f64, rows: Vec<Row>) -> Board {
    let mut rows = rows;
    order(&mut rows);
    Board {
        at,
        interval: Timing::new().interval(),
        prober: None,
        connection: Connection::Online,
        families: (false, false),
        resolver: None,
        next_in: None,
        queue_age: Duration::ZERO,
        rows,
        running: Vec::new(),
        changes: Vec::new(),
    }
}

/// A service that nobody looks at.
#[must_use]
pub fn not_probed(service: &str) -> Row {
    Row::not_probed(&unused(service))
}

/// A service after these rounds, the oldest first: how long before the board each began, and what it found of each target.
#[must_use]
pub fn row(at: f64, targets: &[Target], rounds: &[(Duration, Vec<Sample>)]) -> Row {
    let timing = Timing::new();
    let name = targets.first().map_or("nothing", |target| target.service.as_str());
    let began = rounds.first().map_or(NOW, |(ago, _)| NOW.before(*ago));
    let mut watched = Watched {
        service: ServiceName::from(name),
        targets: targets.into(),
        damped: Damped::new(timing),
        history: History::new(timing.interval(), began),
        certificate: LastCertificate::default(),
        round: None,
        results: super::results::Results::default(),
        not_before: None,
        mark: None,
    };
    for (ago, samples) in rounds {
        let began = NOW.before(*ago);
        let samples: Vec<Sample> =
            samples.iter().map(|sample| Sample { at: began, ..sample.clone() }).collect();
        let ended = samples.iter().map(Sample::ended).max().unwrap_or(began);
        // What changed is seen in the row.
        let _ = watched.take(samples, Connection::Online, ended);
    }
    let circuit = unused(name);
    Row::of(&watched, Beside { circuit: Cow::Borrowed(&circuit), wall: at, now: NOW, muted_until: None })
}

fn unused(service: &str) -> CircuitStatus {
    let view = Machine::new().peek(&Policy::default(), Tick::from_nanos(0));
    CircuitStatus::of_view(ServiceName::from(service), &view)
}
