//! `serve`: real sockets, and the page as a browser gets it.

mod acceptance;
mod accessible;
mod browser;
mod guarded;
mod html;
mod in_browser;
mod page;
mod routes;
mod running;
mod sockets;
mod units;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::lab::Lab;
use crate::said::Said;

/// The program while it serves; it is ended when dropped.
struct Serving {
    child: Option<Child>,
    out: BufReader<ChildStdout>,
    /// What it said first.
    line: String,
}

/// What was answered.
#[derive(Debug)]
struct Reply {
    code: u16,
    /// In lower case up to the colon.
    head: String,
    body: String,
}

impl Reply {
    fn read(mut from: impl Read) -> Self {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { code, head: head.to_owned(), body: body.to_owned() }
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    fn header(&self, name: &str) -> &str {
        self.headers(name).first().unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }
}

/// A configuration in which these services are looked at here, often.
fn configure(lab: &Lab, services: &[(&str, &str)]) {
    let names: Vec<&str> = services.iter().map(|(name, _)| *name).collect();
    let mut text = format!(
        "performance:\n  health_checks:\n    services: [{}]\n    interval: 2\n    timeout: 1\n    degraded_after: 0.5\n    unhealthy_after: 0.8\n  services:\n",
        names.join(", ")
    );
    for (name, url) in services {
        writeln!(text, "    {name}: {{ probe: {{ url: '{url}' }} }}").unwrap();
    }
    if services.is_empty() {
        text = "performance:\n  health_checks:\n    services: []\n".to_owned();
    }
    std::fs::write(lab.path("config.yaml"), text).unwrap();
}

impl Serving {
    /// At a port of its own, with the lab's `config.yaml`.
    fn start(lab: &Lab, args: &[&str]) -> Self {
        Self::start_with(lab, &[], &[&["--listen", "127.0.0.1:0"], args].concat())
    }

    fn start_with(lab: &Lab, variables: &[(&str, &str)], args: &[&str]) -> Self {
        let args = [&["--config", "config.yaml", "serve"], args].concat();
        let mut child = lab.command(&args).envs(variables.iter().copied()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("it does not serve: {:?}", Said::from(child.wait_with_output().unwrap()).err);
        }
        Self { child: Some(child), out, line }
    }

    fn address(&self) -> SocketAddr {
        let rest = self.line.split_once("://").unwrap_or_else(|| panic!("{}", self.line)).1;
        rest.split_once('/').unwrap().0.parse().unwrap()
    }

    fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// What is answered to these bytes.
    fn say(&self, request: &str) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        Reply::read(stream)
    }

    /// With these lines in the head.
    fn ask(&self, method: &str, path: &str, head: &str) -> Reply {
        self.say(&format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{head}\r\n", self.address()))
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// How it ends by this signal.
    fn stop(mut self, signal: Signal) -> Said {
        self.signal(signal);
        let mut said = Said::from(self.child.take().unwrap().wait_with_output().unwrap());
        self.out.read_to_string(&mut said.out).unwrap();
        said
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
