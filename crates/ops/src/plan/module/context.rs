//! What a module has of the world.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_retry::{Class, Kind};

use super::ModuleError;
use crate::NetworkOperationWrapper;
use crate::apt::{AptInstalled, InstallRequest, parse_all};
use crate::foreign::{Foreign, escaped};
use crate::plan::kinds::{last_lines, lines_of};
use crate::plan::run::{StepContext, StepError};
use crate::plan::{Facts, Part, SecretName, SecretText};
use crate::process::{Captured, CommandError, ProcessSpec, RetryOn, Shield};
use crate::settings::Options;

/// What a step was given ran out.
#[derive(Debug, thiserror::Error)]
#[error("it was not done in the time that the step has")]
struct OutOfTime;

/// What a module has of the world: the network under everything this layer has, the machine's files and facts, secrets by
/// name, and a way to say what it is at.
#[derive(Debug)]
pub struct Context<'c> {
    pub(super) step: &'c StepContext,
    /// When its time is over.
    until: Option<Tick>,
    /// Cancelled where the run is stopped or the time is over.
    stop: CancellationToken,
    /// Futures that are not to be cut.
    critical: AtomicUsize,
    /// One of them ended.
    left: Notify,
    /// Those that were asked for, to be taken out of what is said.
    secrets: Mutex<Vec<(SecretName, SecretString)>>,
}

/// Counts one that is not to be cut, as long as it is there.
struct Critical<'a>(&'a AtomicUsize, &'a Notify);

impl Drop for Critical<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        self.1.notify_one();
    }
}

impl<'c> Context<'c> {
    pub(crate) fn new(step: &'c StepContext) -> Self {
        Self {
            step,
            until: step.options.total.map(|total| step.env().now().after(total)),
            stop: step.options.cancel.child_token(),
            critical: AtomicUsize::new(0),
            left: Notify::new(),
            secrets: Mutex::default(),
        }
    }

    /// The network: downloads, packages, clones and any operation of yours, under retry, circuit breaker and limits.
    #[must_use]
    pub fn network(&self) -> &NetworkOperationWrapper {
        self.step.network()
    }

    /// What operations of this step are given: its limits, its circuit, and the token that stops them.
    #[must_use]
    pub fn options(&self) -> Options {
        let mut options = self.step.options.clone().cancel(self.stop.clone());
        options.total = self.until.map(|until| until.since(self.step.env().now()));
        options
    }

    /// Installs packages with everything this layer has (the seed's name); as `apt install` takes them: `nginx`,
    /// `nginx=1.22*`.
    ///
    /// # Errors
    /// As [`Installs::install`](crate::apt::Installs::install).
    ///
    /// # Cancel safety
    /// A stop ends fetching at once; what dpkg has begun is waited for.
    pub async fn install_packages_resilient(
        &self,
        packages: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<AptInstalled, ModuleError> {
        let names: Vec<String> = packages.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let request = InstallRequest::new(parse_all(names.iter().map(String::as_str))?);
        self.step_aside().await;
        let options = self.options();
        // It ends by itself, as soon as it may.
        let installed =
            self.critical(Box::pin(self.network().installs().install(&request, &options))).await?;
        Ok(installed)
    }

    /// Runs a program, away from every terminal and without input, to its end. It is not tried again. Of our environment
    /// it has `PATH`, `HOME` and `LANG`, and nothing else.
    ///
    /// # Errors
    /// Where it cannot be run, or does not end with 0; with the last lines that it said on standard error.
    ///
    /// # Cancel safety
    /// It and all that it started are told to end.
    pub async fn run(
        &self,
        argv: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Captured, ModuleError> {
        let mut argv = argv.into_iter().map(Into::into);
        let program = argv.next().unwrap_or_default();
        let mut spec =
            ProcessSpec::new(program).args(argv.collect::<Vec<OsString>>()).cleared().dies_with_us();
        for (variable, value) in self.step.ground.variables.inherited(None) {
            spec = spec.variable(variable, value);
        }
        self.step_aside().await;
        let runner = self.network().context().runner();
        let said = runner.capture(self.step.env(), &spec, &Shield::new(), &mut ()).await;
        let said = said.map_err(|error| StepError::local(&error))?;
        match CommandError::of(spec.name(), said.ended, &RetryOn::default()) {
            None => Ok(said),
            Some(error) => {
                let mut failed = StepError::new(&error, Kind::Failed, Class::Permanent);
                failed.tail = last_lines(self.scrub(&said.stderr).as_bytes());
                Err(failed.into())
            }
        }
    }

    /// A file of the machine by its absolute path; in a test one below a folder that is the test's own.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.step.machine(path)
    }

    /// What is known of the machine.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.step.plan().facts
    }

    /// A secret of the plan. What is said afterwards is said without it.
    ///
    /// # Errors
    /// Where the plan has none of this name, or it cannot be had.
    pub fn secret(&self, name: &str) -> Result<SecretString, ModuleError> {
        let name: SecretName = name.parse().map_err(|error| StepError::local(&error))?;
        let secret = self.step.reveal(&SecretText::new([Part::Secret(name.clone())]))?;
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push((name, secret.clone()));
        Ok(secret)
    }

    /// Says what it is at, in a few words.
    pub fn progress(&self, what: impl Display) {
        self.step.say(self.scrub(&what.to_string()).into());
    }

    /// Whether the run is being stopped, or the step's time is over.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns when the run is being stopped, or the step's time is over. Nothing has to wait for it: whatever does not
    /// run under [`critical`](Self::critical) is dropped then.
    pub async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Runs a future that a stop does not cut: it is waited for, and what comes after it is not begun. A kill cuts
    /// everything.
    pub async fn critical<T>(&self, future: impl Future<Output = T>) -> T {
        self.critical.fetch_add(1, Ordering::AcqRel);
        let counted = Critical(&self.critical, &self.left);
        let done = future.await;
        drop(counted);
        // One in another is waited for by that.
        if self.is_cancelled() && self.critical.load(Ordering::Acquire) == 0 {
            // Whoever drops us now was only waiting for this.
            std::future::pending::<()>().await;
        }
        done
    }

    /// Lets a stop be seen between two steps of a module that never waits.
    pub(super) async fn step_aside(&self) {
        tokio::task::yield_now().await;
    }

    /// Runs `work` until the run is stopped or the time is over; what is not to be cut is waited for.
    pub(crate) async fn guarded<T>(
        &self,
        work: impl Future<Output = Result<T, ModuleError>>,
    ) -> Result<Result<T, ModuleError>, StepError> {
        tokio::select! {
            biased;
            stopped = self.stopped() => Err(stopped),
            done = work => Ok(done.map_err(|error| self.without_secrets(error))),
        }
    }

    async fn stopped(&self) -> StepError {
        let time = async {
            match self.until {
                Some(until) => self.step.env().bell(until).await,
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            biased;
            () = self.stop.cancelled() => StepError::stopped(),
            () = time => StepError::new(&OutOfTime, Kind::Timeout, Class::Transient),
        };
        self.stop.cancel();
        while self.critical.load(Ordering::Acquire) > 0 {
            self.left.notified().await;
        }
        why
    }

    /// A text in which secrets stand by name.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for (name, secret) in &*secrets {
            let secret = secret.expose_secret();
            // As it is, as it is shown, and by its lines, where it has several.
            let shown = escaped(secret);
            for form in [secret, &shown].into_iter().chain(lines_of(secret)) {
                if !form.is_empty() && text.contains(form) {
                    text = text.replace(form, &format!("${{secret.{name}}}"));
                }
            }
        }
        text
    }

    fn without_secrets(&self, mut error: ModuleError) -> ModuleError {
        let clean = |text: &mut Foreign| *text = self.scrub(text).into();
        let step = error.step_mut();
        clean(&mut step.what);
        step.causes.iter_mut().for_each(clean);
        step.tail.iter_mut().for_each(clean);
        error
    }
}
