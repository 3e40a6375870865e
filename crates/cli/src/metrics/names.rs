//! Every metric there is: its name, what it says, its labels. `docs/metrics.md` is made of this.

/// What sort of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in buckets.
    Histogram,
    /// Always 1; its labels say it. Its sample ends in `_info`.
    Info,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Metric {
    /// With its unit, without the ending that its type adds.
    pub(crate) family: &'static str,
    pub(crate) kind: Type,
    /// Its last word, where it has one.
    pub(crate) unit: Option<&'static str>,
    /// In order.
    pub(crate) labels: &'static [&'static str],
    /// One line.
    pub(crate) help: &'static str,
}

impl Metric {
    /// What its samples are called; those of a histogram add `_bucket`, `_sum` and `_count`.
    #[cfg(test)]
    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.family, self.ending())
    }

    pub(super) const fn ending(&self) -> &'static str {
        match self.kind {
            Type::Counter => "_total",
            Type::Info => "_info",
            Type::Gauge | Type::Histogram => "",
        }
    }
}

/// The most labels that one has.
pub(super) const MOST_LABELS: usize = 4;

/// Names the metrics once: the constant, and the list of all.
macro_rules! metrics {
    ($($constant:ident = $family:literal, $kind:ident, $unit:expr, [$($label:literal),*], $help:literal;)+) => {
        $(pub(super) const $constant: Metric = Metric {
            family: concat!("vps_configurator_", $family),
            kind: Type::$kind,
            unit: $unit,
            labels: &[$($label),*],
            help: $help,
        };)+

        /// Every metric there is, in the order in which they are written.
        #[cfg(test)]
        pub(crate) const ALL: &[&Metric] = &[$(&$constant),+];
    };
}

const SECONDS: Option<&str> = Some("seconds");
const BYTES: Option<&str> = Some("bytes");

metrics! {
    BUILD = "build", Info, None, ["version"],
        "The version of the program that wrote this.";
    LAST_RUN = "last_run_timestamp_seconds", Gauge, SECONDS, [],
        "When the command ended that wrote this file, in seconds since the Unix epoch. Only in a file.";

    CIRCUIT_STATE = "circuit_breaker_state", Gauge, None, ["service", "state"],
        "1 for the state that the circuit breaker is in (closed, open, half_open), 0 for the others.";
    CIRCUIT_FAILURES = "circuit_breaker_failures", Gauge, None, ["service"],
        "Failures in a row while the circuit breaker is closed; those that opened it while it is open.";
    CIRCUIT_TRANSITIONS = "circuit_breaker_transitions", Counter, None, ["service", "from", "to"],
        "Transitions of the circuit breaker that calls caused.";
    CIRCUIT_REJECTED = "circuit_breaker_rejected", Counter, None, ["service"],
        "Calls that the circuit breaker refused; one that waits for it and asks again is one.";

    OPERATIONS = "operations", Counter, None, ["operation", "service", "outcome"],
        "Operations that ended: success, failure (also a stop by the user), rejected by a circuit breaker or a full queue, timeout.";
    OPERATION_DURATION = "operation_duration_seconds", Histogram, SECONDS, ["operation", "service"],
        "How long operations took from start to end, with all attempts and pauses.";
    ATTEMPTS = "attempts", Counter, None, ["operation", "service", "outcome", "class"],
        "Attempts that ended, by outcome and by the class of their failure; none where there was none.";
    ATTEMPT_DURATION = "attempt_duration_seconds", Histogram, SECONDS, ["operation", "service"],
        "How long attempts took.";
    RETRY_DELAY = "retry_delay_seconds", Counter, SECONDS, ["service"],
        "Pauses before another attempt.";
    RETRIES_EXHAUSTED = "retries_exhausted", Counter, None, ["service"],
        "Operations that failed after the last of several attempts.";
    DOWNLOADED = "downloaded_bytes", Counter, BYTES, ["service"],
        "Bytes received by downloads, fetches of packages and clones, also by attempts that failed.";

    DEAD_LETTERS = "dead_letters", Gauge, None, [],
        "Dead letters: operations that failed and were not done since.";

    BULKHEAD_PERMITS = "bulkhead_permits", Gauge, None, ["service"],
        "Calls to the service that may be under way at once in this process.";
    BULKHEAD_IN_USE = "bulkhead_in_use", Gauge, None, ["service"],
        "Calls to the service that are under way in this process.";
    BULKHEAD_QUEUE = "bulkhead_queue_length", Gauge, None, ["service"],
        "Calls to the service that wait for a place in this process.";

    HEALTH_STATUS = "health_status", Gauge, None, ["service", "status"],
        "1 for the damped status of the service (healthy, degraded, unhealthy, unknown), 0 for the others.";
    HEALTH_RESPONSE = "health_response_seconds", Gauge, SECONDS, ["service"],
        "How long the last probe that was answered took, from resolving to the end of the headers.";
    HEALTH_PHASE = "health_phase_seconds", Gauge, SECONDS, ["service", "phase"],
        "The phases of that probe: dns, connect, tls, wait.";
    HEALTH_LAST_SAMPLE = "health_last_sample_timestamp_seconds", Gauge, SECONDS, ["service"],
        "When the service was probed last, in seconds since the Unix epoch.";
    HEALTH_SAMPLES = "health_samples", Counter, None, ["service", "result"],
        "Probes that ended: healthy, degraded, unhealthy, or local, which says nothing of the service.";
    HEALTH_LOST = "health_lost_ratio", Gauge, None, ["service"],
        "The part of the recent probes that got no answer, from 0 to 1.";
    HEALTH_CERTIFICATE = "health_certificate_expiry_timestamp_seconds", Gauge, SECONDS, ["service"],
        "When the first certificate of the chain last seen expires, in seconds since the Unix epoch.";
    HEALTH_UNSTABLE = "health_unstable", Gauge, None, ["service"],
        "1 while the status changed too often within an hour.";
    PROBE_QUEUE = "probe_queue_seconds", Gauge, SECONDS, [],
        "How long the oldest probe that is due has waited for its turn.";
    ONLINE = "this_machine_online", Gauge, None, [],
        "0 while all hosts fail together, so that this machine is at fault.";
}
