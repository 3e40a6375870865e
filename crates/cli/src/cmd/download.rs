//! `download URL [DEST]`.

mod finish;
mod request;

use vps_ops::download::{Dest, DownloadError, DownloadHint, DownloadRequest, Expected, Fault, Saved};
use vps_ops::foreign::shown;
use vps_ops::http::SafeUrl;
use vps_ops::pipeline::Cause;
use vps_ops::settings::Options;
use vps_ops::{Advise, Hint, Kind, NetworkOperationWrapper, OperationError};

use crate::app::App;
use crate::args::DownloadArgs;
use crate::cmd::preview::Preview;
use crate::exit::Exit;
use crate::observe::words;
use crate::report::{Failure, check_stdout};

pub(crate) async fn run(app: &App, args: DownloadArgs) -> Result<Exit, Failure> {
    let request = request::build(app, &args)?;
    let loaded = app.config()?;
    let network = app.network(&loaded);
    fetch(app, &network, request, &args).await
}

/// The same by a network that is there.
pub(super) async fn again(
    app: &App,
    network: &NetworkOperationWrapper,
    args: &DownloadArgs,
) -> Result<Exit, Failure> {
    let request = request::build(app, args)?;
    fetch(app, network, request, args).await
}

async fn fetch(
    app: &App,
    network: &NetworkOperationWrapper,
    request: DownloadRequest,
    args: &DownloadArgs,
) -> Result<Exit, Failure> {
    let mut options = app.options(network, &args.network)?;
    options.connect = args.connect_timeout;
    options.idle = args.idle_timeout;
    options.min_speed = args.min_speed;
    if args.network.dry_run {
        return preview(network, &request, &options).await?.show(app, network, &options).await;
    }
    if request.dest == Dest::Spool {
        check_stdout()?;
    }
    let outcome = network.download_with_retry(request.clone(), &options).await;
    network.close().await;
    let downloaded = outcome.map_err(|error| failure(&request, &error))?;
    for warning in downloaded.warnings.iter().filter(|warning| !warning.was_told()) {
        tracing::warn!(operation = "download", "{warning}");
    }
    match &downloaded.saved {
        Saved::Spool(spool) => finish::to_stdout(spool),
        _ => finish::report(app, &downloaded),
    }
}

fn failure(request: &DownloadRequest, error: &OperationError<DownloadError>) -> Failure {
    let kind = error.kind();
    if let Cause::Operation(failed) = &error.cause
        && matches!(failed.fault(), Fault::Unlisted(_) | Fault::UnreadableList(_))
    {
        // The list came: what it lacks is all there is to say.
        return Failure::new(Exit::of(kind), kind, failed.to_string());
    }
    let failure = Failure::of_operation(error);
    // The download's own errors say it; a limit or Ctrl-C that cut it does not know.
    let kept = Hint::from(DownloadHint::Resume);
    let cut = matches!(kind, Kind::Cancelled | Kind::Timeout) && !error.hints().contains(&kept);
    if cut && request.has_part() { failure.hint(words::hint(&kept)) } else { failure }
}

/// What would be fetched, from whom and to where, as far as a look at DEST tells.
async fn preview(
    network: &NetworkOperationWrapper,
    request: &DownloadRequest,
    options: &Options,
) -> Result<Preview, Failure> {
    let looked = network.downloads().look(request, options).await;
    let done = looked.map_err(|error| failure(request, &error))?;
    let list = match &request.expected {
        Some(Expected::ListedAt(list)) => Some(list.as_url().clone()),
        _ => None,
    };
    let path = request.path();
    let dest = path.as_ref().map(|path| shown(path.strip_prefix("./").unwrap_or(path)).to_string());
    let dest = dest.unwrap_or_else(|| "standard output".to_owned());
    let action = match &done {
        Some(done) if done.verified => format!("leave {dest} as it is: it is the right file already"),
        Some(_) => format!("leave {dest} as it is: it is there already"),
        None => {
            let there = path.is_some_and(|path| path.symlink_metadata().is_ok());
            let how = match (there, request.expected.is_some()) {
                (false, _) => "",
                (true, false) => ", in place of what is there",
                // With a list nobody knows yet whether it is the right one.
                (true, true) if list.is_some() => ", in place of what is there unless that is right",
                (true, true) => ", in place of what is there, which is not the right file",
            };
            format!("download {} to {dest}{how}", request.url)
        }
    };
    let urls = if done.is_some() { Vec::new() } else { request.candidates() };
    let asked = list.filter(|_| done.is_none()).into_iter().chain(urls);
    let steps = asked.map(|url| {
        let service = options.service.clone().unwrap_or_else(|| network.downloads().service_of(&url));
        (SafeUrl::from(&url).to_string(), Some(service))
    });
    Ok(Preview { action, steps: steps.collect(), configured: |limits| limits.download })
}
