//! One connection after another, one request after another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::net::{TcpListener, TcpStream};

use super::application::Application;
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
    pub(super) application: Option<Arc<dyn Application>>,
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
        let mut request = match buffer.next() {
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
        if shared.application.is_some() {
            match body(&mut wire, &mut buffer, &request).await {
                Some(bytes) => request.body = bytes,
                None => return,
            }
        }
        match respond(&mut wire, request, &shared, connection).await {
            Next::KeepAlive => {}
            Next::Close => return wire.close().await,
            Next::Cut => return wire.cut().await,
            Next::Reset => return wire.reset().await,
            Next::Drop => return,
        }
    }
}

/// The body of a request; `None` if the client goes before its end.
async fn body(wire: &mut Wire, buffer: &mut HeadBuffer, request: &Request) -> Option<Vec<u8>> {
    if request.header("expect").is_some() {
        wire.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        return more(wire, buffer, |buffer| buffer.take(length)).await;
    }
    let mut body = Vec::new();
    loop {
        let size = more(wire, buffer, HeadBuffer::line).await?;
        let size = usize::from_str_radix(size.split(';').next()?, 16).ok()?;
        body.extend(more(wire, buffer, |buffer| buffer.take(size)).await?);
        more(wire, buffer, HeadBuffer::line).await?;
        if size == 0 {
            return Some(body);
        }
    }
}

/// Reads until `found` finds what it looks for.
async fn more<T>(
    wire: &mut Wire,
    buffer: &mut HeadBuffer,
    mut found: impl FnMut(&mut HeadBuffer) -> Option<T>,
) -> Option<T> {
    loop {
        if let Some(found) = found(buffer) {
            return Some(found);
        }
        let mut bytes = [0; 8192];
        match wire.read(&mut bytes).await {
            Ok(n) if n > 0 => buffer.push(&bytes[..n]),
            _ => return None,
        }
    }
}

async fn respond(wire: &mut Wire, request: Request, shared: &Shared, connection: usize) -> Next {
    let head_only = request.method == "HEAD";
    let wants_close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let plan = match &shared.application {
        None => plan(&request, shared),
        Some(application) => {
            let (theirs, asked) = (Arc::clone(application), request.clone());
            let answer = runtime::blocking(move || theirs.answer(&asked)).await;
            let (behaviour, number) = scripted(&application.script(&request), shared);
            Plan::answered(&answer, &request, &behaviour, number, &runtime::date())
        }
    };
    let number = shared.log.change(|log| {
        log.exchanges.push(Exchange {
            connection,
            at: shared.started.elapsed(),
            status: 0,
            from: plan.from,
            planned: if head_only { 0 } else { plan.len },
            sent: 0,
            ending: Ending::Running,
            ended: None,
            request,
        });
        log.exchanges.len() - 1
    });
    let next = send(wire, &plan, head_only, &shared.log, number).await;
    shared.log.exchange(number, |exchange| exchange.ended = Some(shared.started.elapsed()));
    match next {
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

/// What the script of this name does now, and how often it was asked.
fn scripted(name: &str, shared: &Shared) -> (super::Behaviour, usize) {
    let mut routes = shared.routes.lock().unwrap();
    let Some(scripted) = routes.get_mut(name) else { return (super::Behaviour::Ok, 0) };
    scripted.asked += 1;
    (scripted.route.behaviour(scripted.asked - 1), scripted.asked)
}
