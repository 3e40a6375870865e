//! `download URL [DEST]`.

mod finish;
mod request;

use vps_ops::download::{Dest, DownloadError, DownloadHint, DownloadRequest, Fault, Saved};
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
    let mut options = app.options(&network, &args.network)?;
    options.connect = args.connect_timeout;
    options.idle = args.idle_timeout;
    options.min_speed = args.min_speed;
    if args.network.dry_run {
        return preview(&network, &request, &options).show(app, &network, &options).await;
    }
    if request.dest == Dest::Spool {
        check_stdout()?;
    }
    let outcome = network.download_with_retry(request.clone(), &options).await;
    network.close().await;
    let downloaded = outcome.map_err(|error| failure(&request, &error))?;
    for warning in &downloaded.warnings {
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

fn preview(network: &NetworkOperationWrapper, request: &DownloadRequest, options: &Options) -> Preview {
    let urls = request.candidates().into_iter();
    let steps = urls.map(|url| {
        let service = options.service.clone().unwrap_or_else(|| network.downloads().service_of(&url));
        (SafeUrl::from(&url).to_string(), Some(service))
    });
    let dest = request.path().map_or_else(
        || " to standard output".to_owned(),
        |path| format!(" to {}", path.strip_prefix("./").unwrap_or(&path).display()),
    );
    Preview {
        action: format!("download {}{dest}", request.url),
        steps: steps.collect(),
        configured: |limits| limits.download,
    }
}
