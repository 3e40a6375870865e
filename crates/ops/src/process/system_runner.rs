//! Processes of this machine.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::{Child, ChildStderr, Command};

use super::adapter::{Ended, Listener, Runner};
use super::captured::{self, Captured};
use super::error::CommandError;
use super::input::Input;
use super::request::ProcessSpec;
use super::running::{Ending, Guard, Running};
use super::said::{self, Said, Silence};
use super::shield::Shield;
use super::talk::{self, Talk};
use super::transcript::Transcript;
use super::work::{self, Begin};
use super::{core_dumps, session, words};
use crate::env::Env;

/// How long the lines of a process that has ended may take.
const LAST_LINES: Duration = Duration::from_millis(50);
/// How often it is looked whether a process said more than is kept.
const TRIM: Duration = Duration::from_millis(50);
/// How long a process may take to end when all was said.
const FAREWELL: Duration = Duration::from_millis(300);

/// Starts real processes.
///
/// Away from a terminal each gets a process group of its own, so that all it starts ends with it. At a
/// terminal it stays in ours, or it could not read from it, whatever its standard input is; then what it
/// started is looked for. A captured one has a session of its own.
#[derive(Debug, Default)]
pub struct SystemRunner {
    ending: Ending,
}

impl SystemRunner {
    /// A runner.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn guard(&self, child: Child, grouped: bool, shield: &Shield) -> Guard<'_> {
        Guard::new(&self.ending, Running::new(child, grouped, shield.clone()))
    }
}

/// Whether we can ask at a terminal: our input is one, or we are in the foreground of the one that `/dev/tty`
/// is, as in `run ... </dev/null` or in a pipeline.
fn at_terminal() -> bool {
    use rustix::fs::{Mode, OFlags, open};

    if rustix::termios::isatty(rustix::stdio::stdin()) {
        return true;
    }
    open("/dev/tty", OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
        .and_then(rustix::termios::tcgetpgrp)
        .is_ok_and(|foreground| foreground == rustix::process::getpgrp())
}

#[async_trait]
impl Runner for SystemRunner {
    async fn run(&self, env: &Env, spec: &ProcessSpec) -> Result<Ended, CommandError> {
        self.settle(env).await;
        let at_terminal = at_terminal();
        let child = spawn(spec, !at_terminal).map_err(|source| not_started(spec, source))?;
        let guard = self.guard(child, !at_terminal, &Shield::new());
        guard.wait().await.map(ended).map_err(|source| not_started(spec, source))
    }

    async fn capture(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        shield: &Shield,
        status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        self.settle(env).await;
        let failed = |source| not_started(spec, source);
        let (child, mut session) = session::start(spec).map_err(failed)?;
        let guard = self.guard(child, true, shield);
        let waited = {
            let (mut waiting, mut is_heard) = (std::pin::pin!(guard.wait()), false);
            loop {
                tokio::select! {
                    biased;
                    () = session.listen(status), if !is_heard => is_heard = true,
                    waited = &mut waiting => {
                        // Its last lines; a child of it that keeps the pipe open must not hold us up.
                        let _ = env.until(env.now().after(LAST_LINES), session.listen(status)).await;
                        break waited;
                    }
                    () = env.bell(env.now().after(TRIM)) => session.trim(),
                }
            }
        };
        let ended = ended(waited.map_err(failed)?);
        let stdout = captured::read(&session.stdout).map_err(failed)?;
        let stderr = captured::read(&session.stderr).map_err(failed)?;
        match words::of_session(ended, &stderr) {
            Some(kind) => Err(failed(kind.into())),
            None => Ok(Captured { ended, stdout, stderr }),
        }
    }

    async fn work(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        begin: &dyn Begin,
        said: &Transcript,
    ) -> Result<Ended, CommandError> {
        self.settle(env).await;
        let failed = |source| not_started(spec, source);
        let before = said.len();
        let (child, go) = work::start(spec, said).map_err(failed)?;
        let pid = child.id();
        let guard = self.guard(child, true, &Shield::new());
        let leader = pid.map(|pid| env.identity_of(pid));
        let begins = match &leader {
            Some(leader) => begin.begins(leader).await,
            None => false,
        };
        if !begins {
            return Err(CommandError::NotBegun { program: spec.name().into() });
        }
        work::go(go).map_err(failed)?;
        let status = {
            let mut waiting = std::pin::pin!(guard.wait());
            loop {
                tokio::select! {
                    biased;
                    status = &mut waiting => break status,
                    () = env.bell(env.now().after(TRIM)) => said.trim(),
                }
            }
        };
        let ended = ended(status.map_err(failed)?);
        match words::of_waiter(ended, &said.from(before)) {
            Some(kind) => {
                // Those are our own words, and the error says the same in better ones.
                said.take_back(before);
                Err(failed(kind.into()))
            }
            None => Ok(ended),
        }
    }

    async fn converse(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        talk: &mut dyn Talk,
    ) -> Result<Captured, CommandError> {
        self.settle(env).await;
        let failed = |source| not_started(spec, source);
        let mut child = talk::start(spec).map_err(failed)?;
        let (pipes, stderr) = (child.stdin.take().zip(child.stdout.take()), child.stderr.take());
        let guard = self.guard(child, true, &Shield::new());
        let mut said = Said::default();
        let talked = async {
            if let Some((input, output)) = pipes {
                talk.talk(input, output).await;
            }
            // One that is still there has no more to say; dropping the guard tells it to end.
            env.until(env.now().after(FAREWELL), guard.wait()).await
        };
        let status = match stderr {
            Some(stderr) => heard(env, &mut said, stderr, talked).await,
            None => Ok(talked.await),
        };
        let ended = match status {
            Ok(Some(status)) => ended(status.map_err(failed)?),
            Ok(None) => Ended::Signal(0),
            Err(limit) => return Err(CommandError::TooMuchSaid { program: spec.name().into(), limit }),
        };
        let stderr = said.text();
        match words::of_starter(ended, &stderr) {
            Some(kind) => Err(failed(kind.into())),
            None => Ok(Captured { ended, stdout: String::new(), stderr }),
        }
    }

    fn input(&self) -> Input {
        Input::ours()
    }

    fn abandon(&self) -> Vec<u32> {
        self.ending.abandon()
    }

    async fn settle(&self, env: &Env) {
        self.ending.settle(env).await;
    }
}

/// What `work` comes to, while somebody listens to what the process says beside it.
///
/// # Errors
/// How much may be said, where it is more.
async fn heard<T>(
    env: &Env,
    said: &mut Said,
    mut stream: ChildStderr,
    work: impl Future<Output = T>,
) -> Result<T, u64> {
    let done = {
        let (mut work, mut listening) = (std::pin::pin!(work), std::pin::pin!(said.listen(&mut stream)));
        tokio::select! {
            biased;
            silence = &mut listening => match silence {
                Silence::Ended => return Ok(work.await),
                Silence::TooMuch => return Err(said::MOST),
            },
            done = &mut work => done,
        }
    };
    // Its last words; a child of it that keeps the pipe open must not hold us up.
    match env.until(env.now().after(LAST_LINES), said.listen(&mut stream)).await {
        Some(Silence::TooMuch) => Err(said::MOST),
        _ => Ok(done),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
fn spawn(spec: &ProcessSpec, grouped: bool) -> io::Result<Child> {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.args)
        .envs(spec.variables.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true);
    if let Some(input) = &spec.input {
        command.stdin(input.stdio()?);
    }
    if let Some(folder) = &spec.folder {
        command.current_dir(folder);
    }
    if grouped {
        command.process_group(0);
    }
    core_dumps::started(|| command.spawn())
}

fn not_started(spec: &ProcessSpec, source: io::Error) -> CommandError {
    match source.kind() {
        io::ErrorKind::NotFound => CommandError::NotFound { program: spec.program().into() },
        _ => CommandError::NotExecutable { program: spec.program().into(), source },
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or(0)),
    }
}
