//! A process that is talked with: its standard input and output are pipes of ours.

use std::io;
use std::process::Stdio;

use async_trait::async_trait;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{ProcessSpec, core_dumps};

/// Talks with a process.
#[async_trait]
pub trait Talk: Send {
    /// Writes what it takes and reads what it says, to the end of the conversation. A process that is
    /// still there then is told to end.
    async fn talk(&mut self, input: ChildStdin, output: ChildStdout);
}

/// What the shell between us and the program calls itself, so that its own words can be told from others'.
pub(super) const STARTER: &str = "start";
/// The kernel kills the program when we are killed: one that hangs would stay for ever. Not every `setpriv`
/// can have that done.
const PLUMBING: &str = r#"setpriv --pdeathsig KILL true 2>/dev/null && exec setpriv --pdeathsig KILL "$@"
exec "$@""#;

/// Starts it away from every terminal, so that it cannot ask anybody anything.
#[expect(clippy::disallowed_methods, reason = "the one way to start a process that is talked with")]
pub(super) fn start(spec: &ProcessSpec) -> io::Result<Child> {
    let mut command = Command::new("setsid");
    command
        .args(["sh", "-c", PLUMBING, STARTER])
        .arg(&spec.program)
        .args(&spec.args)
        .envs(spec.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in &spec.removed {
        command.env_remove(name);
    }
    core_dumps::started(|| command.spawn())
}
