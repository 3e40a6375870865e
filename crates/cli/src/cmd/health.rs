//! `health`.

pub(crate) mod table;
mod watching;

use vps_ops::network::HealthError;
use vps_ops::probe::Places;
use vps_ops::service::ServiceName;
use vps_ops::watch::{Board, Once};
use vps_ops::{Kind, NetworkOperationWrapper};

use crate::app::{App, named};
use crate::args::{FailOn, HealthArgs};
use crate::exit::Exit;
use crate::metrics::HealthFigures;
use crate::report::{Failure, document, print, print_json};

use table::Look;

pub(crate) async fn run(app: &App, args: HealthArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    let network = app.network(&loaded);
    let services = chosen(&network, &args.services)?;
    let places = places(&network, &services).await?;
    must_have_targets(&args.services, &places)?;
    if args.dry_run {
        return preview(app, &network, &services, &places);
    }
    if args.watch {
        return watching::run(app, &network, places, &args).await;
    }
    let mut once = tokio::select! {
        biased;
        () = app.cancel.cancelled() => {
            let stopped = Kind::Cancelled;
            return Err(Failure::new(Exit::of(stopped), stopped, "stopped before all services were looked at"));
        }
        once = network.health().check_once(places) => once.map_err(|error| cannot(&error))?,
    };
    keep_named(&mut once.board, &args.services);
    // What was found is kept for whoever is asked next: that is waited for.
    network.close().await;
    app.found(HealthFigures::of(&once.board));
    if app.global.json {
        print_json(&document::Health::of(&once.board))?;
    } else {
        print(&table::render(&once.board, &Look::of_terminal(app.term)))?;
    }
    Ok(verdict(&once, args.fail_on))
}

/// Those that are named, else those of the configuration.
pub(crate) fn chosen(
    network: &NetworkOperationWrapper,
    names: &[String],
) -> Result<Vec<ServiceName>, Failure> {
    if names.is_empty() {
        return Ok(network.policies().health().services.clone());
    }
    names.iter().map(|name| named(network, name)).collect()
}

/// Of whom nobody asked nothing is said, where somebody was named.
fn keep_named(board: &mut Board, names: &[String]) {
    board.rows.retain(|row| names.is_empty() || names.iter().any(|name| name == row.service.as_str()));
}

/// Where these services are looked at.
pub(crate) async fn places(
    network: &NetworkOperationWrapper,
    services: &[ServiceName],
) -> Result<Places, Failure> {
    let (places, failed) = network.health().places(services).await;
    if let Some(error) = failed {
        tracing::warn!("apt_repository is not looked at: {error}");
    }
    Ok(places)
}

/// Who names a service wants it looked at.
pub(crate) fn must_have_targets(names: &[String], places: &Places) -> Result<(), Failure> {
    let without = names.iter().find(|name| !places.targets().any(|target| target.service == **name));
    without.map_or(Ok(()), |name| {
        let failure = Failure::usage(format!("there is nothing to look at for the service `{name}`"));
        Err(failure
            .hint(format!("say what, as `performance.services.{name}.probe.url` in the configuration")))
    })
}

pub(crate) fn cannot(error: &HealthError) -> Failure {
    Failure::of_error(Exit::Local, Kind::Local, error)
}

fn preview(
    app: &App,
    network: &NetworkOperationWrapper,
    services: &[ServiceName],
    places: &Places,
) -> Result<Exit, Failure> {
    if app.global.json {
        let steps = places.targets().map(|target| document::PreviewStep {
            target: target.name.clone(),
            service: Some(target.service.clone()),
            circuit_state: None,
        });
        return print_json(&document::Preview {
            action: "look at the health of services".to_owned(),
            steps: steps.collect(),
            attempts: 1,
            timeout_seconds: network.policies().health().timeout.as_secs_f64(),
        });
    }
    let mut text = String::new();
    for service in services {
        let mut of_service = places.targets().filter(|target| target.service == service.as_str()).peekable();
        if of_service.peek().is_none() {
            text.push_str(&format!("would not look at {service}: it has no target\n"));
        }
        for target in of_service {
            text.push_str(&format!("would ask {} for {service}\n", target.name));
        }
    }
    print(&text)
}

/// The code to end with, by this look alone.
fn verdict(once: &Once, fail_on: FailOn) -> Exit {
    if once.is_all_local {
        return Exit::Local;
    }
    if once.now.values().any(|status| fail_on.is_bad(*status)) { Exit::Offline } else { Exit::Done }
}
