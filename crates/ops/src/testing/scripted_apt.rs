//! apt without a machine: packages that can be had, and faults that come when told.
//!
//! ```
//! use std::sync::Arc;
//! use vps_ops::NetworkOperationWrapper;
//! use vps_ops::apt::{InstallRequest, parse_all};
//! use vps_ops::settings::{Options, Settings};
//! use vps_ops::testing::scripted_apt::ScriptedApt;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let apt = Arc::new(ScriptedApt::new().with_package("curl", "7.88"));
//! let policies = Settings::default().check().unwrap();
//! let network = NetworkOperationWrapper::builder(policies).apt(apt.clone()).build();
//! let request = InstallRequest::new(parse_all(["curl"]).unwrap());
//! let done = network.installs().install(&request, &Options::new()).await.unwrap();
//! assert_eq!(done.installed[0].name, "curl");
//! assert_eq!(apt.version("curl").as_deref(), Some("7.88"));
//! # });
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::apt::{Apt, AptError, AptSetup, Archive, Fault, Installed, Plan, Step, Updated, Wanted};
use crate::attempt::Attempt;
use crate::service::ServiceName;

/// A fake of [`Apt`]: nothing is run and nothing fetched.
#[derive(Debug, Default)]
pub struct ScriptedApt {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    available: BTreeMap<String, String>,
    installed: BTreeMap<String, String>,
    status: Option<PathBuf>,
    faults: BTreeMap<Step, VecDeque<Fault>>,
    steps: Vec<Step>,
}

impl ScriptedApt {
    /// One with no packages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has a package to install.
    #[must_use]
    pub fn with_package(self, name: &str, version: &str) -> Self {
        self.lock().available.insert(name.to_owned(), version.to_owned());
        self
    }

    /// Writes what is installed into the file at `path`, as dpkg does into its status file, for those who read that.
    #[must_use]
    pub fn with_status_file(self, path: impl Into<PathBuf>) -> Self {
        self.lock().status = Some(path.into());
        self
    }

    /// The next time a step is made, it fails so.
    #[must_use]
    pub fn with_fault(self, step: Step, fault: Fault) -> Self {
        self.lock().faults.entry(step).or_default().push_back(fault);
        self
    }

    /// The installed version of a package.
    #[must_use]
    pub fn version(&self, package: &str) -> Option<String> {
        self.lock().installed.get(package).cloned()
    }

    /// The steps that were made, in order: `update`, `plan`, `fetch`, `install`, `repair`.
    #[must_use]
    pub fn steps(&self) -> Vec<&'static str> {
        self.lock().steps.iter().copied().map(name).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, step: Step) -> Result<(), AptError> {
        let mut state = self.lock();
        state.steps.push(step);
        match state.faults.get_mut(&step).and_then(VecDeque::pop_front) {
            None => Ok(()),
            Some(fault) => Err(AptError::Fault(fault)),
        }
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Update => "update",
        Step::Plan => "plan",
        Step::Fetch => "fetch",
        Step::Install => "install",
        Step::Repair => "repair",
    }
}

impl State {
    fn write_status(&self) -> std::io::Result<()> {
        let Some(path) = &self.status else { return Ok(()) };
        let stanzas = self.installed.iter().map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n"
            )
        });
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, stanzas.collect::<String>())
    }

    /// What apt-get would say of it.
    fn plan(&self, wanted: &Wanted) -> Result<Plan, AptError> {
        let Wanted::Packages(packages) = wanted else { return Ok(Plan::default()) };
        let mut words = String::from("The following NEW packages will be installed:\n");
        for package in packages {
            let available = self.available.get(package.name()).filter(|version| package.accepts(version));
            let Some(version) = available else {
                return Err(AptError::Fault(Fault::NotFound { packages: vec![package.to_string().into()] }));
            };
            words.push_str(&format!("   {} ({version})\n", package.name()));
        }
        Ok(Plan::parse(&words)?)
    }
}

#[async_trait]
impl Apt for ScriptedApt {
    async fn installed(&self) -> Result<Installed, AptError> {
        let state = self.lock();
        let lines = state.installed.iter();
        let text: String = lines
            .map(|(name, version)| format!("install\tinstalled\tok\t{name}\tall\t{version}\t\n"))
            .collect();
        Ok(Installed::parse(&text))
    }

    async fn setup(&self) -> Result<AptSetup, AptError> {
        Ok(AptSetup::default())
    }

    fn is_fresh(&self, _setup: &AptSetup) -> bool {
        false
    }

    async fn update(&self, _: &Attempt, _: &AptSetup, _: &[ServiceName]) -> Result<Updated, AptError> {
        self.step(Step::Update)?;
        Ok(Updated::default())
    }

    async fn plan(&self, wanted: &Wanted) -> Result<Plan, AptError> {
        self.step(Step::Plan)?;
        self.lock().plan(wanted)
    }

    async fn strongest(&self, _: &AptSetup, wanted: &Wanted) -> Result<Plan, AptError> {
        self.lock().plan(wanted)
    }

    async fn copy(&self, _: &Archive, _: &Path) -> Result<(), AptError> {
        Ok(())
    }

    fn place(&self, archive: &Archive) -> PathBuf {
        PathBuf::from("/data").join(&archive.filename)
    }

    fn make_room(&self, _bytes: u64) -> Result<(), AptError> {
        Ok(())
    }

    async fn fetch(&self, _: &Attempt, _: &Wanted) -> Result<(), AptError> {
        self.step(Step::Fetch)
    }

    async fn install(&self, _: &Attempt, wanted: &Wanted, _: &[Archive]) -> Result<(), AptError> {
        self.step(Step::Install)?;
        let mut state = self.lock();
        let plan = state.plan(wanted)?;
        let new = plan.installed.into_iter().filter_map(|change| Some((change.name, change.to?)));
        state.installed.extend(new);
        state.write_status().map_err(|source| AptError::Files { path: PathBuf::from("status"), source })
    }

    async fn repair(&self, _: &Attempt) -> Result<(), AptError> {
        self.step(Step::Repair)
    }

    fn clean(&self, _: &[Archive]) {}
}
