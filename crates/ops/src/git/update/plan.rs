//! What an update has to put in place, as it stands on the disk from the first change on.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::{Change, crash};
use crate::env::fs::{Clobber, Fs};
use crate::git::{GitError, excess};

/// Its file's name.
const NAME: &str = "plan";
/// Of what is written here; another one's is not understood.
const VERSION: u32 = 1;

/// All of one update.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    version: u32,
    /// Repositories that are there, the outermost first.
    pub(super) changes: Vec<Change>,
    /// Modules that come new.
    pub(super) modules: Vec<NewModule>,
}

/// A module that was cloned, and where it goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewModule {
    /// Its files' room; its git folder is beside it.
    pub(crate) room: String,
    /// Its files' place, below the clone's.
    pub(crate) files: String,
    /// Its git folder's place, from the clone's git folder.
    pub(crate) git: String,
}

impl NewModule {
    /// The room of its git folder.
    pub(super) fn git_room(&self) -> String {
        Self::git_room_of(&self.room)
    }

    /// The room of the git folder of the one whose files have this room.
    pub(crate) fn git_room_of(room: &str) -> String {
        format!("{room}.git")
    }
}

/// All that an update puts in place.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Ready {
    /// Of repositories that are there, the outermost first.
    pub(crate) changes: Vec<Change>,
    /// Modules that come new.
    pub(crate) modules: Vec<NewModule>,
}

impl Ready {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.modules.is_empty()
    }
}

fn elsewhere() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, "it leads out of the clone")
}

/// Whether a path has nothing in it that leads up or to the top.
fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

pub(super) fn is_there(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(NAME)).is_ok()
}

impl Plan {
    pub(super) fn new(changes: Vec<Change>, modules: Vec<NewModule>) -> Self {
        Self { version: VERSION, changes, modules }
    }

    /// From here on the update is finished by whoever comes next.
    pub(super) fn write(&self, fs: &dyn Fs, folder: &Path) -> Result<(), GitError> {
        let failed = |error| GitError::local(format!("write {}", folder.join(NAME).display()), error);
        if !self.paths().all(is_below) {
            return Err(failed(elsewhere()));
        }
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let beside = folder.join("plan.new");
        crash::point(folder);
        let mut file = File::create(&beside).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        crash::point(folder);
        fs.rename(&beside, &folder.join(NAME), Clobber::Replace).map_err(failed)?;
        crash::point(folder);
        fs.sync_folder(folder).map_err(failed)
    }

    pub(super) fn read(folder: &Path) -> Result<Self, GitError> {
        let path = folder.join(NAME);
        let failed = |error| GitError::local(format!("read {}", path.display()), error);
        let file = File::open(&path).map_err(failed)?;
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, excess::PLAN), &mut text)
            .map_err(failed)?;
        let plan: Self = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        if plan.version != VERSION {
            let words = "it was written by another version of this program";
            return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, words)));
        }
        if !plan.paths().all(is_below) {
            return Err(failed(elsewhere()));
        }
        Ok(plan)
    }

    /// What must not lead out of the folder that it is in.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let changes = self.changes.iter().flat_map(|change| {
            let puts = change.puts.iter().flat_map(|put| [put.from.as_str(), put.to.as_str()]);
            let logs = change.logs.iter().map(|log| log.name.as_str());
            puts.chain(logs).chain([change.room.as_str(), change.files.as_str()])
        });
        let modules = self.modules.iter().flat_map(|module| [&*module.room, &*module.files, &*module.git]);
        changes.chain(modules)
    }

    /// All is in place, or nothing was changed.
    pub(super) fn remove(folder: &Path) -> Result<(), GitError> {
        let path = folder.join(NAME);
        crash::point(folder);
        fs::remove_file(&path).map_err(|error| GitError::local(format!("remove {}", path.display()), error))
    }
}
