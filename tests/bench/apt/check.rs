//! Whether a link is what it is said to be: one connection's rate, and the round trip of a request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::link::{Link, Shape};

/// What was measured of a link.
pub(crate) struct Measured {
    /// MiB a second of one connection, over one file after another.
    pub(crate) rate: f64,
    /// Milliseconds from a request to its answer, on a connection that is there.
    pub(crate) round_trip: f64,
}

/// Asks for `large` a few times, and for `small`, on one connection.
pub(crate) fn measure(link: &Link, shape: Shape, large: &str, small: &str) -> Measured {
    link.shape(shape);
    let mut connection = TcpStream::connect(link.address()).unwrap();
    connection.set_nodelay(true).unwrap();
    exchange(&mut connection, small, 1);
    let start = Instant::now();
    exchange(&mut connection, small, 1);
    let round_trip = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let bytes = exchange(&mut connection, large, 4);
    let rate = bytes / start.elapsed().as_secs_f64() / f64::from(1 << 20);
    drop(connection);
    link.shape(Shape::default());
    Measured { rate, round_trip }
}

/// Asks `times` at once for a path, and reads all answers; returns their bytes.
fn exchange(connection: &mut TcpStream, path: &str, times: usize) -> f64 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(times);
    connection.write_all(request.as_bytes()).unwrap();
    let (mut held, mut bytes) = (Vec::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..times {
        let (head, length) = loop {
            if let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&held[..end]).into_owned();
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                break (end + 4, length.unwrap().parse::<usize>().unwrap());
            }
            let read = connection.read(&mut buffer).unwrap();
            held.extend_from_slice(&buffer[..read]);
        };
        while held.len() < head + length {
            let read = connection.read(&mut buffer).unwrap();
            assert!(read > 0, "the link closed the connection");
            held.extend_from_slice(&buffer[..read]);
        }
        held.drain(..head + length);
        bytes += length;
    }
    f64::from(u32::try_from(bytes).unwrap())
}
