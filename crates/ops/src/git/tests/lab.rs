//! A repository to clone from, and a place to clone to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::event::{Event, EventKind, Observer};
use crate::git::{CloneRequest, Cloned, CommitId, GitError, GitUrl};
use crate::network::Builder;
use crate::pipeline::{Cause, OperationError};
use crate::settings::{Options, RetryConfig, Settings};

pub(super) struct Lab {
    place: TempDir,
}

impl Lab {
    /// With one repository of three commits: an executable file, a link, odd names.
    pub(super) fn new() -> Self {
        // In memory where there is such a place: what is written to the disk at each end takes long there.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let lab = Self { place: place.unwrap() };
        let there = lab.there();
        fs::create_dir_all(there.join("d")).unwrap();
        lab.git(&["init", "--quiet", "--initial-branch=main"]);
        for number in 1..=3 {
            fs::write(there.join("file"), number.to_string()).unwrap();
            fs::write(there.join(format!("d/odd \"name\" {number}")), "x").unwrap();
            lab.commit();
        }
        fs::write(there.join("run"), "#!/bin/sh\n").unwrap();
        std::os::unix::fs::symlink("file", there.join("link")).unwrap();
        fs::set_permissions(there.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        lab.commit();
        lab.git(&["tag", "v1", "HEAD~1"]);
        lab
    }

    pub(super) fn place(&self) -> &Path {
        self.place.path()
    }

    /// The repository.
    pub(super) fn there(&self) -> PathBuf {
        self.place.path().join("there")
    }

    /// Where it is cloned to: alone in its folder, so that anything beside it is seen.
    pub(super) fn dest(&self) -> PathBuf {
        self.place.path().join("clones/dest")
    }

    pub(super) fn request(&self) -> CloneRequest {
        CloneRequest::new(self.url(), self.dest())
    }

    pub(super) fn url(&self) -> GitUrl {
        self.there().to_str().unwrap().parse().unwrap()
    }

    /// Runs git in the repository.
    pub(super) fn git(&self, args: &[&str]) -> String {
        git(&self.there(), args)
    }

    /// Commits all there is.
    pub(super) fn commit(&self) {
        self.git(&["add", "--all", "--ignore-errors"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
    }

    pub(super) fn head(&self) -> CommitId {
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    /// What is beside DEST, and DEST.
    pub(super) fn clones(&self) -> Vec<String> {
        names(&self.place.path().join("clones"))
    }
}

#[expect(clippy::disallowed_methods, reason = "git is the judge of what we make")]
pub(super) fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@example.com");
    }
    let output = command.arg("-C").arg(folder).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(super) fn builder() -> Builder {
    NetworkOperationWrapper::builder(Settings::default().check().unwrap()).env(Env::real())
}

pub(super) async fn clone(request: &CloneRequest) -> Result<Cloned, OperationError<GitError>> {
    clone_by(&builder().build(), request, &Options::new()).await
}

/// With one attempt.
pub(super) async fn clone_by(
    network: &NetworkOperationWrapper,
    request: &CloneRequest,
    options: &Options,
) -> Result<Cloned, OperationError<GitError>> {
    let network = network.with(&RetryConfig::new().max_retries(1)).unwrap();
    network.git_clone_resilient(request, options).await
}

/// The operation's own error.
pub(super) fn cause(outcome: Result<Cloned, OperationError<GitError>>) -> GitError {
    match outcome.unwrap_err().cause {
        Cause::Operation(error) => error,
        cause => panic!("{cause}"),
    }
}

/// Calls something when the first attempt begins.
pub(super) struct AtFirstAttempt(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl AtFirstAttempt {
    pub(super) fn new(call: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Box::new(call)))))
    }
}

impl Observer for AtFirstAttempt {
    fn on(&self, event: &Event<'_>) {
        if matches!(event.kind, EventKind::AttemptStarted { .. })
            && let Some(call) = self.0.lock().unwrap().take()
        {
            call();
        }
    }
}
