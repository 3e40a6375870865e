//! A plain mirror: files of a folder over HTTP/1.1, each connection kept and its requests answered in
//! their order, as nginx does.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use crate::traffic::Traffic;

/// Serves until the process ends.
pub(crate) struct Mirror {
    address: SocketAddr,
    pub(crate) traffic: Traffic,
}

impl Mirror {
    pub(crate) fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let traffic = Traffic::default();
        let (folder, seen) = (Arc::new(folder.to_owned()), traffic.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                seen.connected();
                let (folder, seen) = (Arc::clone(&folder), seen.clone());
                // One who goes away is nobody's concern.
                std::thread::spawn(move || drop(serve(&client, &folder, &seen)));
            }
        });
        Self { address, traffic }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(client: &TcpStream, folder: &Path, traffic: &Traffic) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client);
    while let Some((path, from)) = request(&mut reader)? {
        let mut out = client;
        // Names of ours alone come here; nothing goes up.
        let file = folder.join(path.trim_start_matches('/'));
        let Ok(meta) = fs::metadata(&file) else {
            out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let size = meta.len();
        let head = if from == 0 {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n")
        } else {
            let (left, last) = (size.saturating_sub(from), size.saturating_sub(1));
            format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {left}\r\nContent-Range: bytes {from}-{last}/{size}\r\n"
            )
        };
        let fixed = "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n";
        out.write_all(format!("{head}{fixed}ETag: \"{size}\"\r\n\r\n").as_bytes())?;
        let mut content = File::open(&file)?;
        io::Seek::seek(&mut content, io::SeekFrom::Start(from))?;
        // The kernel moves it from one to the other.
        let sent = io::copy(&mut content, &mut out)?;
        traffic.delivered(usize::try_from(sent).unwrap());
    }
    Ok(())
}

/// The path of the next request, and the byte from which on it is wanted; `None` at the end.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, u64)>> {
    let (mut path, mut from, mut line) = (None, 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok(path.map(|path| (path, from)));
        }
        let lower = text.to_ascii_lowercase();
        if path.is_none() {
            path = text.split(' ').nth(1).map(str::to_owned);
        } else if let Some(range) = lower.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap_or(0);
        }
    }
}
