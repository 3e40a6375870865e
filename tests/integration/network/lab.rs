//! The program in a folder of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use sha2::{Digest, Sha256};

pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
}

fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found =
        test.ancestors().skip(1).map(|folder| folder.join("vps-configurator")).find(|path| path.is_file());
    found.expect("vps-configurator is not built: run `cargo xtask test`, which builds it first")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(name)).ok()
    }

    /// The program, with short pauses and nothing of this machine's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("STATE_DIRECTORY", self.path("state"))
            .env("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.01")
            .env("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__JITTER", "false")
            .current_dir(self.folder.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// `download ARGS`, and its exit code.
    pub(crate) fn download(&self, args: &[&str]) -> i32 {
        let mut all = vec!["download"];
        all.extend(args);
        let output = self.run(&all);
        output.status.code().unwrap_or_else(|| panic!("{output:?}"))
    }
}
