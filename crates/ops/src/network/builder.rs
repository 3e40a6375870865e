//! Puts a wrapper together: every part has a default, and a fake can take its place.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Health, NetworkOperationWrapper};
use crate::apt::{Apt, AptGet, Installs};
use crate::context::Context;
use crate::dead_letter::{Letters, Surroundings};
use crate::download::{Downloader, Downloads, HttpDownloader, SealKey};
use crate::env::Env;
use crate::event::Observer;
use crate::guard::CircuitBreakerManager;
use crate::http::{HttpClient, Proxies, ReqwestClient, Trust};
use crate::pipeline::Pipeline;
use crate::probe::Way;
use crate::process::{Runner, SystemRunner};
use crate::running::Running;
use crate::settings::Policies;
use crate::store::StoreHandle;
use crate::totals::Totals;

/// The parts of a [`NetworkOperationWrapper`].
pub struct Builder {
    policies: Policies,
    env: Option<Env>,
    store: Option<StoreHandle>,
    status_folder: Option<PathBuf>,
    observer: Option<Arc<dyn Observer>>,
    letters: Option<Surroundings>,
    trust: Trust,
    http: Option<Arc<dyn HttpClient>>,
    probe: Option<Arc<dyn vps_health::Probe>>,
    downloader: Option<Arc<dyn Downloader>>,
    runner: Option<Arc<dyn Runner>>,
    apt: Option<Arc<dyn Apt>>,
    #[cfg(feature = "git")]
    git: Option<Arc<dyn crate::git::Git>>,
    #[cfg(feature = "git")]
    ssh_command: Option<String>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new(policies: Policies) -> Self {
        Self {
            policies,
            env: None,
            store: None,
            status_folder: None,
            observer: None,
            letters: None,
            trust: Trust::default(),
            http: None,
            probe: None,
            downloader: None,
            runner: None,
            apt: None,
            #[cfg(feature = "git")]
            git: None,
            #[cfg(feature = "git")]
            ssh_command: None,
        }
    }

    /// The world to work in; this machine by default.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// Where circuits are remembered; in memory by default.
    #[must_use]
    pub fn store(mut self, store: StoreHandle) -> Self {
        self.store = Some(store);
        self
    }

    /// The state folder: where `status.json` is written, and where the key lies that says which parts in shared
    /// folders are ours; nowhere by default.
    #[must_use]
    pub fn status_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.status_folder = Some(folder.into());
        self
    }

    /// Who sees the events; nobody by default.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Has a dead letter kept of each operation that fails, as the settings say; by default none is.
    #[must_use]
    pub fn dead_letters(mut self, surroundings: Surroundings) -> Self {
        self.letters = Some(surroundings);
        self
    }

    /// Whom this machine trusts; the system's roots by default.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// How a target's health is looked at; over the network by default, and by the client of [`http`](Self::http)
    /// where one is given.
    #[must_use]
    pub fn probe(mut self, probe: Arc<dyn vps_health::Probe>) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Who speaks HTTP; a client that trusts whom [`trust`](Self::trust) says by default, made when first used.
    #[must_use]
    pub fn http(mut self, http: Arc<dyn HttpClient>) -> Self {
        self.http = Some(http);
        self
    }

    /// Who downloads.
    #[must_use]
    pub fn downloader(mut self, downloader: Arc<dyn Downloader>) -> Self {
        self.downloader = Some(downloader);
        self
    }

    /// Who runs processes.
    #[must_use]
    pub fn runner(mut self, runner: Arc<dyn Runner>) -> Self {
        self.runner = Some(runner);
        self
    }

    /// Who installs packages; apt-get and dpkg by default.
    #[must_use]
    pub fn apt(mut self, apt: Arc<dyn Apt>) -> Self {
        self.apt = Some(apt);
        self
    }

    /// Who clones; gix by default.
    #[cfg(feature = "git")]
    #[must_use]
    pub fn git(mut self, git: Arc<dyn crate::git::Git>) -> Self {
        self.git = Some(git);
        self
    }

    /// What is run in place of `ssh` for clones over it, as `GIT_SSH_COMMAND` has it: a shell reads it.
    #[cfg(feature = "git")]
    #[must_use]
    pub fn ssh_command(mut self, command: Option<String>) -> Self {
        self.ssh_command = command;
        self
    }

    /// The wrapper. Opens nothing and sends nothing yet.
    #[must_use]
    pub fn build(self) -> NetworkOperationWrapper {
        let env = self.env.unwrap_or_else(Env::real);
        let policies = Arc::new(self.policies);
        let store = self.store.unwrap_or_else(StoreHandle::in_memory);
        let totals = Totals::new(env.clone(), store.clone(), policies.table().clone());
        let counting: Arc<dyn Observer> = Arc::new(totals.clone());
        let running = Arc::new(Running::new(env.clone(), store.clone()));
        let noting: Arc<dyn Observer> = running.clone();
        let letters = Letters::new(env.clone(), store.clone(), *policies.dead_letters());
        let mut observers = vec![counting, noting];
        observers.extend(self.letters.map(|surroundings| letters.keeper(surroundings)));
        observers.extend(self.observer);
        let observer: Arc<dyn Observer> = Arc::new(observers);
        // Probes go the way that calls go, whoever makes those.
        let proxies = self.http.is_none().then(Proxies::of_environment);
        let http = self.http.unwrap_or_else(|| Arc::new(ReqwestClient::new(self.trust.clone())));
        let way = Way { http: Arc::clone(&http), trust: self.trust, proxies };
        let downloader = self.downloader.unwrap_or_else(|| {
            let downloader = HttpDownloader::new(env.clone(), Arc::clone(&http));
            Arc::new(match &self.status_folder {
                Some(folder) => downloader.with_seal_key(SealKey::in_folder(folder)),
                None => downloader,
            })
        });
        let runner = self.runner.unwrap_or_else(|| Arc::new(SystemRunner::new()));
        let apt = self.apt.unwrap_or_else(|| {
            let apt = AptGet::new(env.clone(), Arc::clone(&runner), policies.table().clone());
            let apt = apt.with_silence(policies.general().timeouts.idle);
            Arc::new(apt.with_cache_valid(policies.apt_cache_valid()))
        });
        #[cfg(feature = "git")]
        let git = self.git.unwrap_or_else(|| {
            let git = crate::git::GixGit::new(env.clone(), Arc::clone(&http), Arc::clone(&runner));
            Arc::new(git.with_ssh_command(self.ssh_command).with_limits(*policies.git()))
        });
        let kept = store.clone();
        let circuits = match self.status_folder {
            Some(folder) => {
                CircuitBreakerManager::with_status_file(env.clone(), Arc::clone(&policies), store, folder)
            }
            None => CircuitBreakerManager::new(env.clone(), Arc::clone(&policies), store),
        };
        let health =
            Health::new(env.clone(), kept, circuits.clone(), Arc::clone(&policies), Arc::clone(&apt), way)
                .with_probe(self.probe);
        let context = Context::new(Pipeline::new(env, circuits, observer), policies, runner);
        let downloads = Downloads::new(context.clone(), downloader);
        NetworkOperationWrapper {
            installs: Installs::new(context.clone(), apt, downloads.clone()),
            #[cfg(feature = "git")]
            clones: crate::git::Clones::new(context.clone(), git),
            health,
            running,
            letters,
            downloads,
            context,
            totals,
        }
    }
}
