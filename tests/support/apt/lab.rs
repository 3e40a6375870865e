//! A lab: the root of one test.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::base::{self, Base, find};
use super::lock::{HeldLock, Lock};
use super::mirror::Mirror;
use super::processes::{self, Process};
use super::running::{Finished, Running};

/// What it takes to make one.
const NEEDED: [&str; 12] = [
    "apt-get",
    "dpkg-deb",
    "gpg",
    "gpg-agent",
    "gpgconf",
    "gpgv",
    "ldd",
    "nsenter",
    "pivot_root",
    "setsid",
    "sh",
    "unshare",
];

/// A root of its own, with apt, dpkg and `vps-configurator` in it. Everything in it ends with it.
#[derive(Debug)]
pub struct AptLab {
    /// `unshare`, whose child is the namespace's first process; its input keeps the lab alive.
    outer: Child,
    init: i32,
    base: Base,
    _folder: tempfile::TempDir,
}

impl AptLab {
    /// A fresh one; `None`, with a reason on standard output, where the machine does not allow it.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::or_skipped(Self::try_start(None))
    }

    /// The same with this `vps-configurator` in it.
    #[must_use]
    pub fn start_with(program: &Path) -> Option<Self> {
        Self::or_skipped(Self::try_start(Some(program)))
    }

    fn or_skipped(lab: Result<Self, String>) -> Option<Self> {
        lab.inspect_err(|reason| crate::skip(reason)).ok()
    }

    #[expect(clippy::disallowed_methods, reason = "a namespace is made by a program")]
    fn try_start(program: Option<&Path>) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can make a root for apt-get".to_owned());
        }
        if let Some(missing) = NEEDED.iter().find(|name| find(name).is_none()) {
            return Err(format!("`{missing}` is not on this machine"));
        }
        let base = Base::get();
        let folder = tempfile::Builder::new().prefix("apt-lab").tempdir().unwrap();
        let test = std::env::current_exe().unwrap();
        let beside = || test.ancestors().skip(1).map(|at| at.join("vps-configurator"));
        let program = program.map(Path::to_owned).or_else(|| beside().find(|path| path.is_file()));
        let program =
            program.expect("vps-configurator is not built: run `cargo xtask test`, which builds it first");
        let mut outer = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c"])
            .args([include_str!("root.sh"), "root.sh"])
            .arg(folder.path())
            .arg(base.root())
            .arg(program)
            .arg(&test)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(outer.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(init) = line.trim().strip_prefix("ready ") else {
            drop(outer.stdin.take());
            let ended = outer.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            return Err(format!("no namespace for apt-get is to be had here: {said}"));
        };
        Ok(Self { init: init.parse().unwrap(), outer, base, _folder: folder })
    }

    pub(super) const fn base(&self) -> &Base {
        &self.base
    }

    /// The first process of its namespace, as the machine counts.
    #[must_use]
    pub const fn init(&self) -> i32 {
        self.init
    }

    /// Where a path of the lab is seen from outside.
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    /// A file of the lab; empty if it is not there.
    #[must_use]
    pub fn read(&self, inside: &str) -> String {
        fs::read(self.path(inside))
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file of the lab, with the folders above it.
    ///
    /// # Panics
    /// If that is impossible.
    pub fn write(&self, inside: &str, text: impl AsRef<[u8]>) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// These mirrors are its sources, in this order, each in a file of its own; their names are known.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn sources(&self, mirrors: &[&Mirror]) {
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        let folder = "/etc/apt/sources.list.d";
        for entry in fs::read_dir(self.path(folder)).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (number, mirror) in mirrors.iter().enumerate() {
            writeln!(hosts, "127.0.0.1 {}", mirror.host()).unwrap();
            self.write(
                &format!("{folder}/{number}-{}.sources", mirror.host()),
                format!(
                    "Types: deb\nURIs: {}\nSuites: stable\nComponents: main\nSigned-By: {}\n",
                    mirror.url(),
                    base::KEYRING
                ),
            );
        }
        self.write("/etc/hosts", hosts);
    }

    /// The lists of these mirrors are there, as after an update; nobody was asked.
    ///
    /// # Panics
    /// If a mirror refuses, or the files cannot be written.
    pub fn seed_lists(&self, mirrors: &[&Mirror]) {
        for mirror in mirrors {
            let place = mirror.url().trim_start_matches("http://").replace('/', "_");
            for path in [Mirror::IN_RELEASE.to_owned(), Mirror::index_path()] {
                let name = path.trim_start_matches('/').replace('/', "_");
                self.write(&format!("/var/lib/apt/lists/{place}{name}"), mirror.content(&path).bytes());
            }
        }
    }

    /// A command in the lab: a session of its own without a terminal, no input, nothing of this
    /// machine's environment, and short pauses between attempts.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        self.enter(&[], args)
    }

    #[expect(clippy::disallowed_methods, reason = "a command of the lab")]
    fn enter(&self, options: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command
            .args(["nsenter", "--target", &self.init.to_string(), "--mount", "--pid", "--root", "--wd"])
            .args(options)
            .arg("--")
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.01")
            .env("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__JITTER", "false")
            .stdin(Stdio::null());
        command
    }

    /// Starts a command in the lab.
    #[must_use]
    pub fn begin(&self, args: &[&str]) -> Running {
        Running::start_inside(self.command(args))
    }

    /// Runs a command in the lab to its end.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Finished {
        self.begin(args).wait()
    }

    /// Runs a command in the lab as `nobody`.
    #[must_use]
    pub fn run_as_nobody(&self, args: &[&str]) -> Finished {
        self.begin_as_nobody(args).wait()
    }

    /// Starts a command in the lab as `nobody`.
    #[must_use]
    pub fn begin_as_nobody(&self, args: &[&str]) -> Running {
        Running::start_inside(self.enter(&["--setgid", "65534", "--setuid", "65534"], args))
    }

    /// Runs a command that has to succeed, and returns its output.
    ///
    /// # Panics
    /// If it fails.
    #[expect(clippy::must_use_candidate, reason = "most are run for what they do")]
    pub fn must(&self, args: &[&str]) -> String {
        self.run(args).expect(0).stdout
    }

    /// Runs `vps-configurator apt ARGS` to its end.
    #[must_use]
    pub fn apt(&self, args: &[&str]) -> Finished {
        self.begin_apt(args).wait()
    }

    /// Starts `vps-configurator apt ARGS`.
    #[must_use]
    pub fn begin_apt(&self, args: &[&str]) -> Running {
        self.begin(&[&["vps-configurator", "apt"], args].concat())
    }

    /// The version of a package that is `install ok installed`; `None` in any other state.
    #[must_use]
    pub fn installed(&self, package: &str) -> Option<String> {
        let asked = self.run(&["dpkg-query", "--show", "--showformat=${Status} ${Version}", package]);
        asked.stdout.strip_prefix("install ok installed ").map(str::to_owned)
    }

    /// What is wrong with dpkg's database, in its own words; empty if nothing is.
    #[must_use]
    pub fn audit(&self) -> String {
        self.must(&["dpkg", "--audit"])
    }

    /// Everything that runs in the lab.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        processes::beside(self.init)
    }

    /// Lets another process of the lab hold a lock.
    #[must_use]
    pub fn hold(&self, lock: Lock) -> HeldLock {
        HeldLock::take(self, lock)
    }
}

impl Drop for AptLab {
    fn drop(&mut self) {
        drop(self.outer.stdin.take());
        let _ = self.outer.wait();
    }
}
