//! A program called `ssh` that goes nowhere: it runs what it is asked to run on this machine.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::program::{finish, isolated};
use crate::wait_until;

/// Bytes after which it breaks off.
pub const BREAK: u64 = 1_310_720;

/// What the false ssh does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SshMood {
    /// Runs the command here.
    Works,
    /// Says nothing and stays until it is killed.
    Hangs,
    /// Runs the command, and stays when that has ended.
    HangsAfter,
    /// Runs the command, and breaks off after [`BREAK`] bytes of what it says.
    Breaks,
    /// Ends at once with 255, as when nobody answers.
    Refused,
}

impl SshMood {
    const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Hangs => "hangs",
            Self::HangsAfter => "hangs-after",
            Self::Breaks => "breaks",
            Self::Refused => "refused",
        }
    }
}

/// It notes its own number and what it was called with, then does as its mood is. The last word is the
/// command; `-G` is only a question.
const SCRIPT: &str = r#"#!/bin/sh
folder=${0%/*}
printf '%s' "$$" >>"$folder/calls"
for word; do last=$word; printf ' [%s]' "$word" >>"$folder/calls"; done
echo >>"$folder/calls"
[ "$1" = -G ] && exit 0
read mood <"$folder/mood"
case $mood in
works) eval "exec $last" ;;
hangs) exec cat "$folder/never" ;;
hangs-after) eval "$last"; exec cat "$folder/never" ;;
breaks) { eval "$last" && : >"$folder/done.$$"; } | {
    stdbuf -o0 head -c 1310720
    [ -e "$folder/done.$$" ] && exit 0
    echo "client_loop: send disconnect: Connection reset by peer" >&2
    kill -KILL "$$"
} ;;
refused) echo "ssh: connect to host example.com port 22: Connection refused" >&2; exit 255 ;;
esac
"#;

/// A folder to put first on `PATH`, with `ssh` in it.
#[derive(Debug)]
pub struct FakeSsh {
    folder: tempfile::TempDir,
    _never: fs::File,
}

impl FakeSsh {
    /// One that works.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ssh").tempdir().unwrap();
        let text = folder.path().join("text");
        fs::write(&text, SCRIPT).unwrap();
        // Written by another process: what this one has open for writing, another test's child may inherit,
        // and what is open for writing cannot be run.
        let mut install = isolated("install", folder.path());
        finish(install.args(["-m", "755"]).arg(&text).arg(folder.path().join("ssh")));
        fs::write(folder.path().join("calls"), "").unwrap();
        let never = folder.path().join("never");
        rustix::fs::mknodat(rustix::fs::CWD, &never, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        // Open for both: who reads there waits for something to come, not for a writer.
        let never = OpenOptions::new().read(true).write(true).open(never).unwrap();
        let ssh = Self { folder, _never: never };
        ssh.set(SshMood::Works);
        ssh
    }

    /// What it does from now on.
    ///
    /// # Panics
    /// If that cannot be written.
    pub fn set(&self, mood: SshMood) {
        let mut file = fs::File::create(self.folder.path().join("mood")).unwrap();
        writeln!(file, "{}", mood.word()).unwrap();
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.folder.path().join("ssh")
    }

    /// The folder for `PATH`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every call so far: the process, and its arguments in brackets.
    ///
    /// # Panics
    /// If it noted something else.
    #[must_use]
    pub fn calls(&self) -> Vec<(i32, String)> {
        let noted = fs::read_to_string(self.folder.path().join("calls")).unwrap();
        // The last line may still be written.
        let whole = noted.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let call =
            |line: &str| line.split_once(' ').map(|(pid, words)| (pid.parse().unwrap(), words.to_owned()));
        whole.lines().filter_map(call).collect()
    }

    /// The calls that still run.
    #[must_use]
    pub fn running(&self) -> Vec<i32> {
        let lives = |pid: &i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim().chars().next());
            state.is_some_and(|state| state != 'Z' && state != 'X')
        };
        self.calls().into_iter().map(|(pid, _)| pid).filter(lives).collect()
    }
}

impl FakeSsh {
    fn kill(&self) {
        for pid in self.running() {
            // It may have gone by itself.
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }

    /// Kills the calls that still run, and blocks until they are gone.
    ///
    /// # Panics
    /// If one stays.
    pub fn end(&self) {
        self.kill();
        wait_until("the end of ssh", || self.running().is_empty().then_some(()));
    }
}

impl Drop for FakeSsh {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Default for FakeSsh {
    fn default() -> Self {
        Self::new()
    }
}
