//! `--dry-run`: what would be done, under which policy, past which circuits. No request is sent.

use std::fmt::Write as _;
use std::time::Duration;

use vps_ops::NetworkOperationWrapper;
use vps_ops::service::ServiceName;
use vps_ops::settings::Options;

use crate::app::App;
use crate::exit::Exit;
use crate::report::{Failure, document, print, print_json};

/// What would be done.
#[derive(Debug)]
pub(super) struct Preview {
    /// For people: `download https://example.com/f to f`.
    pub(super) action: String,
    /// What it would talk to, in order, and whose circuit that is; nobody where nothing is left to do.
    pub(super) steps: Vec<(String, Option<ServiceName>)>,
    /// The configured limit of the whole, unless an option says otherwise.
    pub(super) configured: fn(&vps_ops::settings::Timeouts) -> Duration,
}

impl Preview {
    pub(super) async fn show(
        &self,
        app: &App,
        network: &NetworkOperationWrapper,
        options: &Options,
    ) -> Result<Exit, Failure> {
        let all = network.get_circuit_breaker_status().await;
        let first = self.steps.iter().find_map(|(_, service)| service.as_ref());
        let policies = network.policies();
        let policy = options.over(first.map_or_else(|| policies.general(), |service| policies.of(service)));
        let attempts = policy.retry.max_attempts().get();
        let total = options.total_or((self.configured)(&policy.timeouts));
        // One that was never used is not in the list yet.
        let state = |service: &ServiceName| {
            let known = all.get(service);
            known.map_or_else(
                || network.circuit_breakers().unseen(service, &all).state,
                |status| status.own.as_ref().map_or(status.state, |own| own.state),
            )
        };
        if app.global.json {
            let steps = self.steps.iter().map(|(target, service)| document::PreviewStep {
                target: target.clone(),
                service: service.as_ref().map(ToString::to_string),
                circuit_state: service.as_ref().map(state),
            });
            return print_json(&document::Preview {
                action: self.action.clone(),
                steps: steps.collect(),
                attempts,
                timeout_seconds: total.as_secs_f64(),
            });
        }
        if self.steps.is_empty() {
            return print(&format!("would {}\n", self.action));
        }
        let limit = humantime::format_duration(total);
        let plural = if attempts == 1 { "" } else { "s" };
        let mut text = format!("would {}: {attempts} attempt{plural} within {limit}\n", self.action);
        for (target, service) in &self.steps {
            let circuit = match service {
                Some(service) => format!("circuit {service}: {}", state(service)),
                None => "no circuit".to_owned(),
            };
            // Writing to memory does not fail.
            let _ = writeln!(text, "  {target} ({circuit})");
        }
        print(&text)
    }
}
