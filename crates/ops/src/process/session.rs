//! A process away from every terminal: its own session, no input, its words kept, its status heard.

use std::fs::File;
use std::io;
use std::process::Stdio;

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::{Listener, ProcessSpec, core_dumps};

/// Moves the status pipe from descriptor 0, the only place that can be given without unsafe code, to
/// where the program looks for it, and leaves it without input.
const PLUMBING: &str = r#"exec 3>&0 </dev/null; exec "$@""#;
/// Bytes of one line of status; what is longer is cut.
const LONGEST_LINE: usize = 4_096;

/// What is connected to a process.
///
/// Its output goes to memory, not through pipes: a dpkg whose reader dies would have its scripts end in
/// the middle of a line.
pub(super) struct Session {
    pub(super) stdout: File,
    pub(super) stderr: File,
    status: BufReader<pipe::Receiver>,
    /// Of a line, what was read of it so far.
    line: Vec<u8>,
}

#[expect(clippy::disallowed_methods, reason = "the one way to start a process without a terminal")]
pub(super) fn start(spec: &ProcessSpec) -> io::Result<(Child, Session)> {
    let stdout = File::from(memfd_create("stdout", MemfdFlags::CLOEXEC)?);
    let stderr = File::from(memfd_create("stderr", MemfdFlags::CLOEXEC)?);
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
        .stdout(Stdio::from(stdout.try_clone()?))
        .stderr(Stdio::from(stderr.try_clone()?));
    // The command holds our ends of the pipe: dropped here, so that its end is seen.
    let child = core_dumps::started(|| command.spawn())?;
    drop(command);
    Ok((child, Session { stdout, stderr, status: BufReader::new(status), line: Vec::new() }))
}

impl Session {
    /// Hands on each line of status until the program and all it started have closed it.
    ///
    /// Cancel safe: another call goes on where this one stopped.
    pub(super) async fn listen(&mut self, status: &mut dyn Listener) {
        loop {
            match self.status.read_until(b'\n', &mut self.line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    self.line.truncate(LONGEST_LINE);
                    status.hear(String::from_utf8_lossy(&self.line).trim_end());
                    self.line.clear();
                }
            }
        }
    }
}
