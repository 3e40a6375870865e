//! `serve`.

use std::io;
use std::sync::Arc;

use rustix::process::Signal;
use vps_ops::Kind;
use vps_ops::foreign::shown;

use super::health::{cannot, chosen, places};
use crate::app::App;
use crate::args::ServeArgs;
use crate::cmd::notify;
use crate::exit::Exit;
use crate::report::{Failure, document, line_of, print};
use crate::web::{
    Hosts, Limits, ListenError, Listener, Site, Systemd, Token, TokenError, Views, accept, acceptor,
};

/// Ends by a signal, as whoever sent it expects it.
pub(crate) async fn run(app: &App, args: ServeArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    let token = token(app, &args)?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(
            acceptor(&**app.env.fs(), certificate, key)
                .map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?,
        ),
        _ => None,
    };
    if tls.is_none() && !args.listen.is_of_this_machine() {
        tracing::warn!(
            "without --tls-cert the token is sent in plain text, unless a proxy in front of us speaks TLS"
        );
    }
    // Before the store's thread is there: for a moment the umask is another one.
    let listener = Listener::bind(&app.env, &args.listen).await.map_err(|error| not_listening(&error))?;
    let listening =
        listener.address().map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;

    let network = app.network(&loaded);
    // Where each key stands is asked no more, and of thousands of services that is megabytes.
    drop(loaded);
    let services = chosen(&network, &[])?;
    let places = places(&network, &services).await?;
    let (tell, _telling) = notify::start(app, &network)?;
    let watch = network.health().watch(places, tell).await.map_err(|error| cannot(&error))?;
    let watch = Arc::new(watch);
    let views = Arc::new(Views::new(&app.env, Arc::clone(&watch)));
    let site = Site {
        env: app.env.clone(),
        network: network.clone(),
        views: Arc::clone(&views),
        hosts: Hosts::new(&args.allow_host),
        token,
        since: app.env.now(),
    };

    let systemd = Systemd::of(&app.environment, std::process::id());
    systemd.tell("READY=1");
    say(app, &listening.url(tls.is_some()))?;
    let serving = accept(&app.env, listener, tls, Limits::USUAL, Arc::new(site), &app.cancel);
    let watched = async {
        tokio::select! {
            biased;
            () = watch.run(&app.cancel) => {}
            () = systemd.follow(&app.env, &views) => {}
        }
    };
    let stopping = async {
        app.cancel.cancelled().await;
        systemd.tell("STOPPING=1");
    };
    Box::pin(async { tokio::join!(biased; stopping, watched, serving) }).await;
    network.close().await;
    Ok(Exit::Signal(app.stopped.by().unwrap_or(Signal::TERM)))
}

/// What has to be said to us; beyond this machine nothing is shown without it.
fn token(app: &App, args: &ServeArgs) -> Result<Option<Token>, Failure> {
    let Some(path) = &args.token_file else {
        if args.listen.is_of_this_machine() {
            return Ok(None);
        }
        let message = format!("listening on {} needs --token-file: others can reach it", args.listen);
        return Err(Failure::usage(message).hint(
            "`head -c 18 /dev/urandom | base64 > FILE && chmod 600 FILE` makes one; \
             127.0.0.1 and unix:PATH need none",
        ));
    };
    Token::read(&**app.env.fs(), path).map(Some).map_err(|error: TokenError| {
        Failure::local(format!("the token file {} is not used: {error}", shown(path)))
    })
}

fn not_listening(error: &ListenError) -> Failure {
    let failure = Failure::of_error(Exit::Local, Kind::Local, error);
    match error {
        ListenError::InUse { .. } => failure.hint(
            "another `serve` may run already; `ss -ltnxp` says who listens, `--listen 127.0.0.1:0` takes a free port",
        ),
        ListenError::NotASocket { .. } | ListenError::NotOurs { .. } => {
            failure.hint("only a socket that an earlier run of this user left there is replaced; choose another path")
        }
        ListenError::Io { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied => {
                failure.hint("ports below 1024 are root's, and a socket's folder must be safe from others")
            }
            io::ErrorKind::AddrNotAvailable => failure.hint("`ip address` lists the addresses of this machine"),
            _ => failure,
        },
    }
}

fn say(app: &App, url: &str) -> Result<Exit, Failure> {
    print(&match app.global.json {
        true => line_of(&document::Serve { listening: url.to_owned(), pid: std::process::id() }),
        false => format!("listening on {url} (Ctrl-C stops)\n"),
    })
}
