//! `download URL [DEST]`.

mod finish;
mod request;

use vps_ops::NetworkOperationWrapper;
use vps_ops::download::{Checksum, DownloadRequest, Saved, find_checksum, parse_url};
use vps_ops::http::SafeUrl;
use vps_ops::settings::Options;

use crate::app::App;
use crate::args::DownloadArgs;
use crate::cmd::plan::Plan;
use crate::exit::Exit;
use crate::report::Failure;

const KEPT: &str = "the partial file is kept; run the same command to resume";

pub(crate) async fn run(app: &App, args: DownloadArgs) -> Result<Exit, Failure> {
    let mut request = request::build(app, &args)?;
    let loaded = app.config()?;
    let network = app.network(&loaded);
    let mut options = app.options(&network, &args.network)?;
    options.connect = args.connect_timeout;
    options.idle = args.idle_timeout;
    request.limits.min_speed = args.min_speed.unwrap_or(loaded.settings.download.min_speed.0);
    if args.network.dry_run {
        return plan(&network, &request, &options).show(app, &network, &options).await;
    }
    let outcome = fetch(&network, &args, request.clone(), &options).await;
    network.close().await;
    let downloaded = outcome.map_err(|failure| {
        // The download's own errors say it; a limit or Ctrl-C that cut it does not know.
        let cut = ["cancelled", "timeout"].contains(&&*failure.kind)
            && !failure.hints.iter().any(|hint| hint == KEPT);
        if cut && request.has_part() { failure.hint(KEPT) } else { failure }
    })?;
    for warning in &downloaded.warnings {
        tracing::warn!(operation = "download", "{warning}");
    }
    match &downloaded.saved {
        Saved::Spool(spool) => finish::to_stdout(spool),
        _ => finish::report(app, &downloaded),
    }
}

async fn fetch(
    network: &NetworkOperationWrapper,
    args: &DownloadArgs,
    mut request: DownloadRequest,
    options: &Options,
) -> Result<vps_ops::download::Downloaded, Failure> {
    if let Some(text) = &args.checksum
        && text.contains("://")
    {
        request.checksum = Some(listed(network, text, &request, options).await?);
    }
    network.download_with_retry(request, options).await.map_err(|error| Failure::of_operation(&error))
}

/// The digest that a SHA256SUMS file at `url` lists for our file.
async fn listed(
    network: &NetworkOperationWrapper,
    url: &str,
    request: &DownloadRequest,
    options: &Options,
) -> Result<Checksum, Failure> {
    let invalid = |error: &dyn std::error::Error| Failure::usage(error.to_string());
    let url = parse_url("--checksum", url).map_err(|error| invalid(&error))?;
    let name = request.listed_name().map_err(|error| invalid(&error))?;
    let downloaded = network
        .download_with_retry(request.for_checksum_file(url), options)
        .await
        .map_err(|error| Failure::of_operation(&error))?;
    let Saved::Spool(spool) = &downloaded.saved else {
        return Err(Failure::local("the list of checksums could not be kept"));
    };
    let text = spool.read_to_string(4 << 20).map_err(|error| {
        Failure::new(Exit::Integrity, "integrity", format!("the list of checksums cannot be read: {error}"))
    })?;
    find_checksum(&text, &name).map_err(|error| Failure::of_error(Exit::Integrity, "integrity", &error))
}

fn plan(network: &NetworkOperationWrapper, request: &DownloadRequest, options: &Options) -> Plan {
    let urls = request.candidates().into_iter();
    let steps = urls.map(|url| {
        let service = options.service.clone().unwrap_or_else(|| network.downloads().service_of(&url));
        (SafeUrl::from(&url).to_string(), Some(service))
    });
    let dest = request.path().map_or_else(
        || " to standard output".to_owned(),
        |path| format!(" to {}", path.strip_prefix("./").unwrap_or(&path).display()),
    );
    Plan {
        action: format!("download {}{dest}", request.url),
        steps: steps.collect(),
        configured: |limits| limits.download,
    }
}
