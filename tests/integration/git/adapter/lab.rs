//! The program in a folder of its own: what it is given, and what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::apt::{Finished, Running};
use tests::git::{Checkout, FakeSsh, beside, scratch, snapshot};

/// A stop is done within this.
const AT_ONCE: Duration = Duration::from_millis(500);

/// DEST goes into `work`, where nothing else may be left.
pub(super) struct Lab {
    folder: tempfile::TempDir,
    pub(super) ssh: FakeSsh,
}

fn binary() -> PathBuf {
    if let Some(other) = std::env::var_os("VPS_CONFIGURATOR_BINARY") {
        return other.into();
    }
    let test = std::env::current_exe().unwrap();
    let found =
        test.ancestors().skip(1).map(|folder| folder.join("vps-configurator")).find(|path| path.is_file());
    found.expect("vps-configurator is not built: run `cargo xtask test`, which builds it first")
}

impl Lab {
    pub(super) fn new() -> Self {
        let lab = Self { folder: scratch("clone"), ssh: FakeSsh::new() };
        for folder in ["work", "home", "tmp", "state"] {
            fs::create_dir(lab.path(folder)).unwrap();
        }
        lab
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `git clone ARGS` in `work`, with short pauses, the false ssh, and nothing of this machine.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.ssh.folder().to_owned()].into_iter().chain(std::env::split_paths(&path));
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("STATE_DIRECTORY", self.path("state"))
            .env("LANG", "C.UTF-8")
            .env("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.01")
            .env("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__JITTER", "false")
            .current_dir(self.path("work"))
            .args(["git", "clone"])
            .args(args)
            .stdin(Stdio::null());
        command
    }

    pub(super) fn begin(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    pub(super) fn clone(&self, args: &[&str]) -> Finished {
        self.begin(args).wait()
    }

    /// The clone in `work/dest`.
    pub(super) fn dest(&self) -> Checkout {
        Checkout::at(self.path("work/dest"))
    }

    /// It succeeds, the clone is sound, and nothing is beside it.
    pub(super) fn cloned(&self, url: &str, more: &[&str]) -> Checkout {
        let _ = self.clone(&[&[url, "dest"], more].concat()).expect(0);
        self.assert_left(&["dest"]);
        self.dest().assert_sound();
        self.dest()
    }

    /// It fails with this code, and everything in `work` is as it was.
    pub(super) fn fails(&self, code: i32, url: &str, more: &[&str]) -> Finished {
        let before = self.work();
        let failed = self.clone(&[&[url, "dest"], more].concat()).expect(code);
        assert_eq!(self.work(), before, "{}", failed.text());
        self.assert_left_elsewhere();
        failed
    }

    /// The same, after one attempt.
    pub(super) fn fails_at_once(&self, code: i32, url: &str, more: &[&str]) -> Finished {
        let failed = self.fails(code, url, more);
        assert!(!failed.text().contains("Retrying"), "{}", failed.text());
        failed
    }

    /// Everything in `work`, as it is. The folder's own times change with what comes and goes in it.
    pub(super) fn work(&self) -> Vec<String> {
        snapshot(&self.path("work")).into_iter().filter(|line| !line.starts_with("\"\" ")).collect()
    }

    /// In `work` is just this, and nothing is left in other places.
    pub(super) fn assert_left(&self, names: &[&str]) {
        assert_eq!(beside(&self.path("work")), names);
        self.assert_left_elsewhere();
    }

    pub(super) fn assert_left_elsewhere(&self) {
        for folder in ["tmp", "home"] {
            assert_eq!(beside(&self.path(folder)), [""; 0], "left in {folder}");
        }
        assert_eq!(self.ssh.running(), [0; 0], "an ssh is left");
    }

    /// Folders of the tree, wherever it is put together: the most below any place in `work` that have
    /// a name of two digits.
    pub(super) fn checked_out(&self) -> usize {
        fn count(folder: &Path, deeper: usize) -> usize {
            // What was there a moment ago may be gone.
            let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).collect();
            let digits = |name: &std::ffi::OsStr| {
                name.len() == 2 && name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
            };
            let here = entries.iter().filter(|entry| digits(&entry.file_name())).count();
            if here > 0 || deeper == 0 {
                return here;
            }
            let below = entries.iter().filter(|entry| entry.file_name() != ".git");
            below.map(|entry| count(&entry.path(), deeper - 1)).max().unwrap_or(0)
        }
        count(&self.path("work"), 3)
    }

    /// Sends a signal; it ends by it at once, and leaves `work` as `before`.
    pub(super) fn stop(&self, running: Running, signal: Signal, before: &[String]) {
        let ended = self.stopped(running, signal);
        assert_eq!(self.work(), before, "{}", ended.text());
    }

    /// Sends a signal; it ends by it at once, and leaves nothing elsewhere.
    pub(super) fn stopped(&self, running: Running, signal: Signal) -> Finished {
        let begin = Instant::now();
        running.signal(signal);
        let ended = running.wait();
        let took = begin.elapsed();
        let code = if signal == Signal::INT { 130 } else { 143 };
        let ended = ended.expect(code);
        assert!(took < AT_ONCE, "{took:?} to stop\n{}", ended.text());
        self.assert_left_elsewhere();
        ended
    }
}
