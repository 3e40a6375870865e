//! The machine's git, without the machine's settings.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Bytes that must be free for tests to be in memory.
const ROOM: u64 = 1 << 30;

/// Where `git-http-backend` is, or why not.
static BACKEND: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "a test looks for git")]
    let asked = Command::new("git").arg("--exec-path").output();
    let asked = asked.map_err(|_| "`git` is not on this machine".to_owned())?;
    let backend = Path::new(String::from_utf8_lossy(&asked.stdout).trim()).join("git-http-backend");
    if backend.is_file() { Ok(backend) } else { Err("`git-http-backend` is not on this machine".to_owned()) }
});

pub(super) fn backend() -> Result<&'static Path, String> {
    BACKEND.as_deref().map_err(Clone::clone)
}

/// A program that sees nothing of the machine but its `PATH`.
#[expect(clippy::disallowed_methods, reason = "the programs of a test")]
pub(super) fn isolated(program: impl AsRef<Path>, folder: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("LANG", "C.UTF-8")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([("GIT_AUTHOR_NAME", "Lab"), ("GIT_AUTHOR_EMAIL", "lab@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Lab"), ("GIT_COMMITTER_EMAIL", "lab@example.com")])
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .current_dir(folder)
        .stdin(std::process::Stdio::null());
    command
}

/// A folder for a test: in memory where there is room, because what a clone writes is written through to
/// the disk, and that waits for everybody else's writes, too.
///
/// # Panics
/// If there can be none.
#[must_use]
pub fn scratch(name: &str) -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix(name);
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |there| there.f_bavail.saturating_mul(there.f_frsize));
    match builder.tempdir_in(memory) {
        Ok(folder) if room > ROOM => folder,
        _ => builder.tempdir().unwrap(),
    }
}

/// git in a folder, without anybody's settings; author and dates are always the same.
#[must_use]
pub fn git(folder: impl AsRef<Path>) -> Command {
    isolated("git", folder.as_ref())
}

/// Runs git in a folder, demands that it succeeds, and returns its output without the last line's end.
///
/// # Panics
/// If it fails: with what it said.
pub fn must(folder: impl AsRef<Path>, args: &[&str]) -> String {
    finish(git(folder).args(args))
}

pub(super) fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
}

/// Runs git with something to read.
pub(super) fn feed(folder: &Path, args: &[&str], input: &[u8]) -> String {
    use std::io::{Seek, Write};
    // A file, not a pipe: neither side ever waits for the other.
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    finish(git(folder).args(args).stdin(file))
}
