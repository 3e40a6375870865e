//! What an application is asked, and how its answers are bent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use super::*;

/// Answers with what it was sent.
#[derive(Debug)]
struct Echo;

impl Application for Echo {
    fn script(&self, request: &Request) -> String {
        format!("{} {}", request.method, request.path())
    }

    fn answer(&self, request: &Request) -> Answer {
        let headers = vec![("X-Echo".to_owned(), "yes".to_owned())];
        Answer { status: 201, headers, body: request.body.clone() }
    }
}

/// All that comes back for these bytes.
fn said(server: &Server, bytes: &[u8]) -> String {
    let mut client = TcpStream::connect(server.address()).unwrap();
    client.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn echo() -> Server {
    Server::builder().application(Arc::new(Echo)).start()
}

#[test]
fn a_body_is_read_however_it_is_framed() {
    let server = echo();
    let plain = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    let chunked = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                    2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n";
    for request in [&plain[..], chunked] {
        let answer = said(&server, request);
        assert!(answer.starts_with("HTTP/1.1 201 ") && answer.contains("\r\nX-Echo: yes\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
    // One after the other on one connection, and one who waits to be let.
    let two = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\noneGET /b HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(said(&server, two).matches("HTTP/1.1 201").count(), 2);
    let waits =
        b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1";
    assert!(said(&server, waits).starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201"));
    assert_eq!(server.log().exchanges[0].request.body, b"hello");
}

#[test]
fn a_script_has_the_application_s_name_for_it() {
    let server = echo();
    server.route("POST /a", Route::of(0).then(Behaviour::status(503)));
    let ask = |method: &str| {
        let head = format!("{method} /a HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\u{1}2");
        said(&server, head.as_bytes())
    };
    assert!(ask("GET").ends_with("\u{1}2"), "another method is another script");
    assert!(ask("POST").starts_with("HTTP/1.1 503 "));
    server.route("POST /a", Route::of(0).then(Behaviour::Truncate { missing: 1 }));
    assert!(ask("POST").ends_with("\r\n\r\n\u{1}"));
    let last = server.log().exchanges.pop().unwrap();
    assert_eq!((last.planned, last.sent, last.ending), (2, 1, Ending::Closed));
}
