//! A process that does something for others: away from every terminal, and told to begin only when it is known who it
//! is.

use std::io::{self, PipeWriter, Write};
use std::process::Stdio;

use async_trait::async_trait;
use tokio::process::{Child, Command};

use super::transcript::Transcript;
use super::{ProcessSpec, core_dumps};
use crate::env::ProcessIdentity;

/// Waits for a word on descriptor 0, the only place that can be given without unsafe code. Where that closes without
/// one, whoever started it is gone, and the program never runs.
const PLUMBING: &str = r#"umask 022; read -r _ || exit 1; exec "$@" </dev/null"#;

/// What the shell that waits calls itself, so that its own words can be told from others'.
pub(super) const WAITER: &str = "vps-configurator-waits";

/// Hears who a process is before it does anything.
#[async_trait]
pub trait Begin: Send + Sync {
    /// Says whether it may begin. Told no, it ends without having done anything.
    async fn begins(&self, leader: &ProcessIdentity) -> bool;
}

/// Lets everything begin.
#[async_trait]
impl Begin for () {
    async fn begins(&self, _leader: &ProcessIdentity) -> bool {
        true
    }
}

/// Starts it; it waits for its [word](go).
#[expect(clippy::disallowed_methods, reason = "the one way to start a process that waits for its word")]
pub(super) fn start(spec: &ProcessSpec, said: &Transcript) -> io::Result<(Child, PipeWriter)> {
    let (word, go) = io::pipe()?;
    let mut command = Command::new("setsid");
    if spec.is_cleared {
        command.env_clear();
    }
    command
        .args(["sh", "-c", PLUMBING, WAITER])
        .arg(&spec.program)
        .args(&spec.args)
        .envs(spec.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(word))
        .stdout(said.stdio()?)
        .stderr(said.stdio()?);
    if let Some(folder) = &spec.folder {
        command.current_dir(folder);
    }
    if let Some((user, group)) = spec.account {
        // Root's other groups go with its number.
        command.uid(user).gid(group);
    }
    let child = core_dumps::started(|| command.spawn())?;
    Ok((child, go))
}

/// Lets it begin.
pub(super) fn go(mut word: PipeWriter) -> io::Result<()> {
    word.write_all(b"\n")
}
