//! `cargo xtask demo`: the real binary against a flaky server on loopback. It prints what the binary
//! prints, and what was done to the server; without the binary there is nothing to show.

mod server;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use crate::paths;
use server::{Answer, Server};

/// Short pauses, so that it all fits into a minute.
const SETTINGS: [(&str, &str); 4] = [
    ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.3"),
    ("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__TIMEOUT", "4"),
    ("VPS_CONFIGURATOR_STATE__DIR", ""),
    ("LANG", "C.UTF-8"),
];

struct Demo {
    binary: PathBuf,
    folder: tempfile::TempDir,
}

pub(crate) fn run() -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    cmd!(sh, "cargo build --workspace --bins").run()?;
    let binary = paths::target().join("debug/vps-configurator");
    ensure!(binary.is_file(), "the binary {} is missing", binary.display());
    let demo = Demo { binary, folder: tempfile::tempdir().context("no temporary folder")? };
    let server = Server::start().context("no loopback server")?;
    let content = server::content();
    let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let url = server.url("/app.tar.gz");
    let dest = demo.folder.path().join("app.tar.gz");

    say("1. A server that resets, then asks to wait, then answers")?;
    server.script([Answer::Reset, Answer::RetryAfter(1), Answer::Whole]);
    ensure!(demo.download(&url, &dest, &digest)?.success(), "the download should have worked");
    server.tell()?;

    say("2. Killed in the middle (kill -9), then run again: it goes on where it was")?;
    std::fs::remove_file(&dest)?;
    server.script([Answer::HoldAfter(server::HALF), Answer::Whole]);
    demo.download_and_kill(&url, &dest, &digest, &server)?;
    ensure!(!dest.exists(), "a killed download must not leave DEST");
    ensure!(demo.download(&url, &dest, &digest)?.success(), "the second run should have worked");
    ensure!(std::fs::read(&dest)? == content, "DEST is wrong");
    server.tell()?;

    say("3. The server is down: after three failures the circuit opens")?;
    std::fs::remove_file(&dest)?;
    server.script([Answer::Status(503)]);
    ensure!(demo.download(&url, &dest, &digest)?.code() == Some(1), "the download should have failed");
    server.tell()?;

    say("4. A second process fails at once, without a request")?;
    ensure!(demo.download(&url, &dest, &digest)?.code() == Some(4), "the circuit should have been open");
    server.tell()?;
    demo.command(&["circuit-breaker", "status"])?;

    say("5. Later, the server is back: one probe closes the circuit")?;
    server.script([Answer::Whole]);
    let status = demo.command_line(&[
        "download",
        &url,
        &dest.display().to_string(),
        "--sha256",
        &digest,
        "--wait-for-circuit",
    ])?;
    ensure!(status.success(), "the probe should have closed the circuit");
    server.tell()?;
    demo.command(&["circuit-breaker", "status"])?;
    say("done: every file was complete and right, or not there")
}

impl Demo {
    fn download(&self, url: &str, dest: &Path, digest: &str) -> Result<ExitStatus> {
        self.command_line(&["download", url, &dest.display().to_string(), "--sha256", digest])
    }

    fn command(&self, args: &[&str]) -> Result<()> {
        let status = self.command_line(args)?;
        if !status.success() {
            bail!("it ended with {status}");
        }
        Ok(())
    }

    fn command_line(&self, args: &[&str]) -> Result<ExitStatus> {
        let status = self.prepare(args)?.status().context("the binary cannot be started")?;
        Ok(status)
    }

    fn download_and_kill(&self, url: &str, dest: &Path, digest: &str, server: &Server) -> Result<()> {
        let mut command =
            self.prepare(&["download", url, &dest.display().to_string(), "--sha256", digest])?;
        let mut child = command.spawn().context("the binary cannot be started")?;
        server.wait_until_held()?;
        wait_for_half(dest)?;
        child.kill()?;
        child.wait()?;
        say("   (killed)")
    }

    fn prepare(&self, args: &[&str]) -> Result<Command> {
        let shown: Vec<&str> = args.iter().map(|arg| if arg.len() == 64 { "HEX" } else { *arg }).collect();
        say(&format!("$ vps-configurator {}", shown.join(" ")))?;
        let mut command = Command::new(&self.binary);
        for (name, value) in SETTINGS {
            command.env(name, value);
        }
        command.env("VPS_CONFIGURATOR_STATE__DIR", self.folder.path().join("state"));
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.args(args).stdin(Stdio::null());
        Ok(command)
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
