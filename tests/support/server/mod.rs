//! A hostile HTTP server over real sockets, and other peers that do harm on purpose.
//!
//! A [`Server`] lives on a thread of its own, so that blocking tests and child processes are served
//! as well as futures. Each path has a [`Route`]: a file, how it is known, and a script of
//! [`Behaviour`]s, one a request. Everything is logged and counted as the kernel takes it. Tests wait
//! for events ([`Server::wait_for`], [`Gate`]), never for time.
//!
//! ```
//! use std::io::{Read, Write};
//! use tests::server::{Behaviour, Ending, Route, Server};
//!
//! let server = Server::start();
//! server.route("/f", Route::of(1000).then(Behaviour::Close { after: 10 }));
//! let mut client = std::net::TcpStream::connect(server.address()).unwrap();
//! client.write_all(b"GET /f HTTP/1.1\r\n\r\n").unwrap();
//! let mut answer = Vec::new();
//! client.read_to_end(&mut answer).unwrap();
//! drop(client);
//! let log = server.wait_for("the end", |log| log.open == 0);
//! assert_eq!((log.sent("/f"), log.exchanges[0].ending), (10, Ending::Closed));
//! ```

mod application;
mod behaviour;
mod content;
mod dead_end;
mod gate;
mod log;
mod plan;
mod proxy;
mod range;
mod request;
mod route;
mod runtime;
mod send;
mod serve;
mod start;
mod tls;
mod wire;

pub mod certificates;

pub use application::{Answer, Application};
pub use behaviour::Behaviour;
pub use content::Content;
pub use dead_end::{BlackHole, Refusing, Silent};
pub use gate::Gate;
pub use log::{Ending, Exchange, Log};
pub use proxy::{Proxied, Proxy};
pub use request::Request;
pub use route::Route;
pub use start::{Server, ServerBuilder};
pub use tls::Tls;

#[cfg(test)]
mod application_tests;
#[cfg(test)]
mod tests;
