//! `serve`: the status page, JSON and metrics over HTTP, from hyper's HTTP/1 and nothing else.
//!
//! Nothing that is asked here starts a look, a fetch or anything else: all answers are of what the watch knows anyway.
//! `listen` has the socket, `accept` the connections and their limits, `guard` and `token` who is answered, `route` what.

mod accept;
mod guard;
mod headers;
mod listen;
mod page;
#[cfg(all(test, feature = "tui"))]
mod published;
mod route;
mod systemd;
mod tls;
mod token;
mod views;

pub(crate) use accept::{Limits, accept};
pub(crate) use guard::{Hosts, allowed_host};
pub(crate) use listen::{Address, ListenError, Listener};
pub(crate) use route::Site;
pub(crate) use systemd::Systemd;
pub(crate) use tls::acceptor;
pub(crate) use token::{Token, TokenError};
pub(crate) use views::Views;
