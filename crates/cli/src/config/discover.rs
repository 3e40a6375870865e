//! Which files there are to read.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

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
    pub(super) file: Option<Arc<File>>,
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
        Self { path, named: false, state, file: None }
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
                "not read: it is a link, or not yours, or others can write it or its folder"
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
pub(crate) fn files(named: Option<&Path>, environment: &Environment) -> Vec<Found> {
    if let Some(path) = named {
        return vec![Found { named: true, ..Found::new(path.to_owned(), Presence::Read) }];
    }
    let mut found = vec![look(PathBuf::from(SYSTEM), Presence::Read)];
    if !environment.is_root
        && let Some(config) = &environment.config_home
    {
        found.push(look(config.join(OWN), Presence::Unreachable));
    }
    found.push(project());
    found
}

/// `hidden` is what it means where we may not look.
fn look(path: PathBuf, hidden: Presence) -> Found {
    let state = match fs::metadata(&path) {
        Ok(_) => Presence::Read,
        Err(error) if error.kind() == ErrorKind::NotFound => Presence::Missing,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => hidden,
        // Reading it will say what is wrong.
        Err(_) => Presence::Read,
    };
    Found::new(path, state)
}

/// A file in the folder we happen to be in is only believed if it can be nobody else's: no link, which would make
/// any file of ours a configuration, ours alone, in a folder in which nobody else can put another in its place.
fn project() -> Found {
    let path = PathBuf::from(PROJECT);
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match File::options().read(true).custom_flags(flags.bits().cast_signed()).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::new(path, Presence::Missing),
        Err(_) => return Found::new(path, Presence::NotTrusted),
    };
    let us = rustix::process::geteuid().as_raw();
    let is_ours = file.metadata().is_ok_and(|meta| meta.uid() == us && meta.mode() & 0o022 == 0);
    // Where the sticky bit is set others can add files, and not replace ours.
    let folder = fs::metadata(".").is_ok_and(|meta| {
        [0, us].contains(&meta.uid()) && (meta.mode() & 0o022 == 0 || meta.mode() & 0o1000 != 0)
    });
    let state = if is_ours && folder { Presence::Read } else { Presence::NotTrusted };
    Found { file: Some(Arc::new(file)), ..Found::new(path, state) }
}
