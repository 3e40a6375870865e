//! Looking at DEST before anything is asked for.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::error::Fault;
use super::parse::{InvalidRequest, file_name};
use super::request::{Dest, DownloadRequest, Expected};
use crate::env::fs::{self, FileKind, ForeignLink, Fs, FsFolder, MOST_LINKS, Meta};
use crate::http::SafeUrl;

/// Where the file will be.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// At a path.
    File(FileTarget),
    /// Nowhere, until it is read out.
    Spool,
}

/// A name in a folder that was opened once: all that is done to DEST is done there.
#[derive(Clone, Debug)]
pub(super) struct FileTarget {
    /// As people are told.
    pub(super) path: PathBuf,
    pub(super) folder: Arc<dyn FsFolder>,
    pub(super) name: OsString,
    /// What stands there now, if anything.
    pub(super) existing: Option<Meta>,
}

impl FileTarget {
    /// Where it is.
    pub(super) fn at(&self) -> At {
        At { folder: Arc::clone(&self.folder), name: self.name.clone(), path: self.path.clone() }
    }

    /// The folder's path, as people are told.
    pub(super) fn folder_path(&self) -> PathBuf {
        folder_path(&self.path)
    }
}

fn folder_path(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

impl Target {
    /// What stands there now, if anything.
    pub(super) fn existing(&self) -> Option<Meta> {
        match self {
            Self::File(file) => file.existing,
            Self::Spool => None,
        }
    }
}

/// Decides where `request` goes, and refuses what a file may not replace. Refuses also a file whose digest
/// nobody has looked up yet: it would come without being held against anything.
pub(super) fn look(fs: &dyn Fs, request: &DownloadRequest) -> Result<Target, Fault> {
    if let Some(Expected::ListedAt(list)) = &request.expected {
        return Err(InvalidRequest::UnreadList { url: SafeUrl::new(list.as_url()) }.into());
    }
    let at = match &request.dest {
        Dest::Spool => return Ok(Target::Spool),
        Dest::Folder(folder) => within(fs, folder, request.url.as_url())?,
        Dest::Path(path) => at(fs, path, request)?,
        Dest::File(path) => of_file(fs, path)?,
    };
    let At { folder, name, path } = if request.follow_link { followed(fs, at)? } else { at };
    check_folder(&*folder, &path)?;
    let existing = check_existing(&*folder, &name, &path)?;
    // Neither a file to be kept nor a place for one.
    if request.keep_existing
        && existing.is_some_and(|meta| meta.kind == FileKind::Link)
        && folder.look_through(&name).is_err()
    {
        return Err(Fault::NotReplaceable { path, what: "a link to nothing" });
    }
    Ok(Target::File(FileTarget { path, folder, name, existing }))
}

/// A name in an open folder.
#[derive(Clone, Debug)]
pub(super) struct At {
    pub(super) folder: Arc<dyn FsFolder>,
    pub(super) name: OsString,
    /// The path of both, for people.
    pub(super) path: PathBuf,
}

/// What stands at DEST now.
fn check_existing(folder: &dyn FsFolder, name: &OsStr, path: &Path) -> Result<Option<Meta>, Fault> {
    let refused = |what| Fault::NotReplaceable { path: path.to_owned(), what };
    let meta = match folder.look(name) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Fault::Disk { doing: "look at", path: path.to_owned(), source }),
    };
    // A bind mount, as containers have on /etc/hosts: no rename takes its place.
    if folder.is_mount_point(name) {
        return Err(refused("a mount point"));
    }
    match meta.kind {
        FileKind::File => Ok(Some(meta)),
        // The link itself is replaced, but not one that stands for what is no file: /dev/stdout.
        FileKind::Link => match folder.look_through(name).map(|meta| meta.kind) {
            Ok(kind) if kind != FileKind::File && kind != FileKind::Folder => {
                Err(refused("a link to what is no file"))
            }
            _ => Ok(Some(meta)),
        },
        FileKind::Folder => Err(refused("a folder")),
        FileKind::Fifo => Err(refused("a FIFO")),
        FileKind::Device => Err(refused("a device")),
        FileKind::Socket => Err(refused("a socket")),
        FileKind::Other => Err(refused("no file")),
    }
}

/// DEST, or the file of the URL's name where DEST is a folder, or a link of ours to one. A link of somebody
/// else's could lead to any folder.
fn at(fs: &dyn Fs, path: &Path, request: &DownloadRequest) -> Result<At, Fault> {
    let (url, us) = (request.url.as_url(), fs.us());
    // `/`, `.` and `..` are folders without a name.
    let Some(name) = path.file_name() else { return within(fs, path, url) };
    let folder = open(fs, &folder_path(path), path)?;
    let failed = |source| Fault::Disk { doing: "look at", path: path.to_owned(), source };
    let is_folder = |meta: Meta| meta.kind == FileKind::Folder;
    match folder.look(name) {
        Ok(meta) if is_folder(meta) => {
            // What is asked is what is open: by name it could be another by now.
            let inner = folder.folder(name).map_err(failed)?;
            let owner = inner.meta().map_err(failed)?.uid;
            // Put there by somebody else it would take the file elsewhere; `DEST/` says that a folder is meant.
            let is_meant = path.as_os_str().as_encoded_bytes().ends_with(b"/") || us.trusts(owner);
            if !is_meant && !folder.meta().is_ok_and(|meta| meta.is_ours_alone(us)) {
                return Err(Fault::ForeignFolder { path: path.to_owned(), owner });
            }
            let name = file_name(url)?;
            Ok(At { folder: inner, path: path.join(&name), name })
        }
        Ok(meta) if meta.kind == FileKind::Link && folder.look_through(name).is_ok_and(is_folder) => {
            within(fs, path, url)
        }
        _ => Ok(At { folder, name: name.to_owned(), path: path.to_owned() }),
    }
}

/// DEST, whatever stands there: a file is never put into what was to be one.
fn of_file(fs: &dyn Fs, path: &Path) -> Result<At, Fault> {
    let refused = |what| Fault::NotReplaceable { path: path.to_owned(), what };
    let name = path.file_name().ok_or_else(|| refused("a folder"))?;
    let folder = open(fs, &folder_path(path), path)?;
    let is_link = folder.look(name).is_ok_and(|meta| meta.kind == FileKind::Link);
    if is_link && folder.look_through(name).is_ok_and(|meta| meta.kind == FileKind::Folder) {
        return Err(refused("a link to a folder"));
    }
    Ok(At { folder, name: name.to_owned(), path: path.to_owned() })
}

fn within(fs: &dyn Fs, folder: &Path, url: &Url) -> Result<At, Fault> {
    let name = file_name(url)?;
    let path = folder.join(&name);
    Ok(At { folder: open(fs, folder, &path)?, name, path })
}

/// The folder at `folder`, for `path` in it.
fn open(fs: &dyn Fs, folder: &Path, path: &Path) -> Result<Arc<dyn FsFolder>, Fault> {
    fs.folder(folder).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Fault::NoParent { folder: folder.to_owned() },
        io::ErrorKind::NotADirectory => Fault::Disk { doing: "write into", path: folder.to_owned(), source },
        _ if ForeignLink::behind(&source).is_some() => {
            Fault::Disk { doing: "go to the folder of", path: path.to_owned(), source }
        }
        _ => Fault::Disk { doing: "look at", path: folder.to_owned(), source },
    })
}

/// Where the link at `name`, if one is there, leads to in the end.
pub(super) fn followed(fs: &dyn Fs, from: At) -> Result<At, Fault> {
    let At { mut folder, mut name, mut path } = from;
    let failed =
        |path: &Path, source| Fault::Disk { doing: "follow the link", path: path.to_owned(), source };
    for _ in 0..MOST_LINKS {
        let meta = match folder.look(&name) {
            Ok(meta) => meta,
            // What a link leads to must be there; what was named need not.
            Err(_) => return Ok(At { folder, name, path }),
        };
        if meta.kind != FileKind::Link {
            return Ok(At { folder, name, path });
        }
        if folder.look_through(&name).is_err() {
            return Err(failed(&path, io::ErrorKind::NotFound.into()));
        }
        let target = match fs.target(&*folder, &name).map_err(|source| failed(&path, source))? {
            fs::Target::Path(target) => target,
            fs::Target::File(_) => {
                return Err(Fault::NotReplaceable { path, what: "a name of the system's" });
            }
        };
        let next = folder.real_path().unwrap_or_else(|_| folder_path(&path)).join(target);
        (folder, name) = {
            let (folder, name) = fs.folder_of(&next).map_err(|source| failed(&path, source))?;
            (folder, name.to_owned())
        };
        path = next;
    }
    Err(failed(&path, io::Error::other("too many links")))
}

fn check_folder(folder: &dyn FsFolder, path: &Path) -> Result<(), Fault> {
    let real = folder.real_path().unwrap_or_else(|_| folder_path(path));
    let of_the_kernel = ["/proc", "/sys", "/dev/fd"].iter().any(|place| real.starts_with(place));
    if of_the_kernel || real == Path::new("/dev") {
        return Err(Fault::NotReplaceable { path: path.to_owned(), what: "a name of the system's" });
    }
    Ok(())
}
