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

use std::time::Duration;

use async_trait::async_trait;

use super::disk::Disk;
use crate::apt::{Apt, AptError, AptSetup, Archive, Fault, Installed, Plan, Step, Updated, Wanted};
use crate::attempt::Attempt;
use crate::download::{Algorithm, Running};
use crate::env::Env;
use crate::env::fs::Fs as _;
use crate::service::ServiceName;

/// Where archives lie.
const ARCHIVES: &str = "/data/archives";
/// dpkg's list of packages, on a disk.
const STATUS: &str = "/var/lib/dpkg/status";

/// A fake of [`Apt`]: nothing is run and nothing fetched.
#[derive(Debug, Default)]
pub struct ScriptedApt {
    state: Mutex<State>,
}

/// When the indexes are fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lists {
    /// Never: each install reads them.
    #[default]
    NeverFresh,
    /// Not before they were read.
    Unread,
    Fresh,
}

#[derive(Debug, Default)]
struct State {
    available: BTreeMap<String, String>,
    installed: BTreeMap<String, String>,
    /// The archives that a package takes.
    archives: BTreeMap<String, Vec<Archive>>,
    status: Option<PathBuf>,
    disk: Option<Disk>,
    lists: Lists,
    slow: BTreeMap<Step, (Env, Duration)>,
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

    /// A package takes this archive, which is at `http://deb.example.com/FILENAME`. Several may take the same one.
    #[must_use]
    pub fn with_archive(self, package: &str, filename: &str, content: &[u8]) -> Self {
        let mut running = Running::new(Algorithm::Sha256);
        running.update(content);
        let archive = Archive {
            url: format!("http://deb.example.com/{filename}"),
            filename: filename.to_owned(),
            size: content.len() as u64,
            hash: format!("sha256:{}", running.hex()).parse().ok(),
        };
        self.lock().archives.entry(package.to_owned()).or_default().push(archive);
        self
    }

    /// The archives so far are at addresses that only apt-get itself can fetch from.
    #[must_use]
    pub fn by_apt_alone(self) -> Self {
        for archive in self.lock().archives.values_mut().flatten() {
            archive.url = format!("cdrom:[Disc]/{}", archive.filename);
        }
        self
    }

    /// The machine's disk: what is installed stands in `/var/lib/dpkg/status` on it, and outlives this. Archives are in
    /// `/data/archives`, must be there to be installed, and are gone afterwards.
    #[must_use]
    pub fn on_disk(self, disk: &Disk) -> Self {
        {
            let mut state = self.lock();
            let known = disk.content(Path::new(STATUS)).unwrap_or_default();
            let known = Installed::of_status(&String::from_utf8_lossy(&known), std::iter::empty());
            let known = known.iter().map(|package| (package.name.clone(), package.version.clone()));
            state.installed.extend(known);
            if disk.look(Path::new(ARCHIVES)).is_err() {
                disk.plant_folder(Path::new(ARCHIVES));
            }
            state.disk = Some(disk.clone());
        }
        self
    }

    /// The indexes are fresh once they were read. Else they never are, and each install reads them.
    #[must_use]
    pub fn remembers_updates(self) -> Self {
        self.lock().lists = Lists::Unread;
        self
    }

    /// The indexes are fresh.
    #[must_use]
    pub fn with_fresh_lists(self) -> Self {
        self.lock().lists = Lists::Fresh;
        self
    }

    /// A step takes so long, in the time of `env`: `update` or `install`.
    #[must_use]
    pub fn with_slow(self, step: Step, env: &Env, takes: Duration) -> Self {
        self.lock().slow.insert(step, (env.clone(), takes));
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

    async fn goes_on(&self, step: Step) {
        let slow = self.lock().slow.get(&step).cloned();
        if let Some((env, takes)) = slow {
            env.sleep(takes).await;
        }
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
        let stanzas = self.installed.iter().map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n"
            )
        });
        let text: String = stanzas.collect();
        if let Some(disk) = &self.disk {
            disk.plant(Path::new(STATUS), text.as_bytes());
        }
        let Some(path) = &self.status else { return Ok(()) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)
    }

    /// What a package takes that no installed one took.
    fn needed(&self, package: &str) -> impl Iterator<Item = &Archive> {
        let is_there = |archive: &&Archive| {
            let all = self.installed.keys().filter_map(|name| self.archives.get(name));
            all.flatten().any(|other| other.filename == archive.filename)
        };
        self.archives.get(package).into_iter().flatten().filter(move |archive| !is_there(archive))
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
        for archive in packages.iter().flat_map(|package| self.needed(package.name())) {
            let hash = archive.hash.iter().map(|hash| format!(" SHA256:{}", hash.hex()));
            words.push_str(&format!("'{}' {} {}", archive.url, archive.filename, archive.size));
            words.push_str(&format!("{}\n", hash.collect::<String>()));
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
        self.lock().lists == Lists::Fresh
    }

    async fn update(&self, _: &Attempt, setup: &AptSetup, _: &[ServiceName]) -> Result<Updated, AptError> {
        self.step(Step::Update)?;
        self.goes_on(Step::Update).await;
        let mut state = self.lock();
        if state.lists == Lists::Unread && !setup.is_of_one_file() {
            state.lists = Lists::Fresh;
        }
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
        Path::new(ARCHIVES).join(&archive.filename)
    }

    fn make_room(&self, _bytes: u64) -> Result<(), AptError> {
        Ok(())
    }

    async fn fetch(&self, _: &Attempt, _: &Wanted) -> Result<(), AptError> {
        self.step(Step::Fetch)
    }

    async fn install(&self, _: &Attempt, wanted: &Wanted, archives: &[Archive]) -> Result<(), AptError> {
        self.step(Step::Install)?;
        self.goes_on(Step::Install).await;
        let disk = self.lock().disk.clone();
        if disk.as_ref().is_some_and(Disk::is_dead) {
            let source = std::io::Error::other("this process was killed");
            return Err(AptError::Files { path: PathBuf::from(STATUS), source });
        }
        let is_there = |archive: &&Archive| {
            let content = disk.as_ref().map(|disk| disk.content(&self.place(archive)));
            content.is_none_or(|content| content.is_some_and(|bytes| bytes.len() as u64 == archive.size))
        };
        if let Some(archive) = archives.iter().find(|archive| !is_there(archive)) {
            return Err(AptError::Changed { file: archive.filename.clone().into(), gone: true });
        }
        let mut state = self.lock();
        let plan = state.plan(wanted)?;
        let new = plan.installed.into_iter().filter_map(|change| Some((change.name, change.to?)));
        state.installed.extend(new);
        state.write_status().map_err(|source| AptError::Files { path: PathBuf::from("status"), source })
    }

    async fn repair(&self, _: &Attempt) -> Result<(), AptError> {
        self.step(Step::Repair)
    }

    fn clean(&self, archives: &[Archive]) {
        let disk = self.lock().disk.clone();
        let folder = disk.and_then(|disk| disk.folder(Path::new(ARCHIVES)).ok());
        for archive in archives {
            // One that is gone is as it should be.
            let _ = folder.as_ref().map(|folder| folder.remove(archive.filename.as_ref()));
        }
    }
}
