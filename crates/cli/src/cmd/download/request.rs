//! From what was typed to what is to be downloaded. Bad input ends here, before any request.

use vps_ops::download::{Algorithm, Checksum, Dest, DownloadRequest, Expected, InvalidRequest, parse_url};
use vps_ops::http::{Credentials, Verify};

use crate::app::App;
use crate::args::DownloadArgs;
use crate::cmd::header_file;
use crate::cmd::netrc::netrc;
use crate::report::Failure;

pub(super) fn build(app: &App, args: &DownloadArgs) -> Result<DownloadRequest, Failure> {
    let dest = Dest::parse(args.dest.as_deref());
    if dest == Dest::Spool && app.global.json {
        return Err(Failure::usage("`-` and `--json` both want standard output; give DEST a name"));
    }
    if args.dest.as_ref().is_some_and(|dest| dest.is_empty()) {
        return Err(Failure::usage("DEST is empty; leave it out to use the URL's file name here"));
    }
    let url = parse_url("URL", &args.url).map_err(|error| invalid(&error))?;
    if url.password().is_some() && app.global.quiet == 0 && !app.global.json_errors() {
        app.screen.line(
            "hint: other users can see a password in a URL while this runs; it is safe in `~/.netrc` or \
             `--header-file`",
        );
    }
    let credentials = credentials(app, args, &url)?;
    let mut request = DownloadRequest::new(url, dest);
    for mirror in &args.mirror {
        let url = parse_url("--mirror", mirror).map_err(|error| invalid(&error))?;
        request.mirrors.push(url.into());
    }
    request.expected = expected(args).map_err(|error| invalid(&error))?;
    // What needs a name must have one, before anything else is done.
    if matches!(request.dest, Dest::Folder(_)) || matches!(request.expected, Some(Expected::ListedAt(_))) {
        request.listed_name().map_err(|error| invalid(&error))?;
    }
    request.resume = !args.no_resume;
    request.keep_existing = args.no_clobber;
    request.mode = args.mode;
    request.credentials = credentials;
    request.limits.max_size = args.max_size;
    if args.insecure {
        request.verify = Verify::Nothing;
    }
    Ok(request)
}

/// What the file must be, by whichever option says it.
fn expected(args: &DownloadArgs) -> Result<Option<Expected>, InvalidRequest> {
    let digest = |argument: &str, algorithm, hex| match Checksum::new(algorithm, hex) {
        Ok(digest) => Ok(Some(Expected::Digest(digest))),
        Err(source) => Err(InvalidRequest::Checksum { argument: argument.into(), source }),
    };
    match (&args.sha256, &args.sha512, &args.checksum) {
        (Some(hex), _, _) => digest("--sha256", Algorithm::Sha256, hex),
        (_, Some(hex), _) => digest("--sha512", Algorithm::Sha512, hex),
        (_, _, Some(text)) => Expected::parse("--checksum", text).map(Some),
        (None, None, None) => Ok(None),
    }
}

fn invalid(error: &InvalidRequest) -> Failure {
    Failure::usage(error.to_string())
}

fn credentials(app: &App, args: &DownloadArgs, url: &url::Url) -> Result<Credentials, Failure> {
    let mut credentials = Credentials::none();
    if let Some(path) = &args.header_file {
        let headers = header_file::read(app, "--header-file", path, Failure::usage)?;
        credentials = credentials.with_headers(headers, url).from_file(path);
    }
    if let Some(netrc) = netrc(app) {
        credentials = credentials.with_netrc(netrc);
    }
    Ok(credentials)
}
