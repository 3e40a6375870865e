//! A file has a content.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret;
use thiserror::Error;

use super::super::action::{Body, FileAction, Owner};
use super::super::run::{Done, Proof, StepContext, StepError};
use super::owners;
use crate::env::fs::{Care, Clobber, FileKind, FsFolder, Meta, Open};
use crate::foreign::{Foreign, shown};

/// What is put in place whole is held in memory.
const LARGEST: u64 = 64 << 20;

/// A file that cannot be as it is to be.
#[derive(Debug, Error)]
enum FileError {
    #[error("{path} cannot be read")]
    Source {
        path: Foreign,
        #[source]
        source: io::Error,
    },
    #[error("{path} cannot be written")]
    Dest {
        path: Foreign,
        #[source]
        source: io::Error,
    },
    #[error("{path} is {what}, and stays as it is")]
    NoFile { path: Foreign, what: &'static str },
    #[error("this machine has no {what} `{name}`")]
    Nobody { what: &'static str, name: Foreign },
}

/// How it is to be.
pub(super) struct Wanted {
    content: Vec<u8>,
    mode: u32,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Wanted {
    /// One of ours that everybody may read.
    pub(super) fn for_all(content: Vec<u8>) -> Self {
        Self { content, mode: 0o644, uid: None, gid: None }
    }

    fn of(cx: &StepContext, action: &FileAction) -> Result<Self, StepError> {
        let content = match &action.body {
            Body::Content(text) => cx.reveal(text)?.expose_secret().as_bytes().to_vec(),
            Body::Source(path) => {
                let path = cx.path(path);
                let unreadable = |source| StepError::local(&FileError::Source { path: shown(&path), source });
                let file = cx.env().fs().open_with(&path, Care::Way).map_err(unreadable)?;
                file.read_small(LARGEST).map_err(unreadable)?
            }
        };
        let Owner { user, group } = &action.owner;
        let number = |what, name: &Option<String>, find: owners::Find| match name {
            None => Ok(None),
            Some(name) => match find(cx.env(), name) {
                Some(number) => Ok(Some(number)),
                None => Err(StepError::local(&FileError::Nobody { what, name: name.as_str().into() })),
            },
        };
        let uid = number("user", user, owners::user)?;
        let gid = number("group", group, owners::group)?;
        Ok(Self { content, mode: action.mode, uid, gid })
    }

    fn is_so(&self, meta: &Meta, us: u32) -> bool {
        meta.mode == self.mode
            && meta.uid == self.uid.unwrap_or(us)
            && self.gid.is_none_or(|gid| meta.gid == gid)
            && meta.len == u64::try_from(self.content.len()).unwrap_or(u64::MAX)
    }
}

pub(super) async fn prove(cx: &StepContext, action: &FileAction) -> Result<Proof, StepError> {
    let wanted = Wanted::of(cx, action)?;
    let dest = cx.path(&action.dest);
    Ok(match is_there(cx, &dest, &wanted)? {
        true => Proof::Satisfied(None),
        false => Proof::Missing(Some(shown(&dest))),
    })
}

/// Whether the file at `dest` is as it is to be.
///
/// # Errors
/// Where that cannot be seen, or something else than a file stands there.
pub(super) fn is_there(cx: &StepContext, dest: &Path, wanted: &Wanted) -> Result<bool, StepError> {
    let fs = cx.env().fs();
    let (folder, name) = match fs.folder_of(dest) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(failed(dest, source)),
    };
    let meta = match folder.look(name) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(failed(dest, source)),
    };
    refuse_what_is_no_file(dest, &meta)?;
    if !wanted.is_so(&meta, fs.user()) {
        return Ok(false);
    }
    let content = folder.open(name, Open::Read).and_then(|file| file.read_small(LARGEST));
    content.map(|content| content == wanted.content).map_err(|source| failed(dest, source))
}

pub(super) async fn effect(cx: &StepContext, action: &FileAction) -> Result<Done, StepError> {
    let wanted = Wanted::of(cx, action)?;
    let dest = cx.path(&action.dest);
    put_at(cx, &dest, wanted).await?;
    Ok(Done { changed: true, what: Some(shown(&dest)), stamp: None })
}

/// Puts a file in place, whole: at no instant can another process see half of it.
///
/// # Errors
/// Why it cannot be; what stood there is as it was.
pub(super) async fn put_at(cx: &StepContext, dest: &Path, wanted: Wanted) -> Result<(), StepError> {
    let name = dest.file_name().ok_or_else(|| failed(dest, ErrorKind::InvalidInput.into()))?.to_owned();
    let above: PathBuf = dest.parent().unwrap_or(Path::new("/")).to_owned();
    let folder = cx.env().fs().make_folder_with(&above, Care::Links, 0o755);
    let folder = folder.map_err(|source| failed(dest, source))?;
    if let Ok(meta) = folder.look(&name) {
        refuse_what_is_no_file(dest, &meta)?;
    }
    let hidden = hidden(&name, cx.env().next_u64());
    // A sync may take long; what is written in it is ours until the rename.
    let (at, wanted_name) = (Arc::clone(&folder), name.clone());
    let put = cx.env().begin("write a file", move || {
        let put = put(&*at, &hidden, &wanted_name, &wanted);
        if put.is_err() {
            let _ = at.remove(&hidden);
        }
        put
    });
    match put.await {
        Ok(done) => done.map_err(|source| failed(dest, source)),
        Err(_) => Err(failed(dest, ErrorKind::Other.into())),
    }
}

fn put(folder: &dyn FsFolder, hidden: &OsStr, name: &OsStr, wanted: &Wanted) -> io::Result<()> {
    let file = folder.open(hidden, Open::New)?;
    file.write_all_at(&mut [IoSlice::new(&wanted.content)], 0)?;
    if wanted.uid.is_some() || wanted.gid.is_some() {
        let ours = file.meta()?;
        file.set_owner(wanted.uid.unwrap_or(ours.uid), wanted.gid.unwrap_or(ours.gid))?;
    }
    file.set_mode(wanted.mode)?;
    file.sync()?;
    let id = file.meta()?.id;
    if !folder.is_still(hidden, id) {
        return Err(io::Error::other("somebody exchanged it while it was written"));
    }
    folder.rename(hidden, folder, name, Clobber::Replace)?;
    if !folder.is_still(name, id) {
        return Err(io::Error::other("somebody exchanged it while it was put in place"));
    }
    folder.sync()
}

fn hidden(name: &OsStr, tag: u64) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".new-{tag:016x}"));
    hidden
}

fn refuse_what_is_no_file(dest: &Path, meta: &Meta) -> Result<(), StepError> {
    let what = match meta.kind {
        FileKind::File => return Ok(()),
        FileKind::Folder => "a folder",
        FileKind::Link => "a symbolic link",
        _ => "no regular file",
    };
    Err(StepError::local(&FileError::NoFile { path: shown(dest), what }))
}

fn failed(dest: &Path, source: io::Error) -> StepError {
    StepError::local(&FileError::Dest { path: shown(dest), source })
}
