//! What there is to know in figures, for Prometheus: plain values that are gathered once, and two forms to write them
//! in. `docs/metrics.md` lists them.

mod classic;
mod families;
mod file;
mod gather;
pub(crate) mod health;
mod names;
mod open_metrics;
#[cfg(test)]
mod published;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vps_ops::State;
use vps_ops::guard::Usage;
use vps_ops::totals::TotalsSnapshot;

pub(crate) use file::write_file;
pub(crate) use health::HealthFigures;

/// All figures at one moment. Services go by their labels: what is not told apart is `other`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) circuits: Vec<CircuitFigures>,
    pub(crate) totals: TotalsSnapshot,
    /// Of this process.
    pub(crate) bulkheads: Vec<(String, Usage)>,
    /// Where it is known.
    pub(crate) dead_letters: Option<u64>,
    pub(crate) health: HealthFigures,
    /// When the command ended that writes them, since the Unix epoch.
    pub(crate) last_run_at: Option<Duration>,
}

/// One circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CircuitFigures {
    pub(crate) service: String,
    pub(crate) state: State,
    pub(crate) failures: u32,
}

/// How figures are written.
#[cfg_attr(
    not(any(test, feature = "web")),
    expect(dead_code, reason = "only who serves them over HTTP is asked for others")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For who asks for it by `Accept`, as Prometheus does.
    OpenMetrics,
    /// For files, and for all others.
    Classic,
}

#[cfg(any(test, feature = "web"))]
impl Format {
    /// What HTTP calls it.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Figures {
    /// About as many bytes as they take as text, so that it need not grow while it is written.
    fn size(&self) -> usize {
        let kinds: usize = self.totals.iter().map(|(_, totals)| totals.kinds.len()).sum();
        let of_totals = 600 * self.totals.iter().count() + 4_000 * kinds;
        4_096
            + 400 * self.circuits.len()
            + 300 * self.bulkheads.len()
            + 1_500 * self.health.services.len()
            + of_totals
    }

    /// All of them as text.
    ///
    /// # Errors
    /// Where a metric cannot be written in this form: half of them would look as if the others were gone.
    pub(crate) fn render(self, format: Format) -> Result<String, fmt::Error> {
        match format {
            Format::OpenMetrics => open_metrics::render(Arc::new(self)),
            Format::Classic => classic::render(&self),
        }
    }
}
