//! `connectivity`.

use std::fmt::Write as _;

use vps_ops::Kind;
use vps_ops::http::SafeUrl;
use vps_ops::settings::RetryConfig;

use crate::app::App;
use crate::args::ConnectivityArgs;
use crate::exit::Exit;
use crate::report::{Failure, document, print, print_json};

pub(crate) async fn run(app: &App, args: ConnectivityArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    let mut targets = Vec::new();
    for url in &args.urls {
        let url =
            vps_ops::download::parse_url("URL", url).map_err(|error| Failure::usage(error.to_string()))?;
        targets.push(url);
    }
    let mut network = app.network(&loaded);
    if let Some(limit) = args.timeout {
        let own = RetryConfig::new().http_request_timeout(limit);
        network = network.with(&own).map_err(|error| Failure::usage(error.to_string()))?;
    }
    if args.dry_run {
        let targets = if targets.is_empty() { network.connectivity_targets() } else { targets };
        if app.global.json {
            let steps = targets.iter().map(|url| document::PreviewStep {
                target: SafeUrl::from(url).to_string(),
                service: None,
                circuit_state: None,
            });
            return print_json(&document::Preview {
                action: "check connectivity".to_owned(),
                steps: steps.collect(),
                attempts: 1,
                timeout_seconds: network.policies().general().timeouts.http_request.as_secs_f64(),
            });
        }
        let lines: String = targets.iter().map(|url| format!("would ask {}\n", SafeUrl::from(url))).collect();
        return print(&lines);
    }
    tracing::info!(operation = "connectivity", "Checking internet connectivity...");
    let result = tokio::select! {
        biased;
        () = app.cancel.cancelled() => {
            let stopped = Kind::Cancelled;
            return Err(Failure::new(Exit::of(stopped), stopped, "stopped before there was an answer"));
        }
        result = network.check_internet_connectivity(&targets) => result,
    };
    let exit = if result.online { Exit::Done } else { Exit::Offline };
    if app.global.json {
        let targets = result.targets.iter().map(|target| document::Target {
            url: target.url.to_string(),
            status: target.status,
            proves: target.proves,
            error: target.error.as_ref().map(ToString::to_string),
            took_seconds: target.took.as_secs_f64(),
        });
        print_json(&document::Connectivity { online: result.online, targets: targets.collect() })?;
        return Ok(exit);
    }
    let mut text = String::from(if result.online { "online\n" } else { "offline\n" });
    for target in &result.targets {
        let answer = match (&target.status, &target.error) {
            (Some(status), _) if target.proves => format!("answered {status}"),
            (Some(status), _) => format!("answered {status}, but not over TLS, so it proves nothing"),
            (None, Some(error)) => error.to_string(),
            (None, None) => "no answer".to_owned(),
        };
        let _ = writeln!(text, "  {}  {answer} ({:.1}s)", target.url, target.took.as_secs_f64());
    }
    print(&text)?;
    Ok(exit)
}
