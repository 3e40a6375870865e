//! Asks for the figures: the store once for the circuits and once for the totals.

use std::collections::BTreeMap;

use vps_ops::circuit::CircuitStatus;
use vps_ops::guard::Usage;
use vps_ops::service::ServiceName;
use vps_ops::store::StoreError;
use vps_ops::totals::TotalsSnapshot;
use vps_ops::{NetworkOperationWrapper, State};

use super::{CircuitFigures, Figures};

impl Figures {
    /// The figures of all processes of this machine, and the bulkheads of this one.
    ///
    /// # Errors
    /// When the store cannot be read: totals of this process alone would look as if all had begun anew.
    pub(crate) async fn gather(network: &NetworkOperationWrapper) -> Result<Self, StoreError> {
        let guards = network.circuit_breakers();
        let totals = network.totals().snapshot().await?;
        let circuits = circuits(&totals, guards.stored_status().await?);
        let bulkheads = bulkheads(&totals, guards.usage());
        let dead_letters = Some(network.letters().count().await?);
        Ok(Self { circuits, totals, bulkheads, dead_letters, ..Self::default() })
    }
}

/// Circuits by label; those that are not told apart are as the worst of them.
fn circuits(totals: &TotalsSnapshot, all: BTreeMap<ServiceName, CircuitStatus>) -> Vec<CircuitFigures> {
    let mut by_label: BTreeMap<String, (State, u32)> = BTreeMap::new();
    for (name, status) in all {
        let (state, failures) = if name.as_str() == ServiceName::EXTERNAL_DOWNLOADS {
            // Shown elsewhere by the worst of its hosts, which stand here for themselves.
            status.own.map_or((State::Closed, 0), |own| (own.state, own.failure_count))
        } else {
            (status.state, status.failure_count)
        };
        let entry = by_label.entry(totals.label(name.as_str()).to_owned()).or_insert((state, 0));
        if badness(state) > badness(entry.0) {
            entry.0 = state;
        }
        entry.1 = entry.1.saturating_add(failures);
    }
    let figures = by_label.into_iter();
    figures.map(|(service, (state, failures))| CircuitFigures { service, state, failures }).collect()
}

const fn badness(state: State) -> u8 {
    match state {
        State::Closed => 0,
        State::HalfOpen => 1,
        State::Open => 2,
    }
}

/// Bulkheads by label; those that are not told apart are summed up.
fn bulkheads(totals: &TotalsSnapshot, all: BTreeMap<ServiceName, Usage>) -> Vec<(String, Usage)> {
    let mut by_label: BTreeMap<String, Usage> = BTreeMap::new();
    for (name, usage) in all {
        let label = totals.label(name.as_str());
        match by_label.get_mut(label) {
            Some(sum) => {
                sum.inside = sum.inside.saturating_add(usage.inside);
                sum.max_concurrent = sum.max_concurrent.saturating_add(usage.max_concurrent);
                sum.waiting = sum.waiting.saturating_add(usage.waiting);
                sum.max_queue = sum.max_queue.saturating_add(usage.max_queue);
            }
            None => drop(by_label.insert(label.to_owned(), usage)),
        }
    }
    by_label.into_iter().collect()
}
