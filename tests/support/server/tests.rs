//! The server seen by a client without any intelligence: what stands on the wire.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::*;

struct Client(TcpStream);

/// An answer: status line and headers, the body, and how the connection ended.
struct Answer {
    head: String,
    body: Vec<u8>,
    end: Result<(), ErrorKind>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(stream)
    }

    fn ask(&mut self, request: &str) {
        self.0.write_all(format!("{request}\r\n\r\n").as_bytes()).unwrap();
    }

    /// Reads until the server is done with the connection.
    fn read_all(&mut self) -> Answer {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        let end = loop {
            match self.0.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                Err(error) => break Err(error.kind()),
            }
        };
        let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let body = bytes.split_off(at);
        Answer { head: String::from_utf8(bytes).unwrap(), body, end }
    }

    fn exactly(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.exactly(1));
        }
        String::from_utf8(head).unwrap()
    }
}

fn get(server: &Server, headers: &str) -> Answer {
    let mut client = Client::connect(server.address());
    client.ask(&format!("GET /file HTTP/1.1\r\nConnection: close{headers}"));
    client.read_all()
}

fn meets(behaviour: Behaviour) -> (Server, Answer) {
    let server = Server::with(Route::of(5000).then(behaviour));
    let answer = get(&server, "");
    (server, answer)
}

fn file() -> Vec<u8> {
    Content::seeded(5000, 5000).bytes()
}

#[test]
fn a_file_a_part_of_it_and_nothing() {
    let server = Server::with(Route::of(5000));
    let whole = get(&server, "");
    assert!(whole.head.starts_with("HTTP/1.1 200 OK\r\n") && whole.head.contains("Content-Length: 5000\r\n"));
    assert_eq!((whole.body, whole.end), (file(), Ok(())));
    let part = get(&server, "\r\nRange: bytes=4000-4099");
    assert!(
        part.head.starts_with("HTTP/1.1 206 ") && part.head.contains("Content-Range: bytes 4000-4099/5000")
    );
    assert_eq!(part.body, file()[4000..4100]);
    assert!(get(&server, "\r\nRange: bytes=5000-").head.starts_with("HTTP/1.1 416 "));
    let log = server.wait_for("three answers", |log| log.open == 0);
    assert_eq!((log.connections, log.sent("/file")), (3, 5100));
    assert_eq!(log.exchanges[1].range_start(), Some(4000));
    assert_eq!(log.exchanges[0].to_string(), "GET /file -> 200, sent 5000 of 5000, complete");
}

#[test]
fn a_connection_is_used_again_and_head_has_no_body() {
    let server = Server::with(Route::of(5000).then(Behaviour::status(500)).then(Behaviour::Ok));
    let mut client = Client::connect(server.address());
    client.ask("HEAD /file HTTP/1.1");
    assert!(client.head().contains("Content-Length: 5000"));
    client.ask("GET /file HTTP/1.1");
    assert!(client.head().starts_with("HTTP/1.1 500 "));
    client.ask("GET /file HTTP/1.1");
    client.head();
    assert_eq!(client.exactly(5000), file());
    client.ask("GET /nothing HTTP/1.1");
    assert!(client.head().starts_with("HTTP/1.1 404 "));
    let log = server.log();
    assert_eq!((log.connections, log.exchanges.len(), log.most_open), (1, 4, 1));
}

#[test]
fn cuts_are_counted_and_told_apart() {
    let (server, reset) = meets(Behaviour::Reset { after: 1234 });
    assert_eq!((reset.body, reset.end), (file()[..1234].to_vec(), Err(ErrorKind::ConnectionReset)));
    assert_eq!(server.log().exchanges[0].ending, Ending::Reset);
    for (behaviour, sent) in
        [(Behaviour::Close { after: 1234 }, 1234), (Behaviour::Truncate { missing: 1 }, 4999)]
    {
        let (server, closed) = meets(behaviour);
        assert!(closed.head.contains("Content-Length: 5000"));
        assert_eq!((closed.body, closed.end), (file()[..sent].to_vec(), Ok(())));
        let log = server.log();
        assert_eq!((log.exchanges[0].ending, log.sent("/file")), (Ending::Closed, sent as u64));
    }
    let (_server, nothing) = meets(Behaviour::CloseBeforeHeaders);
    assert_eq!((nothing.head.as_str(), nothing.end), ("", Ok(())));
    let (_server, nothing) = meets(Behaviour::ResetBeforeHeaders);
    assert_eq!((nothing.head.as_str(), nothing.end), ("", Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_gate_holds_until_it_is_opened() {
    let (gate, server) = (Gate::new(), Server::start());
    server.route("/file", Route::of(5000).then(Behaviour::Hold { after: 100, gate: gate.clone() }));
    let mut client = Client::connect(server.address());
    client.ask("GET /file HTTP/1.1");
    gate.wait_until_reached();
    client.head();
    assert_eq!(client.exactly(100), file()[..100]);
    assert_eq!((server.log().sent("/file"), server.log().exchanges[0].ending), (100, Ending::Running));
    gate.open();
    assert_eq!(client.exactly(4900), file()[100..]);
}

#[test]
fn whoever_waits_is_seen_to_go() {
    for behaviour in [
        Behaviour::Stall { after: 10 },
        Behaviour::StallBeforeHeaders,
        Behaviour::Hold { after: 10, gate: Gate::new() },
        Behaviour::Trickle { after: 10, chunk: 1, gap: Duration::from_secs(1000) },
        Behaviour::EndlessBody,
        Behaviour::EndlessHeaders,
    ] {
        let server = Server::with(Route::of(5000).then(behaviour.clone()));
        let mut client = Client::connect(server.address());
        client.ask("GET /file HTTP/1.1");
        server.wait_for("the request", |log| log.exchanges.len() == 1);
        drop(client);
        let log = server.wait_for("the client's end", |log| log.open == 0);
        assert_eq!(log.exchanges[0].ending, Ending::ClientGone, "{behaviour:?}");
    }
}

#[test]
fn lengths_that_lie() {
    let (_server, huge) = meets(Behaviour::DeclareLength { length: 8 << 60 });
    assert!(huge.head.contains("Content-Length: 9223372036854775808"));
    assert_eq!(huge.body, file());
    let (_server, more) = meets(Behaviour::MoreThanLength { extra: 7 });
    assert!(more.head.contains("Content-Length: 5000"));
    assert_eq!(more.body.len(), 5007);
    let (_server, unknown) = meets(Behaviour::NoLength);
    assert!(!unknown.head.contains("Length"));
    assert_eq!(unknown.body, file());
}

#[test]
fn chunks_and_chunks_cut_off() {
    let (_server, whole) = meets(Behaviour::Chunked);
    assert!(whole.body.starts_with(b"1388\r\n") && whole.body.ends_with(b"\r\n0\r\n\r\n"));
    let (_server, cut) = meets(Behaviour::ChunkedCut { after: 16 });
    assert_eq!(cut.body, [b"10\r\n", &file()[..16], b"\r\n"].concat());
}

#[test]
fn heads_that_are_none() {
    let (_server, flood) = meets(Behaviour::HeaderFlood { count: 500 });
    assert_eq!(flood.head.matches("X-Flood-").count(), 500);
    let (_server, huge) = meets(Behaviour::HugeHeader { bytes: 1 << 20 });
    assert!(huge.head.len() > 1 << 20);
    let (_server, garbage) = meets(Behaviour::GarbageStatusLine);
    assert!(!garbage.head.starts_with("HTTP/"));
}

#[test]
fn a_slow_server_is_slow_and_right() {
    let (_server, slow) = meets(Behaviour::Trickle { after: 4990, chunk: 2, gap: Duration::from_millis(1) });
    assert_eq!(slow.body, file());
    let (_server, slow) = meets(Behaviour::Throttle { rate: 300_000 });
    assert_eq!(slow.body, file());
}

#[test]
fn who_may_come_in_is_counted() {
    let server = Server::with(Route::of(10).then(Behaviour::AuthRequired { accept: "Basic eDp5".into() }));
    assert!(get(&server, "").head.starts_with("HTTP/1.1 401 "));
    assert!(get(&server, "\r\nAuthorization: Basic eDp5").head.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.authorizations("/file"), ["Basic eDp5"]);
}

#[test]
fn dead_ends() {
    let refused = TcpStream::connect(Refusing::start().address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let silent = Silent::start();
    let stream = TcpStream::connect(silent.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!((&stream).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let hole = BlackHole::start();
    let lost = TcpStream::connect_timeout(&hole.address(), Duration::from_millis(20)).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_proxy_passes_and_counts() {
    let server = Server::with(Route::of(5000));
    let proxy = Proxy::start(server.address());
    let mut client = Client::connect(proxy.address());
    client.ask("GET http://files.example.com/file?a=b HTTP/1.1\r\nProxy-Authorization: secret");
    assert_eq!(client.read_all().body, file());
    let mut client = Client::connect(proxy.address());
    client.ask("CONNECT files.example.com:80 HTTP/1.1");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    client.ask("GET /file HTTP/1.1\r\nConnection: close");
    assert_eq!(client.read_all().body, file());
    let log = server.log();
    assert_eq!(log.exchanges[0].request.target, "/file?a=b");
    assert_eq!(log.exchanges[0].request.header("proxy-authorization"), None);
    assert_eq!(proxy.seen()[1].request.target, "files.example.com:80");
}
