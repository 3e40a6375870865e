//! A process away from every terminal: its own session, no input, its words kept, its status heard.

use std::io;
use std::process::Stdio;

use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::captured;
use super::lines::Lines;
use super::transcript::Transcript;
use super::{Listener, ProcessSpec, core_dumps};

/// Moves the status pipe from descriptor 0, the only place that can be given without unsafe code, to
/// where the program looks for it, and leaves it without input.
const PLUMBING: &str = r#"exec 3>&0 </dev/null; exec "$@""#;

/// What is connected to a process.
///
/// Its output goes to memory, not through pipes: a dpkg whose reader dies would have its scripts end in
/// the middle of a line.
pub(super) struct Session {
    pub(super) stdout: Transcript,
    pub(super) stderr: Transcript,
    status: Lines<pipe::Receiver>,
}

#[expect(clippy::disallowed_methods, reason = "the one way to start a process without a terminal")]
pub(super) fn start(spec: &ProcessSpec) -> io::Result<(Child, Session)> {
    let (stdout, stderr) = (captured::stream()?, captured::stream()?);
    let (status, writer) = io::pipe()?;
    let status = pipe::Receiver::from_owned_fd(status.into())?;
    let mut words: Vec<&std::ffi::OsStr> = Vec::new();
    if spec.dies_with_us {
        words.extend(["setpriv", "--pdeathsig", "KILL"].map(std::ffi::OsStr::new));
    }
    words.extend(["setsid", "sh", "-c", PLUMBING, "sh"].map(std::ffi::OsStr::new));
    words.push(&spec.program);
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    if spec.is_cleared {
        command.env_clear();
    }
    command
        .args(words)
        .args(&spec.args)
        .envs(spec.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(writer))
        .stdout(stdout.stdio()?)
        .stderr(stderr.stdio()?);
    // The command holds our ends of the pipe: dropped here, so that its end is seen.
    let child = core_dumps::started(|| command.spawn())?;
    drop(command);
    Ok((child, Session { stdout, stderr, status: Lines::of(status) }))
}

impl Session {
    /// Hands on each line of status until the program and all it started have closed it.
    ///
    /// Cancel safe: another call goes on where this one stopped.
    pub(super) async fn listen(&mut self, status: &mut dyn Listener) {
        self.status.listen(status).await;
    }

    /// Gives back the memory of what will not be kept.
    pub(super) fn trim(&self) {
        self.stdout.trim();
        self.stderr.trim();
    }
}
