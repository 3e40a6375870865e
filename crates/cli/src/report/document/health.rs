//! `health`, and `/api/status` of `serve`; how they are made of what there is to see: `of.rs`.

mod of;

pub(crate) use of::LAST_LOOKS;

use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use vps_ops::watch::Row;
#[cfg(feature = "web")]
use vps_ops::watch::Watch;

/// The health of services: `health`, and `/api/status` of `serve`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.health/1")]
pub(crate) struct Health<'b> {
    /// When this was written, RFC 3339.
    pub(crate) generated_at: String,
    /// How many are bad, in one sentence.
    pub(crate) sentence: String,
    /// How many services are how.
    pub(crate) summary: Summary,
    /// What is known of this machine itself.
    pub(crate) this_machine: ThisMachine,
    /// How often services are looked at while somebody watches.
    pub(crate) interval_seconds: f64,
    /// The process that looks at services all the time; null where none does.
    pub(crate) prober_pid: Option<u32>,
    /// When its next look is due, from now.
    pub(crate) next_look_in_seconds: Option<f64>,
    /// Each service by name.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, Service>"))]
    pub(crate) services: Services<'b>,
    /// Operations that have been under way for more than a second, in all processes of this machine.
    pub(crate) running: Vec<Running>,
    /// What changed lately, the newest first.
    pub(crate) changes: Vec<Change>,
}

/// Services, each made a document only where it is written: those of thousands would be more to hold than their text.
pub(crate) enum Services<'b> {
    /// As they are on a board.
    Rows(&'b [Row]),
    /// As a watch sees them.
    #[cfg(feature = "web")]
    Of(&'b Watch),
}

impl fmt::Debug for Services<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Serialize for Services<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        let mut write = |row: &Row| map.serialize_entry(row.service.as_str(), &Service::of(row));
        match self {
            Self::Rows(rows) => {
                let mut rows: Vec<&Row> = rows.iter().collect();
                rows.sort_unstable_by_key(|row| row.service.as_str());
                rows.into_iter().try_for_each(&mut write)?;
            }
            #[cfg(feature = "web")]
            Self::Of(watch) => {
                let mut written = Ok(());
                watch.each_row(|row| {
                    if written.is_ok() {
                        written = write(&row);
                    }
                });
                written?;
            }
        }
        map.end()
    }
}

/// How many services are how; those that are not looked at do not count.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Summary {
    /// Answer in time.
    pub(crate) healthy: usize,
    /// Answer slowly, or in part.
    pub(crate) degraded: usize,
    /// Do not answer.
    pub(crate) unhealthy: usize,
    /// Nobody knows.
    pub(crate) unknown: usize,
    /// All of them.
    pub(crate) total: usize,
}

/// What is known of this machine itself.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ThisMachine {
    /// `online`, `undecided` while several hosts went bad together and nobody answered since, or `offline`.
    pub(crate) connection: &'static str,
    /// Whether somebody answered over IPv4 in the last round.
    pub(crate) ipv4: bool,
    /// Whether somebody answered over IPv6 in the last round.
    pub(crate) ipv6: bool,
    /// How long a name takes to be resolved; null where none was.
    pub(crate) resolver_seconds: Option<f64>,
}

/// One service.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Service {
    /// Whether it is looked at.
    pub(crate) probed: bool,
    /// `healthy`, `degraded`, `unhealthy` or `unknown`: damped, and degraded where calls and probes contradict each
    /// other.
    pub(crate) status: &'static str,
    /// The same by its probes alone.
    pub(crate) probe_status: &'static str,
    /// By the last look alone, which nothing damps; null where it says nothing of the service.
    pub(crate) now: Option<&'static str>,
    /// How calls and probes contradict each other: `calls_work_probe_fails` or `answers_but_calls_fail`.
    pub(crate) disagreement: Option<&'static str>,
    /// Since when it is so by its probes, RFC 3339.
    pub(crate) since: Option<String>,
    /// Why it is so: a name, such as `refused`.
    pub(crate) reason: Option<&'static str>,
    /// The same in words.
    pub(crate) reason_text: Option<String>,
    /// How far it is on the way to another status.
    pub(crate) progress: Option<Progress>,
    /// The last look.
    pub(crate) last: Option<Look>,
    /// When it last answered in time, RFC 3339.
    pub(crate) last_good: Option<String>,
    /// Whether there was no look that says something for two intervals.
    pub(crate) stale: bool,
    /// Changes in the last hour, where they are too many.
    pub(crate) unstable_changes: Option<u32>,
    /// Half of the answers came sooner.
    pub(crate) p50: Option<ResponseTime>,
    /// 95 of 100 answers came sooner.
    pub(crate) p95: Option<ResponseTime>,
    /// 99 of 100 answers came sooner.
    pub(crate) p99: Option<ResponseTime>,
    /// Looks without an answer, of the last ones.
    pub(crate) lost: Lost,
    /// How much of the last 24 hours it was up.
    pub(crate) uptime_24h: Uptime,
    /// How much of the last 90 days it was up.
    pub(crate) uptime_90d: Uptime,
    /// When the certificate ends that ends first, RFC 3339.
    pub(crate) certificate_ends: Option<String>,
    /// Its targets, at the last look.
    pub(crate) targets: Vec<Target>,
    /// Its circuit.
    pub(crate) circuit: Circuit,
    /// Until when nobody is told of its changes, RFC 3339.
    pub(crate) muted_until: Option<String>,
    /// Response times of the last 12 looks in seconds, the oldest first; null where there was no answer.
    pub(crate) recent: Vec<Option<f64>>,
}

/// How far a service is on the way to another status.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Progress {
    /// The status that it is on the way to.
    pub(crate) toward: &'static str,
    /// Looks in a row so far.
    pub(crate) count: u32,
    /// Looks in a row that it takes.
    pub(crate) needed: u32,
}

/// One look.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Look {
    /// How long ago it ended.
    pub(crate) ago_seconds: f64,
    /// `healthy`, `degraded` or `unhealthy`; null where it says nothing of the service, because of this machine.
    pub(crate) level: Option<&'static str>,
    /// Why: a name, such as `refused`.
    pub(crate) reason: &'static str,
    /// The same in words.
    pub(crate) reason_text: String,
    /// How long it took.
    pub(crate) took_seconds: f64,
    /// Resolving the name; null where that was not reached.
    pub(crate) dns_seconds: Option<f64>,
    /// Connecting.
    pub(crate) connect_seconds: Option<f64>,
    /// The TLS handshake.
    pub(crate) tls_seconds: Option<f64>,
    /// From the request to the end of the head of the answer.
    pub(crate) wait_seconds: Option<f64>,
}

/// A response time that a share of answers stayed below.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ResponseTime {
    /// It.
    pub(crate) seconds: f64,
    /// Of so many answers.
    pub(crate) n: u32,
    /// `exact`, `at_most` where it is only known to be below, `max` where there are too few answers: the longest.
    pub(crate) kind: &'static str,
}

/// Looks without an answer.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Lost {
    /// Looks without an answer.
    pub(crate) lost: u32,
    /// All looks that say something of the service.
    pub(crate) asked: u32,
    /// From 0 to 1.
    pub(crate) ratio: f64,
}

/// How much of the time it was up.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Uptime {
    /// Healthy or degraded for so long.
    pub(crate) up_seconds: f64,
    /// Somebody looked for so long.
    pub(crate) seen_seconds: f64,
    /// In percent, cut and never rounded up; null where nobody looked.
    pub(crate) percent: Option<f64>,
}

/// One target of a service, at the last look.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Target {
    /// What is asked, without secrets.
    pub(crate) name: String,
    /// The look; null before the first.
    pub(crate) last: Option<Look>,
    /// The address that was asked.
    pub(crate) address: Option<String>,
    /// `v4` or `v6`.
    pub(crate) family: Option<&'static str>,
    /// Whether it went through a proxy.
    pub(crate) via_proxy: bool,
}

/// A service's circuit.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Circuit {
    /// Calls go through, are refused, or one may try.
    #[cfg_attr(test, schemars(schema_with = "vps_ops::circuit::state_schema"))]
    pub(crate) state: &'static str,
    /// When it lets a call try, from now.
    pub(crate) retry_after_seconds: Option<f64>,
    /// Whether a health probe closed it, and no call told yet whether rightly.
    pub(crate) on_probation: bool,
    /// Why it is as it is, in words.
    pub(crate) explanation: String,
}

/// An operation that is under way.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Running {
    /// Whose it is.
    pub(crate) pid: u32,
    /// What it does, such as `download`.
    pub(crate) operation: String,
    /// What it works on, without secrets.
    pub(crate) target: String,
    /// Whose service, as far as one is known.
    pub(crate) service: Option<String>,
    /// When it began, RFC 3339.
    pub(crate) since: String,
    /// What it does just now, in words.
    pub(crate) doing: String,
    /// The attempt that is under way, from 1; 0 before the first.
    pub(crate) attempt: u32,
    /// Attempts in all.
    pub(crate) attempts_max: u32,
    /// Bytes there are.
    pub(crate) done_bytes: Option<u64>,
    /// Bytes there will be.
    pub(crate) total_bytes: Option<u64>,
}

/// Something that changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Change {
    /// When it was found, RFC 3339.
    pub(crate) at: String,
    /// `status`, `circuit` or `machine`.
    pub(crate) what: &'static str,
    /// Whose; null for this machine.
    pub(crate) service: Option<String>,
    /// From.
    pub(crate) from: &'static str,
    /// To.
    pub(crate) to: &'static str,
    /// All of it in words.
    pub(crate) text: String,
}

/// A change as it is told: what `health_checks.notify` gives its program, and posts.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.notify/1")]
pub(crate) struct News {
    /// It.
    #[serde(flatten)]
    pub(crate) change: Change,
    /// Changes of the same service since the last that was told, which were not: at most one a minute is.
    pub(crate) left_out: u32,
}

/// Until when nobody is told of a service's changes: `mute`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.mute/1")]
pub(crate) struct Mute {
    /// Which service.
    pub(crate) service: String,
    /// RFC 3339; null where they are told again.
    pub(crate) muted_until: Option<String>,
}
