//! `apt update|install`.

mod report;

use vps_ops::NetworkOperationWrapper;
use vps_ops::apt::{AptError, InstallRequest, parse_all};
use vps_ops::pipeline::Cause;
use vps_ops::settings::Options;

use crate::app::App;
use crate::args::{AptCommand, AptInstallArgs, NetworkArgs};
use crate::cmd::preview::Preview;
use crate::exit::Exit;
use crate::report::Failure;

pub(crate) async fn run(app: &App, command: AptCommand) -> Result<Exit, Failure> {
    match command {
        AptCommand::Update(args) => {
            let loaded = app.config()?;
            update(app, &app.network(&loaded), &args.network).await
        }
        AptCommand::Install(args) => {
            let request = request(&args)?;
            let loaded = app.config()?;
            install(app, &app.network(&loaded), &args.network, &request).await
        }
    }
}

/// The same by a network that is there.
pub(super) async fn again(
    app: &App,
    network: &NetworkOperationWrapper,
    command: &AptCommand,
) -> Result<Exit, Failure> {
    match command {
        AptCommand::Update(args) => update(app, network, &args.network).await,
        AptCommand::Install(args) => install(app, network, &args.network, &request(args)?).await,
    }
}

fn request(args: &AptInstallArgs) -> Result<InstallRequest, Failure> {
    let packages = parse_all(args.packages.iter().map(String::as_str))
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(InstallRequest::new(packages).update_cache(!args.no_update).upgrade(args.upgrade))
}

async fn update(app: &App, network: &NetworkOperationWrapper, args: &NetworkArgs) -> Result<Exit, Failure> {
    let options = app.options(network, args)?;
    if args.dry_run {
        return repositories(network, &options).await?.show(app, network, &options).await;
    }
    let outcome = network.apt_update_with_retry(&options).await;
    network.close().await;
    match outcome {
        Ok(updated) => report::updated(app, &updated),
        Err(error) => {
            // A program wants to know how each repository did, whether or not all did well.
            if let Cause::Operation(AptError::Repositories(updated)) = &error.cause
                && app.global.json
            {
                report::updated(app, updated)?;
            }
            Err(Failure::of_operation(&error))
        }
    }
}

async fn install(
    app: &App,
    network: &NetworkOperationWrapper,
    args: &NetworkArgs,
    request: &InstallRequest,
) -> Result<Exit, Failure> {
    let options = app.options(network, args)?;
    if args.dry_run {
        let plan = network.installs().plan(request, &options).await;
        return match plan {
            Ok(plan) => report::preview(app, request, &plan),
            Err(error) => Err(Failure::of_operation(&error)),
        };
    }
    let outcome = network.installs().install(request, &options).await;
    network.close().await;
    match outcome {
        Ok(installed) => report::installed(app, &installed),
        Err(error) => Err(Failure::of_operation(&error)),
    }
}

/// What an update would read, and past which circuits.
async fn repositories(network: &NetworkOperationWrapper, options: &Options) -> Result<Preview, Failure> {
    let setup = network.installs().setup(options).await.map_err(|error| Failure::of_operation(&error))?;
    let steps = setup.repositories().iter().map(|repository| {
        let service = setup.service_of(repository, network.policies().table());
        (format!("{} {}", repository.uri, repository.release), service)
    });
    Ok(Preview {
        action: "update the package lists".to_owned(),
        steps: steps.collect(),
        configured: |limits| limits.apt_update,
    })
}
