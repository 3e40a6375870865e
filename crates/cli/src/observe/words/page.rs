//! The words of the status page, beside those of health itself.

use vps_health::{Connection, Status};
use vps_ops::watch::Row;

use super::health;

/// Where nothing is looked at.
pub(crate) const NO_SERVICES: &str =
    "No service is looked at: name some under performance.health_checks.services of the configuration.";
/// Where the script cannot reach us any more.
pub(crate) const LOST: &str = "The server does not answer; what is shown here is older than it says.";
/// Above the operations.
pub(crate) const RUNNING: &str = "Running";
/// Above the changes.
pub(crate) const CHANGES: &str = "Last changes";
/// Of a reader that cannot see what the table is about.
pub(crate) const TABLE: &str = "Services, the bad ones first";
/// The columns.
pub(crate) const COLUMNS: [&str; 6] = ["Service", "Status", "Now", "p95, lost", "Up 24 h", "Circuit"];
/// Other rows of the same table.
pub(crate) const PAGES: &str = "Pages";
/// The rows before these.
pub(crate) const BEFORE: &str = "Previous";
/// The rows after these.
pub(crate) const AFTER: &str = "Next";

/// Is it me?
pub(crate) const fn this_machine(connection: Connection) -> &'static str {
    match connection {
        Connection::Online => "This machine is online.",
        Connection::Undecided => "Whether this machine is online is being found out.",
        Connection::Offline => "This machine seems offline.",
    }
}

/// The title of the window: how many are bad, where some are, and the sentence.
pub(crate) fn title(bad: usize, sentence: &str) -> String {
    if bad == 0 { sentence.to_owned() } else { format!("({bad}) {sentence}") }
}

/// The shape of a status, which says the same as its word and its colour.
pub(crate) const fn shape(row: &Row) -> &'static str {
    match row.status {
        _ if !row.is_probed => "-",
        Status::Healthy => "+",
        Status::Degraded => "!",
        Status::Unhealthy => "X",
        Status::Unknown => "?",
    }
}

/// `0.30s, 40%`: how fast, and how often there was no answer; `-` where nobody asked.
pub(crate) fn speed(row: &Row) -> String {
    if row.lost.asked == 0 {
        return "-".to_owned();
    }
    format!("{}, {}", health::quantile(row.p95.as_ref()), health::lost(row))
}

/// `1 to 200 of 1000`.
pub(crate) fn rows(first: usize, last: usize, all: usize) -> String {
    format!("{first} to {last} of {all}")
}
