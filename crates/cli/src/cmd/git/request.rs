//! What was typed, as a clone.

use std::path::PathBuf;

use vps_ops::git::{CloneRequest, GitUrl, Want};

use crate::app::App;
use crate::args::CloneArgs;
use crate::cmd::netrc::netrc;
use crate::report::Failure;
use vps_ops::http::Credentials;

pub(super) fn build(app: &App, args: &CloneArgs) -> Result<CloneRequest, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let url: GitUrl = args.url.parse().map_err(|error| usage(&error))?;
    if url.has_credentials() && app.global.quiet == 0 && !app.global.json_errors() {
        app.screen.line(
            "hint: other users can see what a URL says of who you are while this runs; it is safe in `~/.netrc`",
        );
    }
    let dest = match &args.dest {
        Some(dest) if dest.is_empty() => return Err(Failure::usage("DEST is empty")),
        Some(dest) => PathBuf::from(dest),
        None => match url.folder_name() {
            Some(name) => PathBuf::from(name),
            None => return Err(Failure::usage("the URL has no name for a folder: give a DEST")),
        },
    };
    let want = match (&args.branch, &args.commit) {
        (Some(name), _) => {
            Want::Named(name.parse().map_err(|error| Failure::usage(format!("--branch: {error}")))?)
        }
        (None, Some(id)) => {
            Want::Commit(id.parse().map_err(|error| Failure::usage(format!("--commit: {error}")))?)
        }
        (None, None) => Want::Default,
    };
    let mut request = CloneRequest::new(url, dest)
        .depth(args.depth)
        .want(want)
        .modules(args.recurse_submodules)
        .update(args.update);
    if args.full {
        request = request.whole_history();
    }
    if let Some(netrc) = netrc(app) {
        request.credentials = Credentials::none().with_netrc(netrc);
    }
    Ok(request)
}
