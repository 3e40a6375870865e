//! Which files there are to read.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vps_ops::env::fs::{Care, ForeignLink, Fs, FsFile, Open, OtherHands};

use super::Environment;

const SYSTEM: &str = "/etc/vps-configurator/config.yaml";
/// Below the user's folder for configuration.
const OWN: &str = "vps-configurator/config.yaml";
const PROJECT: &str = "vps-configurator.yaml";

/// A place where a configuration may be.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Named by the user: then it must be there.
    pub(crate) named: bool,
    pub(crate) state: Presence,
    /// What was looked at and is to be read: the name may be another file's by then.
    pub(super) opened: Opened,
    /// Whether nobody else had a hand in it: then its lines may be shown.
    pub(super) is_ours: bool,
}

/// What came of opening one.
#[derive(Clone, Debug)]
pub(super) enum Opened {
    File(Arc<dyn FsFile>),
    Failed(Arc<io::Error>),
    Nothing,
}

/// Whether it is read, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Read,
    Missing,
    /// Somebody else could have written it.
    NotTrusted,
    /// Nobody lets us look: the home of another user.
    Unreachable,
}

impl Found {
    fn new(path: PathBuf, state: Presence) -> Self {
        Self { path, named: false, state, opened: Opened::Nothing, is_ours: false }
    }

    fn failed(path: PathBuf, state: Presence, error: io::Error) -> Self {
        Self { opened: Opened::Failed(Arc::new(error)), ..Self::new(path, state) }
    }

    fn opened(path: PathBuf, state: Presence, file: Box<dyn FsFile>, is_ours: bool) -> Self {
        Self { opened: Opened::File(file.into()), is_ours, ..Self::new(path, state) }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.named || self.state == Presence::Read
    }

    pub(crate) fn words(&self) -> &'static str {
        match (self.named, self.state) {
            (true, _) => "read, because it was named",
            (_, Presence::Read) => "read",
            (_, Presence::Missing) => "not there",
            (_, Presence::NotTrusted) => {
                "not read: it is a link, or not yours, or others can write it or a folder above it"
            }
            (_, Presence::Unreachable) => "not read: we may not look into its folder",
        }
    }

    /// That it would be read if it were not for its owner, its mode or its folder's.
    pub(crate) fn is_skipped(&self) -> bool {
        !self.is_read() && self.state != Presence::Missing
    }
}

/// The one that `config init` writes: of those that are found the one that is read in every folder.
pub(crate) fn own(named: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None if environment.is_root => Some(PathBuf::from(SYSTEM)),
        None => environment.config_home.as_ref().map(|config| config.join(OWN)),
    }
}

/// In the order in which they are merged.
pub(crate) fn files(fs: &Arc<dyn Fs>, named: Option<&Path>, environment: &Environment) -> Vec<Found> {
    if let Some(path) = named {
        return vec![Found { named: true, ..look_at_named(fs, path.to_owned()) }];
    }
    let mut found = vec![look(fs, PathBuf::from(SYSTEM), Presence::Read)];
    if !environment.is_root
        && let Some(config) = &environment.config_home
    {
        found.push(look(fs, config.join(OWN), Presence::Unreachable));
    }
    found.push(project(fs));
    found
}

/// The user said that it is this one, so it is read whoever's it is; but no link of others is followed.
fn look_at_named(fs: &Arc<dyn Fs>, path: PathBuf) -> Found {
    if let Ok(file) = fs.open_with(&path, Care::Way) {
        let is_ours = is_ours(fs, &*file);
        return Found::opened(path, Presence::Read, file, is_ours);
    }
    match fs.open_with(&path, Care::Links) {
        Ok(file) => Found::opened(path, Presence::Read, file, false),
        Err(error) => Found::failed(path, Presence::Read, error),
    }
}

/// `hidden` is what it means where we may not look.
fn look(fs: &Arc<dyn Fs>, path: PathBuf, hidden: Presence) -> Found {
    match fs.open_with(&path, Care::Way) {
        Ok(file) if is_ours(fs, &*file) => Found::opened(path, Presence::Read, file, true),
        Ok(_) => Found::new(path, Presence::NotTrusted),
        Err(error) if error.kind() == ErrorKind::NotFound => Found::new(path, Presence::Missing),
        Err(error) if OtherHands::behind(&error).is_some() || ForeignLink::behind(&error).is_some() => {
            Found::new(path, Presence::NotTrusted)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Found::failed(path, hidden, error),
        // Reading it will say what is wrong.
        Err(error) => Found::failed(path, Presence::Read, error),
    }
}

fn is_ours(fs: &Arc<dyn Fs>, file: &dyn FsFile) -> bool {
    file.meta().is_ok_and(|found| found.is_ours_alone(fs.us()))
}

/// A file in the folder we happen to be in is only believed if it can be nobody else's: no link, which would make
/// any file of ours a configuration, ours alone, in a folder in which nobody else can put another in its place.
fn project(fs: &Arc<dyn Fs>) -> Found {
    let (path, here) = (PathBuf::from(PROJECT), Path::new("."));
    let file = match fs.folder(here).and_then(|folder| folder.open(OsStr::new(PROJECT), Open::Read)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::new(path, Presence::Missing),
        Err(_) => return Found::new(path, Presence::NotTrusted),
    };
    let is_ours = file.meta().is_ok_and(|found| {
        let us = fs.us();
        found.uid == us.user && found.is_ours_alone(us)
    });
    // Where the sticky bit is set others can add files, and not replace ours.
    if is_ours && fs.folder_with(here, Care::Way).is_ok() {
        return Found::opened(path, Presence::Read, file, true);
    }
    Found::new(path, Presence::NotTrusted)
}
