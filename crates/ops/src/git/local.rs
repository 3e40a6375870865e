//! What belongs to this machine: repositories on it, folders of ours.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::GitError;
use super::remove::{self, Until};
use super::stoppable::stopped;
use crate::env::Env;
use crate::process::ProcessSpec;

/// Variables that tell git about a repository that it is in: not this one.
const FOREIGN: [&str; 14] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
];

/// A program of git's, apart from the repository that we may have been started in.
pub(super) fn apart(spec: ProcessSpec) -> ProcessSpec {
    spec.without(FOREIGN)
}

/// The program that serves a repository on this machine.
pub(super) fn upload_pack(path: &Path) -> ProcessSpec {
    // An absolute path never looks like an option.
    let spec = ProcessSpec::new("git-upload-pack").arg(path).variable("GIT_PROTOCOL", "version=2");
    apart(spec)
}

/// Makes `folder` empty, and makes it where it is missing; until it is stopped.
pub(super) fn clear(env: &Env, folder: &Path, stop: &AtomicBool) -> Result<(), GitError> {
    let failed = |error| GitError::local(format!("empty {}", folder.display()), error);
    match fs::create_dir(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let emptied = remove::empty(env, folder, Until::Stopped(stop));
    stopped(stop)?;
    emptied.map_err(failed)
}
