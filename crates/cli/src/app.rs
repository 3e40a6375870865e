//! Puts the program's parts together, as late as each is needed.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_ops::circuit::kept_hold;
use vps_ops::dead_letter::Surroundings;
use vps_ops::env::{Env, Task};
use vps_ops::event::Observer;
use vps_ops::foreign::shown;
use vps_ops::http::Trust;
use vps_ops::plan::module::Modules;
use vps_ops::process::{Runner as _, SystemRunner};
use vps_ops::service::{ServiceName, UnknownService};
use vps_ops::settings::{Backend, Options};
use vps_ops::store::{SqliteStore, StateFolder, StoreHandle};
use vps_ops::{Kind, NetworkOperationWrapper};

use crate::args::{GlobalArgs, NetworkArgs};
use crate::config::{self, Environment, Loaded, load};
use crate::exit::Exit;
use crate::metrics::HealthFigures;
use crate::observe::{self, Screen};
use crate::program;
use crate::report::{Failure, FailureKind};
use crate::signals::Stopped;
use crate::term::Term;

/// What every command works with.
pub(crate) struct App {
    pub(crate) global: GlobalArgs,
    pub(crate) environment: Environment,
    pub(crate) term: Term,
    pub(crate) screen: Screen,
    pub(crate) env: Env,
    pub(crate) cancel: CancellationToken,
    pub(crate) runner: Arc<SystemRunner>,
    /// By which signal, if by one.
    pub(crate) stopped: Stopped,
    /// Whether the command must not make anything.
    pub(crate) only_looks: bool,
    /// What steps of a plan can be, beside the kinds that all plans have.
    pub(crate) modules: Arc<Modules>,
    /// What the command works with, once it has it, beside what notes what is under way there.
    network: OnceLock<(NetworkOperationWrapper, Option<Task>)>,
    /// What the command found of services, once it has looked.
    health: OnceLock<HealthFigures>,
}

impl App {
    pub(crate) fn start(global: GlobalArgs, only_looks: bool, modules: Modules) -> Self {
        let environment = Environment::read();
        let term = Term::look(&environment);
        crate::term::choose_color(global.color);
        let screen = observe::start(&global, &environment, term);
        let (env, cancel, runner) = (Env::real(), CancellationToken::new(), Arc::new(SystemRunner::new()));
        let stopped = Stopped::default();
        let (network, health) = (OnceLock::new(), OnceLock::new());
        let modules = Arc::new(modules);
        Self {
            global,
            environment,
            term,
            screen,
            env,
            cancel,
            runner,
            stopped,
            only_looks,
            modules,
            network,
            health,
        }
    }

    /// Says why a command failed, unless nothing may be said; gives the code to end with.
    pub(crate) fn tell(&self, failure: &Failure) -> Exit {
        let said;
        let failure = if failure.kind == FailureKind::Of(Kind::Invalid) {
            let typed: Vec<_> = std::env::args_os().collect();
            said = failure.mapped(|text| crate::usage::without_secrets(text, &typed));
            &said
        } else {
            failure
        };
        // What was asked for as JSON is never left out.
        if self.global.quiet < 2 || self.global.json {
            failure.print(self.global.json_errors(), &self.screen);
        }
        failure.exit
    }

    pub(crate) fn config(&self) -> Result<Loaded, Failure> {
        let files = config::files(self.env.fs(), self.global.config(), &self.environment);
        for found in files.iter().filter(|found| found.is_skipped()) {
            let (path, why) = (shown(&found.path), found.words());
            tracing::warn!("the configuration file {path} is {why}; `--config {path}` reads it");
        }
        load(files, &self.environment)
            .map_err(|error| Failure::of_error(Exit::Config, FailureKind::Config, &error))
    }

    /// Where state is kept; `None` where it ends with the process.
    pub(crate) fn state_folder(&self, loaded: &Loaded) -> Option<StateFolder> {
        let state = &loaded.settings.state;
        if state.backend == Backend::Memory {
            return None;
        }
        StateFolder::choose(
            state.dir.clone(),
            self.environment.state_directory.clone(),
            self.environment.is_root,
            self.environment.state_home.clone(),
        )
    }

    /// Fails where what is said to circuits would end with this process.
    pub(crate) fn must_remember(&self, loaded: &Loaded) -> Result<(), Failure> {
        let warn = Box::new(|text: &str| tracing::warn!(operation = "state", "{text}"));
        let failure = match self.state_folder(loaded) {
            None => {
                Failure::local("circuits are kept in memory only, so that this would end with this command")
            }
            Some(folder) => match SqliteStore::open(&folder, &self.env, kept_hold, warn) {
                Ok(_) => return Ok(()),
                Err(error) => Failure::of_error(Exit::Local, Kind::Local, &error),
            },
        };
        Err(failure
            .hint(format!("see `{program} config path` for where state is kept", program = program::name())))
    }

    /// The library's front door, over this program's configuration, state and observers.
    pub(crate) fn network(&self, loaded: &Loaded) -> NetworkOperationWrapper {
        self.network_watched_by(loaded, observe::observers(&self.screen, self.term, self.global.log_format))
    }

    /// The same with other observers.
    pub(crate) fn network_watched_by(
        &self,
        loaded: &Loaded,
        observer: Arc<dyn Observer>,
    ) -> NetworkOperationWrapper {
        let trust = Trust {
            cert_file: self.environment.cert_file.clone(),
            cert_dir: self.environment.cert_dir.clone(),
        };
        let builder = NetworkOperationWrapper::builder(loaded.policies.clone())
            .env(self.env.clone())
            .runner(self.runner.clone())
            .observer(observer)
            .trust(trust);
        #[cfg(feature = "git")]
        let builder = builder.ssh_command(self.environment.ssh_command.clone());
        let network = match self.state_folder(loaded) {
            Some(folder) => {
                let path: PathBuf = folder.path().to_owned();
                let builder =
                    if self.only_looks { builder } else { builder.dead_letters(self.surroundings()) };
                builder.store(self.store(folder)).status_folder(path).build()
            }
            None => builder.build(),
        };
        self.network.get_or_init(|| (network.clone(), self.note_running(&network)));
        network
    }

    /// Where commands are given: what a dead letter of them needs.
    fn surroundings(&self) -> Surroundings {
        // Where there is no folder any more, no path that begins in it means anything.
        let folder = std::env::current_dir().unwrap_or_default();
        Surroundings::new(folder).variables(self.environment.all.iter().map(|(name, _)| name.clone()))
    }

    /// The same program, that says nothing of what it does but by its result.
    pub(crate) fn silent(&self) -> Self {
        let global = GlobalArgs { json: false, quiet: 2, ..self.global.clone() };
        Self {
            global,
            environment: self.environment.clone(),
            term: self.term,
            screen: self.screen.clone(),
            env: self.env.clone(),
            cancel: self.cancel.clone(),
            runner: Arc::clone(&self.runner),
            stopped: self.stopped.clone(),
            only_looks: self.only_looks,
            modules: Arc::clone(&self.modules),
            network: OnceLock::new(),
            health: OnceLock::new(),
        }
    }

    /// Has what is under way noted once a second, for as long as the command lasts.
    fn note_running(&self, network: &NetworkOperationWrapper) -> Option<Task> {
        if self.only_looks {
            return None;
        }
        let (env, running) = (self.env.clone(), Arc::clone(network.running()));
        Some(self.env.spawn("running", async move {
            loop {
                env.bell(env.now().after(Duration::from_secs(1))).await;
                running.note_silent();
            }
        }))
    }

    /// The one that the command was given, if it came that far.
    pub(crate) fn network_in_use(&self) -> Option<&NetworkOperationWrapper> {
        self.network.get().map(|(network, _)| network)
    }

    /// Keeps what was found of services, for the metrics of this command.
    pub(crate) fn found(&self, health: HealthFigures) {
        self.health.get_or_init(|| health);
    }

    /// What was found of services, if this command looked.
    pub(crate) fn health(&self) -> Option<&HealthFigures> {
        self.health.get()
    }

    fn store(&self, folder: StateFolder) -> StoreHandle {
        let env = self.env.clone();
        let only_looks = self.only_looks;
        StoreHandle::on_thread(move || {
            let warn = |text: &str| tracing::warn!(operation = "state", "{text}");
            if only_looks {
                SqliteStore::look_or_memory(&folder, &env, warn)
            } else {
                SqliteStore::open_or_memory(&folder, &env, kept_hold, warn)
            }
        })
    }

    /// Ends what we started before we end ourselves, and names what works on.
    pub(crate) fn abandon(screen: &Screen, runner: &SystemRunner, json: bool) {
        for pid in runner.abandon() {
            if json {
                tracing::warn!(pid, "process {pid} works on");
            } else {
                // With `-q` too: nobody else knows of it.
                screen.line(&format!("warning: process {pid} works on"));
            }
        }
    }

    /// What the options of one call say.
    pub(crate) fn options(
        &self,
        network: &NetworkOperationWrapper,
        args: &NetworkArgs,
    ) -> Result<Options, Failure> {
        let mut options =
            Options::new().wait_for_circuit(args.wait.circuit_wait()).cancel(self.cancel.clone());
        options.total = args.timeout;
        options.attempts = args.retries;
        if let Some(name) = &args.service {
            options.service = Some(named(network, name)?);
        }
        Ok(options)
    }
}

/// A service by the name a person gave.
pub(crate) fn named(network: &NetworkOperationWrapper, name: &str) -> Result<ServiceName, Failure> {
    network.policies().table().named(name).map_err(|error| unknown_service(&error))
}

/// A name that is no service's; somebody who wrote a host's means its circuit.
pub(crate) fn unknown_service(error: &UnknownService) -> Failure {
    let failure = Failure::usage(error.to_string());
    if error.name.contains('.') && !error.name.contains('/') {
        return failure.hint(format!("a host's own circuit is `external_downloads/{}`", error.name));
    }
    failure
}
