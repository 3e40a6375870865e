//! The adapter: runs processes, in one of three ways.

use async_trait::async_trait;

use super::captured::Captured;
use super::error::CommandError;
use super::input::Input;
use super::request::ProcessSpec;
use super::shield::Shield;
use super::talk::Talk;
use super::transcript::Transcript;
use super::work::Begin;
use crate::env::{Env, ProcessIdentity};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// With a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// Hears what a process says on its descriptor 3, line by line.
pub trait Listener: Send {
    /// Called for each line, without its end. Must be quick.
    fn hear(&mut self, line: &str);
}

/// Hears nothing.
impl Listener for () {
    fn hear(&mut self, _line: &str) {}
}

/// Keeps every line.
impl Listener for Vec<String> {
    fn hear(&mut self, line: &str) {
        self.push(line.to_owned());
    }
}

/// Runs processes.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Runs one process to its end.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be started.
    ///
    /// # Cancel safety
    /// Dropping the future asks the process and all it started to end (SIGTERM); the next
    /// [`run`](Self::run) or [`settle`](Self::settle) waits for that, and kills what is left.
    async fn run(&self, env: &Env, spec: &ProcessSpec) -> Result<Ended, CommandError>;

    /// What a process that is [run](Self::run) now would read.
    fn input(&self) -> Input {
        Input::shared()
    }

    /// Kills at once whatever runs, except for what is behind a raised [`Shield`]. Gives the numbers of those
    /// that work on: these, and what could not be killed.
    fn abandon(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Runs one process away from every terminal, to its end: in a session of its own, without input,
    /// what it says kept for the end. Lines that it writes to its descriptor 3 are handed to `status`
    /// as they come.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be started.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run), unless the `shield` is raised: then it is let alone, and works on to its
    /// end even when this process dies.
    async fn capture(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        shield: &Shield,
        status: &mut dyn Listener,
    ) -> Result<Captured, CommandError>;

    /// Runs one process away from every terminal and talks with it. Its standard output is not in the
    /// result, what it says on standard error is.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be started, or cannot be talked with here.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    async fn converse(
        &self,
        _env: &Env,
        spec: &ProcessSpec,
        _talk: &mut dyn Talk,
    ) -> Result<Captured, CommandError> {
        let source = std::io::ErrorKind::Unsupported.into();
        Err(CommandError::NotExecutable { program: spec.program().into(), source })
    }

    /// Runs one process as it is done for others: in a session of its own, with an empty input and a umask of 022,
    /// all it says in `said`. `begin` is told who it is and says whether it begins: until then it has done nothing.
    /// Killed ourselves, it works on.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be started, or was not let begin.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    async fn work(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        begin: &dyn Begin,
        said: &Transcript,
    ) -> Result<Ended, CommandError> {
        // Nobody: a fake has no processes.
        let leader = ProcessIdentity { pid: u32::MAX, ..env.identity().clone() };
        if !begin.begins(&leader).await {
            return Err(CommandError::NotBegun { program: spec.name().into() });
        }
        let captured = self.capture(env, spec, &Shield::new(), &mut ()).await?;
        said.add(captured.stdout.as_bytes());
        said.add(captured.stderr.as_bytes());
        Ok(captured.ended)
    }

    /// Waits for the processes whose futures were dropped: two seconds at most, then kills them; those
    /// behind a raised [`Shield`] to their own end.
    async fn settle(&self, env: &Env);
}
