//! Single downloads: retries, a resume after a kill, and a circuit that outlives its process.

use std::fs;

use anyhow::{Result, ensure};

use super::program::Program;
use super::server::{Answer, File, Server};
use super::{holds, say};

const SIZE: u64 = 8 << 20;
const PATH: &str = "/app.tar.gz";

struct Demo<'p> {
    program: &'p Program,
    server: Server,
    url: String,
    digest: String,
}

pub(super) fn show(program: &Program) -> Result<()> {
    let (server, file) = (Server::start()?, File::of(1, SIZE));
    server.put(PATH, &file);
    let demo = Demo { program, url: server.url(PATH), server, digest: file.sha256() };
    let (server, dest) = (&demo.server, program.stage.path("app.tar.gz"));

    say("1. A server that resets, then asks to wait, then answers")?;
    server.script(PATH, [Answer::Reset, Answer::RetryAfter(1), Answer::Whole]);
    demo.download(&[], 0)?;

    say("2. Killed in the middle (kill -9), then run again: it goes on where it was")?;
    fs::remove_file(&dest)?;
    server.script(PATH, [Answer::HoldAfter(SIZE / 2), Answer::Whole]);
    program.start(&["download", &demo.url, "--sha256", &demo.digest])?;
    server.wait_until_held(PATH)?;
    program.wait_for_part(&dest, SIZE / 2)?;
    program.kill()?;
    ensure!(!dest.exists(), "a killed download must not leave DEST");
    demo.download(&[], 0)?;
    ensure!(fs::read(&dest)? == file.bytes(), "DEST is wrong");

    say("3. The server is down: after three failures the circuit opens")?;
    fs::remove_file(&dest)?;
    server.script(PATH, [Answer::Status(503)]);
    demo.download(&[], 1)?;

    say("4. A second process fails at once, without a request")?;
    let before = server.connections();
    demo.download(&[], 4)?;
    holds(server.connections() == before, "no connection was made")?;
    demo.status()?;

    say("5. Later, the server is back: one probe closes the circuit")?;
    server.script(PATH, [Answer::Whole]);
    demo.download(&["--wait"], 0)?;
    demo.status()?;
    say("done: every file was complete and right, or not there")
}

impl Demo<'_> {
    fn download(&self, more: &[&str], code: i32) -> Result<()> {
        let status =
            self.program.run(&[&["download", &self.url, "--sha256", &self.digest], more].concat())?;
        match self.server.log().as_slice() {
            [] => say("   (the server saw no request)")?,
            log => log.iter().try_for_each(|line| say(&format!("   (the server: {line})")))?,
        }
        holds(status.code() == Some(code), &format!("exit code {code}"))
    }

    fn status(&self) -> Result<()> {
        let status = self.program.run(&["circuit-breaker", "status"])?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}
