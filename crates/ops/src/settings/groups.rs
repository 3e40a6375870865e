//! The groups of settings that hold for all services and that each service may override.

use serde::{Deserialize, Serialize};

use super::layered::layered;
use super::seconds::Seconds;

layered! {
    /// `circuit_breaker`: when calls to a service are stopped, and when they are tried again.
    CircuitBreakerSettings, CircuitBreakerOverride {
        /// `false` lets every call through and still counts.
        enabled: bool = true;
        /// Failures in a row that open the circuit. Those of calls that overlapped count once.
        failure_threshold: u32 = 3;
        /// How long it stays open.
        timeout: Seconds = Seconds::whole(60);
        /// Successes that close it from half-open.
        success_threshold: u32 = 1;
        /// Calls let through at once while half-open.
        probes: u8 = 1;
        /// How long such a call may be without a sign of life before its place is given to another.
        probe_lease: Seconds = Seconds::whole(60);
        /// Failures in a row are forgotten when the last is this old.
        forget_after: Seconds = Seconds::whole(600);
        /// Whether 0 to 10 % is added to the open time, so that many machines do not probe in step.
        jitter: bool = false;
    } optional {
        /// The open time grows while probes keep failing, up to this; absent: it does not grow.
        max_timeout: Seconds;
        /// What the open time is multiplied by each time: 1 to 1000; absent: 2. Goes with `max_timeout`.
        exponential_base: f64;
        /// The calls that rates are taken over.
        window: WindowSettings;
        /// Share of failures in the window that opens the circuit, in percent.
        failure_rate: f64;
        /// A call that took this long is slow.
        slow_after: Seconds;
        /// Share of slow calls in the window that opens the circuit, in percent.
        slow_rate: f64;
    }
}

layered! {
    /// `network_retry`: how an operation is repeated.
    NetworkRetrySettings, NetworkRetryOverride {
        /// `false` is one attempt.
        enabled: bool = true;
        /// Attempts in all, the first included.
        max_retries: u32 = 3;
        /// The pause after the first attempt; 0 is none.
        initial_delay: Seconds = Seconds::whole(1);
        /// No pause is longer, jitter aside.
        max_delay: Seconds = Seconds::whole(30);
        /// What a pause is multiplied by to get the next: 1 to 1000.
        exponential_base: f64 = 2.0;
        /// Whether 0 to 10 % is added to a pause, so that many clients do not come back at once.
        jitter: bool = true;
    } optional {}
}

layered! {
    /// `retry_budget`: how many retries a service is allowed, so that they do not add to its load while most
    /// calls fail. What somebody asked for (`--retries`) is never cut by it.
    RetryBudgetSettings, RetryBudgetOverride {
        /// Retries that each process may make at once. At most `max`.
        start: u32 = 10;
        /// What an operation adds, in retries: 0 to 1000, to three places.
        per_operation: f64 = 0.2;
        /// The most retries there can be: 1 to 1000000.
        max: u32 = 100;
    } optional {}
}

layered! {
    /// `timeouts`: how long an operation may take in all, pauses included.
    TimeoutSettings, TimeoutOverride {
        /// Reading package lists.
        apt_update: Seconds = Seconds::whole(300);
        /// Installing packages.
        apt_install: Seconds = Seconds::whole(600);
        /// A download.
        download: Seconds = Seconds::whole(600);
        /// A clone.
        git_clone: Seconds = Seconds::whole(300);
        /// Connecting and the head of a response; the whole of a small request.
        http_request: Seconds = Seconds::whole(30);
        /// A command.
        command: Seconds = Seconds::whole(600);
        /// Resolving a name, connecting and the TLS handshake together.
        connect: Seconds = Seconds::whole(30);
        /// Silence of a service that ends an attempt.
        idle: Seconds = Seconds::whole(30);
    } optional {}
}

layered! {
    /// `bulkhead`: how many calls to a service may be under way at once, in each process.
    BulkheadSettings, BulkheadOverride {
        /// Attempts at once. Further ones wait their turn, which costs no attempt.
        max_concurrent: u32 = 4;
        /// Attempts that may wait; one more is refused at once. 0 lets none wait.
        max_queue: u32 = 1000;
    } optional {}
}

/// `window`: the last `calls` calls, or the calls of the last `length`. One of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WindowSettings {
    /// The last so many calls, at most 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u16>,
    /// The calls of the last so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Seconds>,
    /// No rate is taken over fewer calls.
    pub min_calls: u32,
}
