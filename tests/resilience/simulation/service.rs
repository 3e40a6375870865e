//! Services that fail by the plan.

use std::time::Duration;

use vps_ops::env::Env;
use vps_ops::{Class, Classify, Kind as FailureKind, Verdict};

use crate::plan::{CALM, Kind, Plan};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed(pub(crate) Kind);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Failed {}

impl Classify for Failed {
    fn class(&self) -> Class {
        match self.0 {
            Kind::Refuse => Class::NotSent,
            Kind::Reset | Kind::Stall => Class::Transient,
            Kind::Throttle(seconds) => Class::Throttled { at_least: Some(Duration::from_secs(seconds)) },
            Kind::Overload => Class::Throttled { at_least: None },
            Kind::NotFound => Class::Permanent,
        }
    }

    fn verdict(&self) -> Verdict {
        match self.0 {
            Kind::NotFound => Verdict::Success,
            _ => Verdict::Failure,
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Failed
    }
}

/// One call at `millis` after the start.
pub(crate) async fn call(plan: &Plan, service: usize, millis: u64, env: &Env) -> Result<(), Failed> {
    env.sleep(Duration::from_millis(1 + env.next_u64() % 300)).await;
    let fault = plan.faults.iter().find(|fault| {
        millis < CALM
            && fault.service == service
            && (fault.from..fault.to).contains(&millis)
            && env.next_u64() % 100 < fault.percent
    });
    match fault.map(|fault| fault.kind) {
        None => Ok(()),
        Some(Kind::Stall) => std::future::pending().await,
        Some(kind) => Err(Failed(kind)),
    }
}
