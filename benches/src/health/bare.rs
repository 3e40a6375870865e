//! The least that looking can cost: a connection, a request and the head of its answer, by the system's calls alone.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How this program is told to be it, before the port.
pub(crate) const FLAG: &str = "--bare";

/// Asks each service as often as `serve` does, spread as evenly, until it is ended.
pub(crate) fn run(port: &str) {
    let address = format!("127.0.0.1:{port}");
    let apart = super::INTERVAL / u32::try_from(super::SERVICES).unwrap();
    let (began, mut due) = (Instant::now(), Duration::ZERO);
    for number in (0..super::SERVICES).cycle() {
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        due += apart;
        let Ok(mut stream) = TcpStream::connect(&address) else { continue };
        let head = format!("HEAD /{number} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        if stream.write_all(head.as_bytes()).is_ok() {
            let _ = stream.read(&mut [0; 4_096]);
        }
    }
}

/// In a process of its own, so that it is counted alone.
pub(super) fn start(port: u16) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).args([FLAG, &port.to_string()]).stdin(Stdio::null()).spawn()
}
