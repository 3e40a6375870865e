//! A clone, judged by the real git.

use std::fs;
use std::path::{Path, PathBuf};

use super::program::{git, must};

/// A folder that should be a clone.
#[derive(Clone, Debug)]
pub struct Checkout {
    folder: PathBuf,
}

impl Checkout {
    /// The one in this folder.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs git in it, and demands that it succeeds.
    #[expect(clippy::must_use_candidate, reason = "most are run for what they do")]
    pub fn git(&self, args: &[&str]) -> String {
        must(&self.folder, args)
    }

    /// Everything is there, every object is what its name says, and no file differs from its commit.
    ///
    /// # Panics
    /// If git finds anything.
    pub fn assert_sound(&self) {
        assert!(self.folder.join(".git").is_dir(), "{} is no clone", self.folder.display());
        let checked =
            git(&self.folder).args(["fsck", "--full", "--strict", "--no-dangling", "--no-progress"]).output();
        let checked = checked.unwrap();
        let said =
            String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
        // It says so of a repository without commits.
        let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("notice:")).collect();
        assert!(checked.status.success() && said.is_empty(), "git fsck: {said:?}");
        // Not by what the index remembers of the files: by the files.
        let _ = git(&self.folder).args(["update-index", "-q", "--really-refresh"]).output();
        let status = self.git(&["status", "--porcelain", "--ignored", "--untracked-files=all"]);
        assert_eq!(status, "", "git status of {}", self.folder.display());
        for left in ["index.lock", "HEAD.lock", "shallow.lock", "config.lock", "packed-refs.lock"] {
            assert!(!self.folder.join(".git").join(left).exists(), "{left} is left");
        }
        let packs = fs::read_dir(self.folder.join(".git/objects/pack"));
        for entry in packs.into_iter().flatten().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(
                name.starts_with("pack-") && !name.contains("tmp") && !name.ends_with(".keep"),
                "{name} is left"
            );
        }
    }

    /// The commit it is at.
    #[must_use]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// The branch it is on; `None` at a tag or a commit.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        let asked = git(&self.folder).args(["symbolic-ref", "--short", "HEAD"]).output().unwrap();
        asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).trim().to_owned())
    }

    /// Commits behind and with the one it is at.
    ///
    /// # Panics
    /// If git cannot count them.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.git(&["rev-list", "--count", "HEAD"]).parse().unwrap()
    }

    /// Whether its history is cut.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.git(&["rev-parse", "--is-shallow-repository"]) == "true"
    }

    /// A file of it as text; empty if it is not there.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap_or_default()
    }
}
