//! A real Chromium without a screen, told what to do by its driver (W3C WebDriver) over a socket of ours.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::Lab;

/// Debian's packages `chromium` and `chromium-driver`.
const BROWSER: &str = "chromium";
const DRIVER: &str = "chromedriver";

/// It speaks to nobody but us, and needs neither a screen nor to be another user than root.
const ARGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
];

/// One window; closed with all its processes when dropped.
pub(super) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

/// Where the program is.
fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

impl Browser {
    /// A new one with a profile of its own in the lab; nothing, which is said, where there is none on this machine.
    pub(super) fn start(lab: &Lab, more: &[&str]) -> Option<Self> {
        let (Some(browser), Some(driver)) = (found(BROWSER), found(DRIVER)) else {
            tests::skip("there is no `chromium` with its `chromedriver` here");
            return None;
        };
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .env("HOME", lab.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let port = line.split_once("started successfully on port ")?.1;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("the driver says its port")));
        let mut args: Vec<String> = ARGS.iter().chain(more).map(|arg| (*arg).to_owned()).collect();
        args.push(format!("--user-data-dir={}", lab.path("profile").display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": browser, "args": args},
        }}});
        let mut this = Self { driver, address, session: String::new() };
        let session = this.ask("POST", "/session", &wanted);
        session["sessionId"].as_str().unwrap().clone_into(&mut this.session);
        Some(this)
    }

    /// One command, and its value.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (code, value) = self.exchange(method, path, body).unwrap();
        assert_eq!(code, 200, "{method} {path} {body}: {value}");
        value["value"].clone()
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut from = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        while from.read_line(&mut head)? > 2 {
            let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
            if let Some(value) = last.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut bytes = vec![0; length];
        from.read_exact(&mut bytes)?;
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((code, serde_json::from_slice(&bytes)?))
    }

    fn of_session(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{path}", self.session), body)
    }

    /// Waits until it is loaded.
    pub(super) fn open(&self, url: &str) {
        self.of_session("url", &json!({ "url": url }));
    }

    /// What the body of a function returns in the page.
    pub(super) fn run(&self, script: &str) -> Value {
        self.of_session("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Whether this expression holds in the page.
    pub(super) fn is_so(&self, expression: &str) -> bool {
        self.run(&format!("return Boolean({expression});")) == true
    }

    /// A command of the browser's own protocol.
    pub(super) fn tell(&self, command: &str, parameters: &Value) -> Value {
        self.of_session("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// What stands in the console since it was asked last: errors of scripts, of loading, of the policy.
    pub(super) fn console(&self) -> Vec<Value> {
        self.of_session("se/log", &json!({"type": "browser"})).as_array().unwrap().clone()
    }

    /// The page as it is now, also where scripts are off.
    pub(super) fn document(&self) -> String {
        let root = self.tell("DOM.getDocument", &json!({}));
        let node = root["root"]["nodeId"].clone();
        let html = self.tell("DOM.getOuterHTML", &json!({ "nodeId": node }));
        html["outerHTML"].as_str().unwrap().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Its processes are not ours to end: the driver does.
            let _ = self.exchange("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
