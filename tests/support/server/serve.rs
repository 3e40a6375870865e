//! One connection after another, one request after another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::net::{TcpListener, TcpStream};

use super::log::{Ending, Exchange, SharedLog};
use super::plan::Plan;
use super::request::{HeadBuffer, Request};
use super::route::Route;
use super::runtime;
use super::send::{Next, send};
use super::tls::Handshake;
use super::wire::Wire;

/// What the connections share with the test.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) routes: Arc<Mutex<BTreeMap<String, Scripted>>>,
    pub(super) log: SharedLog,
    pub(super) started: Instant,
    pub(super) handshake: Option<Handshake>,
}

/// A route, and how far its script has come.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) route: Route,
    pub(super) asked: usize,
}

/// Accepts for ever.
pub(super) async fn accept(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        runtime::spawn(async move {
            let connection = shared.log.change(|log| {
                log.connections += 1;
                log.open += 1;
                log.most_open = log.most_open.max(log.open);
                log.connections
            });
            let log = shared.log.clone();
            connected(stream, shared, connection).await;
            log.change(|log| log.open -= 1);
        });
    }
}

async fn connected(stream: TcpStream, shared: Shared, connection: usize) {
    let mut wire = match &shared.handshake {
        None => Wire::Plain(stream),
        Some(handshake) => match handshake.shake(stream).await {
            Some(stream) => Wire::Tls(Box::new(stream)),
            None => {
                shared.log.change(|log| log.failed_handshakes += 1);
                return;
            }
        },
    };
    let mut buffer = HeadBuffer::default();
    loop {
        let request = match buffer.next() {
            Ok(Some(request)) => request,
            Ok(None) => {
                let mut bytes = [0; 8192];
                match wire.read(&mut bytes).await {
                    Ok(n) if n > 0 => buffer.push(&bytes[..n]),
                    _ => return,
                }
                continue;
            }
            Err(()) => {
                let _ = wire.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
                return wire.close().await;
            }
        };
        match respond(&mut wire, request, &shared, connection).await {
            Next::KeepAlive => {}
            Next::Close => return wire.close().await,
            Next::Cut => return wire.cut().await,
            Next::Reset => return wire.reset().await,
            Next::Drop => return,
        }
    }
}

async fn respond(wire: &mut Wire, request: Request, shared: &Shared, connection: usize) -> Next {
    let head_only = request.method == "HEAD";
    let wants_close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let plan = plan(&request, shared);
    let number = shared.log.change(|log| {
        log.exchanges.push(Exchange {
            connection,
            at: shared.started.elapsed(),
            status: 0,
            from: plan.from,
            planned: if head_only { 0 } else { plan.len },
            sent: 0,
            ending: Ending::Running,
            request,
        });
        log.exchanges.len() - 1
    });
    match send(wire, &plan, head_only, &shared.log, number).await {
        Next::KeepAlive if wants_close => Next::Close,
        next => next,
    }
}

fn plan(request: &Request, shared: &Shared) -> Plan {
    let mut routes = shared.routes.lock().unwrap();
    let Some(scripted) = routes.get_mut(request.path()) else {
        return Plan::text(404, "there is no such file here");
    };
    let head_only = request.method == "HEAD";
    let behaviour = if head_only && !scripted.route.head {
        super::Behaviour::Ok
    } else {
        scripted.asked += 1;
        scripted.route.behaviour(scripted.asked - 1)
    };
    Plan::of(&scripted.route, request, &behaviour, scripted.asked, &runtime::date())
}
