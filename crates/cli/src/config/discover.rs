//! Which files there are to read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Environment;

const SYSTEM: &str = "/etc/vps-configurator/config.yaml";
const PROJECT: &str = "vps-configurator.yaml";

/// A place where a configuration may be.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Named by the user: then it must be there.
    pub(crate) named: bool,
    pub(crate) state: Presence,
}

/// Whether it is read, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Read,
    Missing,
    /// Somebody else could have written it.
    NotTrusted,
}

impl Found {
    pub(crate) fn is_read(&self) -> bool {
        self.named || self.state == Presence::Read
    }

    pub(crate) fn words(&self) -> &'static str {
        match (self.named, self.state) {
            (true, _) => "read, because it was named",
            (_, Presence::Read) => "read",
            (_, Presence::Missing) => "not there",
            (_, Presence::NotTrusted) => "not read: it is not yours, or others can write it",
        }
    }
}

/// In the order in which they are merged.
pub(super) fn files(named: Option<&Path>, environment: &Environment) -> Vec<Found> {
    if let Some(path) = named {
        return vec![Found { path: path.to_owned(), named: true, state: Presence::Read }];
    }
    let mut places = vec![PathBuf::from(SYSTEM)];
    if !environment.is_root
        && let Some(config) = &environment.config_home
    {
        places.push(config.join("vps-configurator/config.yaml"));
    }
    let mut found: Vec<Found> = places.into_iter().map(|path| look(path, |_| true)).collect();
    // A file in the folder we happen to be in is only believed if it can be nobody else's.
    let us = rustix::process::geteuid().as_raw();
    found.push(look(PathBuf::from(PROJECT), |meta| meta.uid() == us && meta.mode() & 0o022 == 0));
    found
}

fn look(path: PathBuf, trusted: impl Fn(&fs::Metadata) -> bool) -> Found {
    let state = match fs::metadata(&path) {
        Ok(meta) if trusted(&meta) => Presence::Read,
        Ok(_) => Presence::NotTrusted,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Presence::Missing,
        // Reading it will say what is wrong.
        Err(_) => Presence::Read,
    };
    Found { path, named: false, state }
}
