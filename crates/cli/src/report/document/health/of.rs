//! The documents of health, made of a board.

use crate::observe::words::health as words;
use vps_health::{Family, Headline, Level, Quantile, Status};
use vps_ops::circuit::rfc3339;
use vps_ops::running::RunningOperation;
#[cfg(feature = "web")]
use vps_ops::watch::Watch;
use vps_ops::watch::{Board, Changed, LastLook, LoggedChange, Row};

use super::{
    Change, Circuit, Health, Look, Lost, News, Progress, ResponseTime, Running, Service, Services, Summary,
    Target, ThisMachine, Uptime,
};

/// Looks whose times are told, and that a table shows.
pub(crate) const LAST_LOOKS: usize = 12;

impl<'b> Health<'b> {
    /// All there is to see.
    pub(crate) fn of(board: &'b Board) -> Self {
        Self::with(board, &board.headline(), Services::Rows(&board.rows))
    }

    /// All that `watch` sees now.
    #[cfg(feature = "web")]
    pub(crate) fn of_watch(watch: &'b Watch) -> Self {
        Self::with(&watch.board_without_rows(), &watch.headline(), Services::Of(watch))
    }

    fn with(board: &Board, headline: &Headline, services: Services<'b>) -> Self {
        let summary = headline.summary;
        Self {
            generated_at: rfc3339(board.at),
            sentence: words::sentence(headline),
            summary: Summary {
                healthy: summary.healthy,
                degraded: summary.degraded,
                unhealthy: summary.unhealthy,
                unknown: summary.unknown,
                total: summary.total,
            },
            this_machine: ThisMachine {
                connection: words::connection(board.connection),
                ipv4: board.families.0,
                ipv6: board.families.1,
                resolver_seconds: board.resolver.map(|took| took.as_secs_f64()),
            },
            interval_seconds: board.interval.as_secs_f64(),
            prober_pid: board.prober,
            next_look_in_seconds: board.next_in.map(milliseconds),
            services,
            running: board.running.iter().map(Running::of).collect(),
            changes: board.changes.iter().map(Change::of).collect(),
        }
    }
}

impl Service {
    pub(super) fn of(row: &Row) -> Self {
        let quantile = |quantile: &Quantile| ResponseTime {
            seconds: quantile.value.as_secs_f64(),
            n: quantile.n,
            kind: words::quantile_kind(quantile.kind),
        };
        let uptime = |uptime: &vps_health::Uptime| Uptime {
            up_seconds: uptime.up.as_secs_f64(),
            seen_seconds: uptime.seen.as_secs_f64(),
            percent: uptime.hundredths().map(|share| f64::from(share) / 100.0),
        };
        let before = row.recent.len().saturating_sub(LAST_LOOKS);
        Self {
            probed: row.is_probed,
            status: row.status.as_str(),
            probe_status: row.damped.as_str(),
            now: row.last.as_ref().and_then(|last| last.level).map(Level::as_str),
            disagreement: row.disagreement.map(vps_health::Disagreement::as_str),
            since: row.since.map(rfc3339),
            reason: row.reason.as_ref().map(vps_health::Reason::as_str),
            reason_text: row.reason.as_ref().map(words::reason),
            progress: row.progress.map(|progress| Progress {
                toward: Status::from(progress.toward).as_str(),
                count: progress.count,
                needed: progress.needed,
            }),
            last: row.last.as_ref().map(Look::of),
            last_good: row.last_good.map(rfc3339),
            stale: row.is_stale,
            unstable_changes: row.unstable,
            p50: row.p50.as_ref().map(quantile),
            p95: row.p95.as_ref().map(quantile),
            p99: row.p99.as_ref().map(quantile),
            lost: Lost { lost: row.lost.lost, asked: row.lost.asked, ratio: row.lost.ratio() },
            uptime_24h: uptime(&row.uptime_day),
            uptime_90d: uptime(&row.uptime_90_days),
            certificate_ends: row.certificate.map(|certificate| {
                #[expect(clippy::cast_precision_loss, reason = "a moment to the second")]
                rfc3339(certificate.not_after_seconds as f64)
            }),
            targets: row
                .targets
                .iter()
                .map(|target| Target {
                    name: target.name.clone(),
                    last: target.last.as_ref().map(Look::of),
                    address: target.address.map(|address| address.to_string()),
                    family: target.address.map(|address| {
                        words::family(if address.is_ipv4() { Family::V4 } else { Family::V6 })
                    }),
                    via_proxy: target.via_proxy,
                })
                .collect(),
            circuit: Circuit {
                state: row.circuit.state.as_str(),
                retry_after_seconds: row.circuit.retry_after.map(|wait| wait.as_secs_f64()),
                on_probation: row.circuit.is_on_probation,
                explanation: row.circuit.explanation.clone(),
            },
            muted_until: row.muted_until.map(rfc3339),
            recent: row
                .recent
                .iter()
                .skip(before)
                .map(|look| look.took.map(|took| took.as_secs_f64()))
                .collect(),
        }
    }
}

/// In seconds, to the millisecond: what counts on while it is written is known no better.
#[expect(clippy::cast_precision_loss, reason = "an age is far from 2^53 ms")]
fn milliseconds(age: std::time::Duration) -> f64 {
    age.as_millis() as f64 / 1_000.0
}

impl Look {
    fn of(look: &LastLook) -> Self {
        let seconds = |part: Option<std::time::Duration>| part.map(|part| part.as_secs_f64());
        Self {
            ago_seconds: milliseconds(look.ago),
            level: look.level.map(Level::as_str),
            reason: look.reason.as_str(),
            reason_text: words::reason(&look.reason),
            took_seconds: look.took.as_secs_f64(),
            dns_seconds: seconds(look.phases.dns),
            connect_seconds: seconds(look.phases.connect),
            tls_seconds: seconds(look.phases.tls),
            wait_seconds: seconds(look.phases.wait),
        }
    }
}

impl Running {
    fn of(operation: &RunningOperation) -> Self {
        Self {
            pid: operation.process.pid,
            operation: operation.operation.clone(),
            target: operation.target.to_string(),
            service: operation.service.clone(),
            since: rfc3339(operation.since),
            doing: words::running(operation).1,
            attempt: operation.attempt,
            attempts_max: operation.of,
            done_bytes: operation.done_bytes,
            total_bytes: operation.total_bytes,
        }
    }
}

impl Change {
    fn of(change: &LoggedChange) -> Self {
        let (what, from, to) = match &change.what {
            Changed::Status { from, to, .. } => ("status", from.as_str(), to.as_str()),
            Changed::Circuit { from, to, .. } => ("circuit", from.as_str(), to.as_str()),
            Changed::Machine { from, to } => ("machine", words::connection(*from), words::connection(*to)),
            _ => ("other", "unknown", "unknown"),
        };
        Self {
            at: rfc3339(change.at),
            what,
            service: change.what.service().map(str::to_owned),
            from,
            to,
            text: words::change(change),
        }
    }
}

impl News {
    pub(crate) fn of(change: &LoggedChange, left_out: u32) -> Self {
        Self { change: Change::of(change), left_out }
    }
}
