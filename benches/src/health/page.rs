//! The server that is looked at: it answers anything with an empty page, on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// Clients at once.
const THREADS: usize = 8;

/// Its port; it is there as long as this process.
pub(super) fn serve() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for _ in 0..THREADS {
        let listener = listener.try_clone().unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|mut stream| answer(&mut stream)));
    }
    port
}

/// What any client gets.
pub(super) fn answer(stream: &mut (impl Read + Write)) {
    let (mut head, mut read) = ([0; 4_096], 0);
    while !head[..read].ends_with(b"\r\n\r\n") {
        match stream.read(&mut head[read..]) {
            Ok(0) | Err(_) => return,
            Ok(more) => read += more,
        }
    }
    let _ = stream.write_all(ANSWER);
}
