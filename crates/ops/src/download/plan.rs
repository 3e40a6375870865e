//! Looking at DEST before anything is asked for.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use super::error::Fault;
use super::parse::{InvalidRequest, file_name};
use super::request::{Dest, DownloadRequest, Expected};
use crate::env::fs::{FileKind, Fs, Meta};
use crate::http::SafeUrl;

/// Where the file will be.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// At a path.
    File(FileTarget),
    /// Nowhere, until it is read out.
    Spool,
}

#[derive(Clone, Debug)]
pub(super) struct FileTarget {
    pub(super) path: PathBuf,
    pub(super) folder: PathBuf,
    /// What stands there now, if anything.
    pub(super) existing: Option<Meta>,
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
    let path = match &request.dest {
        Dest::Spool => return Ok(Target::Spool),
        Dest::Folder(folder) => folder.join(file_name(request.url.as_url())?),
        Dest::Path(path) => within_if_folder(fs, path, request.url.as_url())?,
    };
    let path = if request.follow_link { followed(fs, path)? } else { path };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    check_folder(fs, &folder, &path)?;
    let existing = check_existing(fs, &path)?;
    // Neither a file to be kept nor a place for one.
    if request.keep_existing
        && existing.is_some_and(|meta| meta.kind == FileKind::Link)
        && fs.look_through(&path).is_err()
    {
        return Err(Fault::NotReplaceable { path, what: "a link to nothing" });
    }
    Ok(Target::File(FileTarget { path, folder, existing }))
}

/// What stands at DEST now.
pub(super) fn check_existing(fs: &dyn Fs, path: &Path) -> Result<Option<Meta>, Fault> {
    let refused = |what| Fault::NotReplaceable { path: path.to_owned(), what };
    let meta = match fs.look(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Fault::Disk { doing: "look at", path: path.to_owned(), source }),
    };
    // A bind mount, as containers have on /etc/hosts: no rename takes its place.
    if fs.is_mount_point(path) {
        return Err(refused("a mount point"));
    }
    match meta.kind {
        FileKind::File => Ok(Some(meta)),
        // The link itself is replaced, but not one that stands for what is no file: /dev/stdout.
        FileKind::Link => match fs.look_through(path).map(|meta| meta.kind) {
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

fn within_if_folder(fs: &dyn Fs, path: &Path, url: &Url) -> Result<PathBuf, Fault> {
    match fs.look_through(path) {
        Ok(meta) if meta.kind == FileKind::Folder => Ok(path.join(file_name(url)?)),
        _ => Ok(path.to_owned()),
    }
}

fn followed(fs: &dyn Fs, path: PathBuf) -> Result<PathBuf, Fault> {
    match fs.look(&path) {
        Ok(meta) if meta.kind == FileKind::Link => {
            fs.resolve(&path).map_err(|source| Fault::Disk { doing: "follow the link", path, source })
        }
        _ => Ok(path),
    }
}

fn check_folder(fs: &dyn Fs, folder: &Path, path: &Path) -> Result<(), Fault> {
    let meta = match fs.look_through(folder) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Fault::NoParent { folder: folder.to_owned() });
        }
        Err(source) => return Err(Fault::Disk { doing: "look at", path: folder.to_owned(), source }),
    };
    if meta.kind != FileKind::Folder {
        let source = io::ErrorKind::NotADirectory.into();
        return Err(Fault::Disk { doing: "write into", path: folder.to_owned(), source });
    }
    let real = fs.resolve(folder).unwrap_or_else(|_| folder.to_owned());
    let of_the_kernel = ["/proc", "/sys", "/dev/fd"].iter().any(|place| real.starts_with(place));
    if of_the_kernel || real == Path::new("/dev") {
        return Err(Fault::NotReplaceable { path: path.to_owned(), what: "a name of the system's" });
    }
    Ok(())
}
