//! The real `serve`, and how long its answers take.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::interleaved::median;

const TIMES: usize = 41;
/// Between two questions something has changed: there are 33 looks a second.
const APART: Duration = Duration::from_millis(200);

/// Stops when it is dropped.
pub(super) struct Served {
    child: Child,
    /// Kept, so that it never writes to nobody.
    _output: BufReader<ChildStdout>,
    address: String,
}

impl Served {
    /// Starts it, and waits until each of its `services` was looked at, and once more after that: what is measured
    /// afterwards is not how it begins.
    pub(super) fn start(
        binary: &Path,
        config: &Path,
        services: usize,
        environment: &[(&str, &Path)],
    ) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .arg("--config")
            .arg(config)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (mut output, mut line) = (BufReader::new(stdout), String::new());
        output.read_line(&mut line)?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.ok_or_else(|| io::Error::other("it did not start"))?;
        let address = address.split_whitespace().next().unwrap_or_default().to_owned();
        let served = Self { child, _output: output, address };
        let deadline = Instant::now() + super::INTERVAL * 3;
        let counted = || served.ask("GET", "/metrics", "").map(|(_, text)| looks(&text)).unwrap_or(0.0);
        while counted() < 2.0 * services as f64 {
            if Instant::now() >= deadline {
                return Err(io::Error::other("it does not look at its services"));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        Ok(served)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Milliseconds until all of the answer was there, and its size.
    pub(super) fn all(&self) -> Option<(f64, usize)> {
        let mut size = 0;
        let millis = self.times(|| {
            let (_, body) = self.ask("GET", "/api/status", "").ok()?;
            size = body.len();
            (size > 0).then_some(())
        });
        millis.map(|millis| (millis, size))
    }

    /// The same for who knows already what there is.
    pub(super) fn nothing_new(&self) -> Option<f64> {
        self.times(|| {
            // A tag that names anything.
            let (head, _) = self.ask("GET", "/api/status", "If-None-Match: *\r\n").ok()?;
            head.starts_with("HTTP/1.1 304").then_some(())
        })
    }

    fn times(&self, mut one: impl FnMut() -> Option<()>) -> Option<f64> {
        let mut millis = Vec::new();
        for _ in 0..TIMES {
            std::thread::sleep(APART);
            let began = Instant::now();
            one()?;
            millis.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Some(median(&mut millis))
    }

    /// Head and body of an answer.
    fn ask(&self, method: &str, path: &str, header: &str) -> io::Result<(String, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        let host = &self.address;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
        Ok((head.to_owned(), body.to_owned()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // As a service manager ends it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
/// All looks there were, by the metrics.
fn looks(metrics: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with("vps_configurator_health_samples_total{"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
