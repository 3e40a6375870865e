//! Where state lives, and whether it is safe to keep it there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::env::fs::{Care, Fs, FsFolder};

/// The state folder's name below the places where state lives.
const NAME: &str = "vps-configurator";

/// A folder for state, chosen but not yet made.
///
/// ```
/// use std::path::Path;
/// use vps_ops::store::StateFolder;
///
/// let root = StateFolder::choose(None, None, true, None).unwrap();
/// assert_eq!(root.path(), Path::new("/var/lib/vps-configurator"));
/// let unit = StateFolder::choose(None, Some("/var/lib/a:/var/lib/b".into()), true, None).unwrap();
/// assert_eq!(unit.path(), Path::new("/var/lib/a"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder {
    path: PathBuf,
}

/// A folder that must not hold state.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It cannot be made or looked at, or somebody else has a hand in what leads to it: then the error names that
    /// folder or link.
    #[error("the state folder {path} cannot be used")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else has its name.
    #[error("the state folder {path} is not a folder")]
    NotAFolder {
        /// Which.
        path: PathBuf,
    },
    /// Somebody else could have put anything there.
    #[error("the state folder {path} belongs to user {owner}, not to us (user {us})")]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Somebody else can put anything there.
    #[error("the state folder {path} can be written by others (mode {mode:o}); `chmod go-w` it")]
    Writable {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Its file system cannot share memory between processes.
    #[error("the state folder {path} is on a network file system")]
    Network {
        /// Which.
        path: PathBuf,
    },
}

/// File systems without shared memory between their users: NFS, SMB, CIFS, SMB2, AFS, CEPH, 9P.
const NETWORK: [u64; 7] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x5346_414F, 0x00C3_6400, 0x0102_1997];

impl StateFolder {
    /// This one, whatever the environment says.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The configured one, else systemd's, else the system's for root, else the user's. The values of
    /// the environment (`$STATE_DIRECTORY`, the XDG state folder) come as arguments.
    #[must_use]
    pub fn choose(
        configured: Option<PathBuf>,
        systemd: Option<String>,
        root: bool,
        xdg_state: Option<PathBuf>,
    ) -> Option<Self> {
        let unit =
            systemd.and_then(|list| list.split(':').next().filter(|one| !one.is_empty()).map(PathBuf::from));
        configured
            .or(unit)
            .or_else(|| root.then(|| Path::new("/var/lib").join(NAME)))
            .or_else(|| xdg_state.map(|state| state.join(NAME)))
            .map(Self::at)
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it where it is missing, and opens it. One that somebody else could write to or exchange is refused.
    ///
    /// # Errors
    /// [`FolderError`] says what is wrong with it.
    pub fn prepare(&self, fs: &Arc<dyn Fs>) -> Result<Arc<dyn FsFolder>, FolderError> {
        let opened = fs.make_folder_with(&self.path, Care::Way, 0o755);
        self.check(fs, opened)
    }

    /// Opens it, unless somebody else could write to or exchange it, and makes nothing.
    ///
    /// # Errors
    /// [`FolderError`] says what is wrong with it; also that it is not there.
    pub fn look(&self, fs: &Arc<dyn Fs>) -> Result<Arc<dyn FsFolder>, FolderError> {
        let opened = fs.folder_with(&self.path, Care::Way);
        self.check(fs, opened)
    }

    fn check(
        &self,
        fs: &Arc<dyn Fs>,
        opened: io::Result<Arc<dyn FsFolder>>,
    ) -> Result<Arc<dyn FsFolder>, FolderError> {
        let io = |source| FolderError::Io { path: self.path.clone(), source };
        let folder = match opened {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(FolderError::NotAFolder { path: self.path.clone() });
            }
            Err(error) => {
                // Where it is the folder itself, that is said in its own words.
                fs.folder(&self.path).map_or(Ok(()), |folder| self.check_itself(fs, &*folder))?;
                return Err(io(error));
            }
        };
        self.check_itself(fs, &*folder)?;
        let path = folder.real_path().unwrap_or_else(|_| self.path.clone());
        let kind = rustix::fs::statfs(&path).map_err(|error| io(error.into()))?.f_type;
        if NETWORK.contains(&u64::try_from(kind).unwrap_or(0)) {
            return Err(FolderError::Network { path: self.path.clone() });
        }
        Ok(folder)
    }

    fn check_itself(&self, fs: &Arc<dyn Fs>, folder: &dyn FsFolder) -> Result<(), FolderError> {
        let found = folder.meta().map_err(|source| FolderError::Io { path: self.path.clone(), source })?;
        let us = fs.user();
        if found.uid != us {
            return Err(FolderError::Foreign { path: self.path.clone(), owner: found.uid, us });
        }
        if found.mode & 0o022 != 0 {
            return Err(FolderError::Writable { path: self.path.clone(), mode: found.mode });
        }
        Ok(())
    }
}
