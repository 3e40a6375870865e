//! What the health of services is in figures, as whoever probes them fills it in.

use std::time::Duration;

/// The health of this machine's services at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealthFigures {
    /// Each service once; one that is not probed is left out.
    pub(crate) services: Vec<ServiceFigures>,
    /// Whether this machine itself seems to be online; `None` before anybody looked.
    pub(crate) this_machine_online: Option<bool>,
    /// How long the oldest probe that is due has waited; `None` where nobody probes.
    pub(crate) probe_queue: Option<Duration>,
}

/// The health of one service.
#[derive(Clone, Debug)]
pub(crate) struct ServiceFigures {
    /// Its name, as circuits have it.
    pub(crate) service: String,
    /// The damped one.
    pub(crate) status: HealthStatus,
    /// Of the last probe that was answered.
    pub(crate) response: Option<Duration>,
    /// Of the same.
    pub(crate) phases: Vec<(ProbePhase, Duration)>,
    /// Since the Unix epoch.
    pub(crate) last_sample_at: Option<Duration>,
    /// Each result once; since the store was made, so that they never go back.
    pub(crate) samples: Vec<(ProbeResult, u64)>,
    /// From 0 to 1.
    pub(crate) lost_ratio: Option<f64>,
    /// Since the Unix epoch; the last one seen, also when a probe failed since.
    pub(crate) certificate_expires_at: Option<Duration>,
    pub(crate) unstable: bool,
}

/// Names the values once: each, and its name in labels.
macro_rules! labelled {
    ($(#[$doc:meta])* $type:ident: $($value:ident = $name:literal),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $type {
            $($value),+
        }

        impl $type {
            /// All of them, in order.
            pub(crate) const ALL: &[Self] = &[$(Self::$value),+];

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }
    };
}

labelled! {
    /// A service's damped status.
    HealthStatus: Healthy = "healthy", Degraded = "degraded", Unhealthy = "unhealthy", Unknown = "unknown"
}
labelled! {
    /// What one probe said; `Local` is nothing of the service.
    ProbeResult: Healthy = "healthy", Degraded = "degraded", Unhealthy = "unhealthy", Local = "local"
}
labelled! {
    /// A phase of one probe.
    ProbePhase: Dns = "dns", Connect = "connect", Tls = "tls", Wait = "wait"
}
