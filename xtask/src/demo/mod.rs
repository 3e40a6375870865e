//! `cargo xtask demo`: the real binary against a flaky server on loopback. It prints what the binary
//! prints, and what was done to the server; without the binary there is nothing to show.

mod server;
mod stage;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use crate::paths;
use server::{Answer, Server};
use stage::Stage;

/// Short pauses, so that it all fits into a minute.
const SETTINGS: [(&str, &str); 3] = [
    ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.3"),
    ("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__TIMEOUT", "4"),
    ("LANG", "C.UTF-8"),
];

struct Demo {
    binary: PathBuf,
    stage: Stage,
    url: String,
    digest: String,
}

pub(crate) fn run() -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    cmd!(sh, "cargo build --workspace --bins").run()?;
    let binary = paths::target().join("debug/vps-configurator");
    ensure!(binary.is_file(), "the binary {} is missing", binary.display());
    let server = Server::start().context("no loopback server")?;
    let content = server::content();
    let digest = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let demo = Demo { binary, stage: Stage::set()?, url: server.url("/app.tar.gz"), digest };
    let dest = demo.stage.path("app.tar.gz");

    say("1. A server that resets, then asks to wait, then answers")?;
    server.script([Answer::Reset, Answer::RetryAfter(1), Answer::Whole]);
    ensure!(demo.download(&[])?.success(), "the download should have worked");
    server.tell()?;

    say("2. Killed in the middle (kill -9), then run again: it goes on where it was")?;
    std::fs::remove_file(&dest)?;
    server.script([Answer::HoldAfter(server::HALF), Answer::Whole]);
    demo.download_and_kill(&dest, &server)?;
    ensure!(!dest.exists(), "a killed download must not leave DEST");
    ensure!(demo.download(&[])?.success(), "the second run should have worked");
    ensure!(std::fs::read(&dest)? == content, "DEST is wrong");
    server.tell()?;

    say("3. The server is down: after three failures the circuit opens")?;
    std::fs::remove_file(&dest)?;
    server.script([Answer::Status(503)]);
    ensure!(demo.download(&[])?.code() == Some(1), "the download should have failed");
    server.tell()?;

    say("4. A second process fails at once, without a request")?;
    ensure!(demo.download(&[])?.code() == Some(4), "the circuit should have been open");
    server.tell()?;
    demo.status()?;

    say("5. Later, the server is back: one probe closes the circuit")?;
    server.script([Answer::Whole]);
    ensure!(demo.download(&["--wait-for-circuit"])?.success(), "the probe should have closed the circuit");
    server.tell()?;
    demo.status()?;
    say("done: every file was complete and right, or not there")
}

impl Demo {
    fn download(&self, more: &[&str]) -> Result<ExitStatus> {
        self.start(&[&["download", &self.url, "--sha256", &self.digest], more].concat())?;
        self.stage.wait()
    }

    fn status(&self) -> Result<()> {
        self.start(&["circuit-breaker", "status"])?;
        let status = self.stage.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    fn download_and_kill(&self, dest: &Path, server: &Server) -> Result<()> {
        self.start(&["download", &self.url, "--sha256", &self.digest])?;
        server.wait_until_held()?;
        wait_for_half(dest)?;
        self.stage.kill()?;
        say("   (killed)")
    }

    fn start(&self, args: &[&str]) -> Result<()> {
        let shown: Vec<&str> = args.iter().map(|arg| if arg.len() == 64 { "HEX" } else { *arg }).collect();
        say(&format!("$ vps-configurator {}", shown.join(" ")))?;
        let mut command = Command::new(&self.binary);
        for (name, value) in SETTINGS {
            command.env(name, value);
        }
        command.env("VPS_CONFIGURATOR_STATE__DIR", self.stage.path("state"));
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.args(args).stdin(Stdio::null());
        self.stage.start(command)
    }
}

/// Until the part beside DEST holds what was sent.
fn wait_for_half(dest: &Path) -> Result<()> {
    let name = dest.file_name().unwrap_or_default().to_string_lossy();
    let part = dest.with_file_name(format!(".{name}.part"));
    for _ in 0..2_000 {
        if std::fs::metadata(&part).is_ok_and(|meta| meta.len() >= server::HALF as u64) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    bail!("the part {} did not grow", part.display())
}

fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let space = if text.starts_with(['$', ' ']) { "" } else { "\n" };
    writeln!(stdout, "{space}{text}")?;
    stdout.flush()?;
    Ok(())
}
