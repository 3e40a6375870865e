//! `mute`.

use vps_ops::Kind;

use crate::app::{App, named};
use crate::args::MuteArgs;
use crate::exit::Exit;
use crate::observe::words::health::short;
use crate::report::{Failure, document, print, print_json};

pub(crate) async fn run(app: &App, args: MuteArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    app.must_remember(&loaded)?;
    let network = app.network(&loaded);
    let service = named(&network, &args.service)?;
    let muted = vps_ops::watch::mute(&app.env, network.health().store(), &service, args.length).await;
    let until = muted.map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;
    if app.global.json {
        let muted_until = until.map(vps_ops::circuit::rfc3339);
        return print_json(&document::Mute { service: service.to_string(), muted_until });
    }
    print(&match args.length {
        Some(length) => format!("nobody is told of changes of {service} for {}\n", short(length)),
        None => format!("changes of {service} are told again\n"),
    })
}
