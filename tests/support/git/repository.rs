//! A bare repository of a forge.

use std::path::{Path, PathBuf};

use super::history::History;
use super::program::{feed, must};

/// A bare repository.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
    name: String,
}

impl Repository {
    /// An empty one; its branch, once there is one, is `main`.
    pub(super) fn create(root: &Path, name: &str) -> Self {
        let folder = root.join(format!("{name}.git"));
        must(
            root,
            &["init", "--quiet", "--bare", "--initial-branch=main", "--template=", folder.to_str().unwrap()],
        );
        Self { folder, name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds commits, branches and tags.
    ///
    /// # Panics
    /// If git refuses.
    pub fn import(&self, history: &History) {
        let settings = ["-c", "fastimport.unpackLimit=1", "-c", "core.compression=0"];
        feed(
            &self.folder,
            &[&settings[..], &["fast-import", "--quiet", "--force"]].concat(),
            history.stream(),
        );
    }

    /// The object id of a revision.
    #[must_use]
    pub fn id(&self, revision: &str) -> String {
        self.git(&["rev-parse", "--verify", "--end-of-options", revision])
    }

    /// Runs git in it, and demands that it succeeds.
    #[expect(clippy::must_use_candidate, reason = "most are run for what they do")]
    pub fn git(&self, args: &[&str]) -> String {
        must(&self.folder, args)
    }

    /// Writes an object as it is, right or not, and returns its id.
    pub(super) fn write(&self, kind: &str, bytes: &[u8]) -> String {
        feed(&self.folder, &["hash-object", "--literally", "-t", kind, "-w", "--stdin"], bytes)
    }

    /// Makes `main` a commit of a tree, whatever is in that tree.
    pub(super) fn commit_tree(&self, tree: &str) {
        let commit = self.git(&["commit-tree", "-m", "hostile", tree]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
    }
}
