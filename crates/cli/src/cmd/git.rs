//! `git clone URL [DEST]`.

mod report;
mod request;

use std::path::Path;

use vps_ops::NetworkOperationWrapper;
use vps_ops::foreign::shown;
use vps_ops::git::{CloneRequest, Clones, There};
use vps_ops::settings::Options;

use crate::app::App;
use crate::args::{CloneArgs, GitCommand};
use crate::cmd::preview::Preview;
use crate::exit::Exit;
use crate::report::Failure;

pub(crate) async fn run(app: &App, command: GitCommand) -> Result<Exit, Failure> {
    match command {
        GitCommand::Clone(args) => clone(app, &args).await,
    }
}

async fn clone(app: &App, args: &CloneArgs) -> Result<Exit, Failure> {
    let request = request::build(app, args)?;
    let loaded = app.config()?;
    let network = app.network(&loaded);
    fetch(app, &network, request, args).await
}

/// The same by a network that is there.
pub(super) async fn again(
    app: &App,
    network: &NetworkOperationWrapper,
    command: &GitCommand,
) -> Result<Exit, Failure> {
    let GitCommand::Clone(args) = command;
    let request = request::build(app, args)?;
    fetch(app, network, request, args).await
}

async fn fetch(
    app: &App,
    network: &NetworkOperationWrapper,
    request: CloneRequest,
    args: &CloneArgs,
) -> Result<Exit, Failure> {
    let mut options = app.options(network, &args.network)?;
    options.connect = args.connect_timeout;
    options.idle = args.idle_timeout;
    if args.network.dry_run {
        let there = network.clones().look(&request).await;
        let there = there.map_err(|error| Failure::before(&Clones::operation(&request), &error))?;
        return preview(network, &request, &there, &options).show(app, network, &options).await;
    }
    // An update takes nobody's place.
    let is_here = is_current(&request.dest) && !is_there(&request);
    let outcome = network.clones().run(&request, &options).await;
    network.close().await;
    match outcome {
        Ok(cloned) => {
            if is_here && !cloned.unchanged && app.global.quiet == 0 && !app.global.json_errors() {
                let hint = "hint: your shell is still in the empty folder that was here: `cd .` leads into the clone";
                app.screen.line(hint);
            }
            report::cloned(app, &cloned)
        }
        Err(error) => Err(Failure::of_operation(&error)),
    }
}

fn is_there(request: &CloneRequest) -> bool {
    request.dest.join(".git").exists()
}

/// Whether it is the folder that we were started in, which the clone takes the place of.
fn is_current(dest: &Path) -> bool {
    let here = std::env::current_dir().and_then(std::fs::canonicalize);
    here.is_ok_and(|here| std::fs::canonicalize(dest).is_ok_and(|dest| dest == here))
}

/// What would be cloned, and past which circuit.
fn preview(
    network: &NetworkOperationWrapper,
    request: &CloneRequest,
    there: &There,
    options: &Options,
) -> Preview {
    let service = network.clones().service_of(&request.url, options);
    let (url, dest) = (&request.url, shown(&request.dest));
    let update = format!("update {dest} from {url}, unless that would lose work");
    let (action, asks) = match there {
        There::Clone(cloned) if Clones::is_done(request, cloned) => {
            (format!("leave {dest} as it is: it is what is asked for already"), false)
        }
        There::Clone(_) => (update, true),
        There::Unfinished if request.update => {
            (format!("finish an earlier update of {dest} that was killed half-way, and {update}"), true)
        }
        There::Unfinished => (format!("finish an earlier update of {dest} that was killed half-way"), false),
        _ => (format!("clone {url} to {dest}"), true),
    };
    Preview {
        action,
        steps: if asks { vec![(request.url.to_string(), service)] } else { Vec::new() },
        configured: |limits| limits.git_clone,
    }
}
