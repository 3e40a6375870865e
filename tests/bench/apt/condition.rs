//! The conditions under which both are measured, and what is demanded of us under each.

use std::time::Duration;

use crate::link::Shape;

const MIB: f64 = 1_048_576.0;
const HALF_A_ROUND_TRIP: Duration = Duration::from_millis(25);

/// What is demanded.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// apt-get takes at least this many times as long.
    Faster(f64),
    /// We take at most this many seconds more.
    More(f64),
    /// Measured, not demanded.
    Nothing,
}

/// One row of the table.
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// `None` is the mirror itself, nothing in between.
    pub(crate) shape: Option<Shape>,
    pub(crate) rounds: usize,
    pub(crate) target: Target,
}

const DELAYED: Shape = Shape { one_way: HALF_A_ROUND_TRIP, each: None, shared: None, slow_start: false };

pub(crate) const CONDITIONS: [Condition; 5] = [
    Condition {
        name: "latency",
        what: "50 ms round trip, connections that begin as TCP does",
        shape: Some(Shape { slow_start: true, ..DELAYED }),
        rounds: 7,
        target: Target::Faster(1.3),
    },
    Condition {
        name: "delay",
        what: "50 ms round trip, connections at full rate from the first byte",
        shape: Some(DELAYED),
        rounds: 7,
        target: Target::Nothing,
    },
    Condition {
        name: "each",
        what: "4 MiB/s for each connection, 50 ms round trip",
        shape: Some(Shape { each: Some(4.0 * MIB), ..DELAYED }),
        rounds: 3,
        target: Target::Faster(4.0),
    },
    Condition {
        name: "shared",
        what: "12 MiB/s for all connections, 50 ms round trip",
        shape: Some(Shape { shared: Some(12.0 * MIB), ..DELAYED }),
        rounds: 3,
        target: Target::Faster(1.0),
    },
    Condition { name: "none", what: "no delay at all", shape: None, rounds: 9, target: Target::More(0.2) },
];
