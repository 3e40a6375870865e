//! A run of apt-get or dpkg that ended: what it printed, and what that means.

use crate::apt::facts::Fault;
use crate::apt::words::{Said, StatusSummary, Step, fault};
use crate::process::Captured;

pub(super) fn understood(step: Step, captured: Captured, status: &StatusSummary) -> (Said, Option<Fault>) {
    let ended = captured.ended;
    let said = Said::from(captured);
    let fault = fault(step, ended, &said, status);
    (said, fault)
}
