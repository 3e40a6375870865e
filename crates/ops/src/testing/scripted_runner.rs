//! Processes that are only said to have run.
//!
//! ```
//! use vps_ops::env::Env;
//! use vps_ops::process::{Captured, Ended, ProcessSpec, Runner};
//! use vps_ops::testing::scripted_runner::ScriptedRunner;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let runner = ScriptedRunner::new(|line| Captured::new(Ended::Code(7), "", format!("no {line}")));
//! let ended = runner.run(&Env::real(), &ProcessSpec::new("curl").arg("-f")).await.unwrap();
//! assert_eq!((ended, runner.ran()), (Ended::Code(7), vec!["curl -f".to_owned()]));
//! # });
//! ```

use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::env::Env;
use crate::process::{Captured, CommandError, Ended, Listener, ProcessSpec, Runner, Shield};

type Answer = dyn Fn(&str) -> Captured + Send + Sync;

/// A fake of [`Runner`]: answers by the command line, and remembers it.
pub struct ScriptedRunner {
    answer: Box<Answer>,
    status: Vec<String>,
    ran: Mutex<Vec<String>>,
}

impl ScriptedRunner {
    /// One whose processes end as `answer` says of their command lines.
    #[must_use]
    pub fn new(answer: impl Fn(&str) -> Captured + Send + Sync + 'static) -> Self {
        Self { answer: Box::new(answer), status: Vec::new(), ran: Mutex::default() }
    }

    /// Each process that is captured says these lines of status.
    #[must_use]
    pub fn with_status(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.status = lines.into_iter().map(Into::into).collect();
        self
    }

    /// The command lines so far.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, spec: &ProcessSpec) -> Captured {
        let mut line = spec.name();
        for argument in spec.arguments() {
            line.push(' ');
            line.push_str(&argument.to_string_lossy());
        }
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        (self.answer)(&line)
    }
}

impl fmt::Debug for ScriptedRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedRunner").field("ran", &self.ran()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Runner for ScriptedRunner {
    async fn run(&self, _env: &Env, spec: &ProcessSpec) -> Result<Ended, CommandError> {
        Ok(self.note(spec).ended)
    }

    async fn capture(
        &self,
        _env: &Env,
        spec: &ProcessSpec,
        _shield: &Shield,
        status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        for line in &self.status {
            status.hear(line);
        }
        Ok(self.note(spec))
    }

    async fn settle(&self, _env: &Env) {}
}
