//! A file has a content.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::ffi::{OsStrExt, OsStringExt as _};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use thiserror::Error;

use super::super::action::{Body, FileAction, Owner};
use super::super::run::{Done, Proof, StepContext, StepError};
use crate::accounts;
use crate::env::fs::{Care, Clobber, FileKind, FsFile, FsFolder, Meta, Open, Us};
use crate::env::{Env, hidden_name};
use crate::foreign::{Foreign, shown};

/// What is put in place whole is held in memory.
pub(super) const LARGEST: u64 = 64 << 20;
/// What a file is called until it is in place: `.NAME.new-` and a number.
const MARK: &[u8] = b".new-";
/// Digits of that number.
const TAG: usize = 16;

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
    #[error("{path} is no regular file")]
    NoSource { path: Foreign },
    #[error("{path} is {what}, and stays as it is")]
    NoFile { path: Foreign, what: &'static str },
    #[error("this machine has no {what} `{name}`")]
    Nobody { what: &'static str, name: Foreign },
}

/// How it is to be.
pub(in crate::plan) struct Wanted {
    content: Vec<u8>,
    mode: u32,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Wanted {
    /// One of ours that everybody may read.
    pub(in crate::plan) fn for_all(content: Vec<u8>) -> Self {
        Self { content, mode: 0o644, uid: None, gid: None }
    }

    fn of(cx: &StepContext, action: &FileAction) -> Result<Self, StepError> {
        let content = match &action.body {
            Body::Content(text) => cx.reveal(text)?.expose_secret().as_bytes().to_vec(),
            Body::Source(path) => {
                let path = cx.path(path);
                let unreadable = |source| StepError::local(&FileError::Source { path: shown(&path), source });
                source(cx.env(), &path).map_err(|error| match error.kind() {
                    ErrorKind::InvalidInput => StepError::local(&FileError::NoSource { path: shown(&path) }),
                    _ => unreadable(error),
                })?
            }
        };
        let Owner { user, group } = &action.owner;
        let number = |what, name: &Option<String>, find: accounts::Find| match name {
            None => Ok(None),
            Some(name) => match find(cx.env(), name) {
                Some(number) => Ok(Some(number)),
                None => Err(StepError::local(&FileError::Nobody { what, name: name.as_str().into() })),
            },
        };
        let uid = number("user", user, accounts::user)?;
        let gid = number("group", group, accounts::group)?;
        Ok(Self { content, mode: action.mode, uid, gid })
    }

    fn is_so(&self, meta: &Meta, us: u32) -> bool {
        others(meta, self.mode, self.uid, self.gid, us).is_empty()
            && meta.len == u64::try_from(self.content.len()).unwrap_or(u64::MAX)
    }
}

/// Numbers of a file that are to be others, each before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Others {
    pub(super) mode: Option<(u32, u32)>,
    pub(super) user: Option<(u32, u32)>,
    pub(super) group: Option<(u32, u32)>,
}

impl Others {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What of a file has to be another. Where nobody is named it is ours, of any group.
pub(super) fn others(meta: &Meta, mode: u32, uid: Option<u32>, gid: Option<u32>, us: u32) -> Others {
    let other = |is: u32, wanted: u32| (is != wanted).then_some((is, wanted));
    Others {
        mode: other(meta.mode, mode),
        user: other(meta.uid, uid.unwrap_or(us)),
        group: gid.and_then(|gid| other(meta.gid, gid)),
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
pub(in crate::plan) fn is_there(cx: &StepContext, dest: &Path, wanted: &Wanted) -> Result<bool, StepError> {
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
    Ok(Done { changed: true, what: Some(shown(&dest)), stamp: None, later: None })
}

/// Puts a file in place, whole: at no instant can another process see half of it.
///
/// # Errors
/// Why it cannot be. What stood there is as it was, but where the new one was in its place already: somebody exchanged
/// that, or it is not known whether its name survives a power loss.
pub(in crate::plan) async fn put_at(cx: &StepContext, dest: &Path, wanted: Wanted) -> Result<(), StepError> {
    let name = dest.file_name().ok_or_else(|| failed(dest, ErrorKind::InvalidInput.into()))?.to_owned();
    let above: PathBuf = dest.parent().unwrap_or(Path::new("/")).to_owned();
    let folder = cx.env().fs().make_folder_with(&above, Care::Links, 0o755);
    let folder = folder.map_err(|source| failed(dest, source))?;
    if let Ok(meta) = folder.look(&name) {
        refuse_what_is_no_file(dest, &meta)?;
    }
    let tag = cx.env().next_u64();
    // A sync may take long; what is written in it is ours until the rename.
    let us = cx.env().fs().us();
    let put = cx.env().begin("write a file", move || {
        sweep(&*folder, &hidden_prefix(&name), us, wanted.uid);
        put(&*folder, &tagged(hidden_prefix(&name), tag), &name, &wanted)
    });
    match put.await {
        Ok(done) => done.map_err(|source| failed(dest, source)),
        Err(_) => Err(failed(dest, ErrorKind::Other.into())),
    }
}

fn put(folder: &dyn FsFolder, hidden: &OsStr, name: &OsStr, wanted: &Wanted) -> io::Result<()> {
    let file = folder.open(hidden, Open::New)?;
    // While it is locked nobody takes it for what a killed run left; where there are no locks, nobody sweeps.
    let _ = file.try_lock();
    let put = fill_and_rename(folder, &*file, hidden, name, wanted);
    if put.is_err()
        && let Ok(meta) = file.meta()
        && folder.is_still(hidden, meta.id)
    {
        let _ = folder.remove(hidden);
    }
    put
}

/// Owner before mode: a new owner takes the bits away that run a file as its owner.
fn fill_and_rename(
    folder: &dyn FsFolder,
    file: &dyn FsFile,
    hidden: &OsStr,
    name: &OsStr,
    wanted: &Wanted,
) -> io::Result<()> {
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

/// Takes away what killed runs left in a folder under names of that prefix: files of ours, or of whom they were to be, that
/// nobody works on.
pub(super) fn sweep(folder: &dyn FsFolder, prefix: &OsStr, us: Us, owner: Option<u32>) {
    for left in folder.list().unwrap_or_default() {
        let tag = left.as_bytes().strip_prefix(prefix.as_bytes());
        if !tag.is_some_and(|tag| tag.len() == TAG && tag.iter().all(u8::is_ascii_hexdigit)) {
            continue;
        }
        let Ok(file) = folder.open(&left, Open::Read) else { continue };
        if let (Ok(true), Ok(meta)) = (file.try_lock(), file.meta())
            && meta.kind == FileKind::File
            && (us.trusts(meta.uid) || owner == Some(meta.uid))
            && folder.is_still(&left, meta.id)
        {
            // It does not hurt where it is.
            let _ = folder.remove(&left);
        }
    }
}

/// A name of that prefix.
pub(super) fn tagged(mut prefix: OsString, tag: u64) -> OsString {
    prefix.push(format!("{tag:0TAG$x}"));
    prefix
}

fn hidden_prefix(name: &OsStr) -> OsString {
    OsString::from_vec([&*hidden_name(name, MARK.len() + TAG), MARK].concat())
}

/// What is in a file of the plan's folder, which nobody else may have a hand in.
pub(super) fn source(env: &Env, path: &Path) -> io::Result<Vec<u8>> {
    let fs = env.fs();
    let file = fs.open_with(path, Care::Way)?;
    let meta = file.meta()?;
    if meta.kind != FileKind::File {
        return Err(ErrorKind::InvalidInput.into());
    }
    meta.ours_alone(fs.us(), path)?;
    file.read_small(LARGEST)
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
