//! What a step can do.

mod command;
mod fetched;
mod machine;

use std::path::Path;

use serde::Serialize;

pub use command::{CommandAction, CommandLine, Guards, ModuleAction, Once};
pub use fetched::{
    AptKey, AptKeyCheck, AptKeySource, AptRepository, DownloadAction, GitAction, PackagesAction, Unpack,
};
pub use machine::{Body, FileAction, Gate, GateCheck, Owner, SystemdAction, UnitState};

/// What a step does. Written as JSON it is the same for the same work: that is how an edited step is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Packages are installed.
    Packages(PackagesAction),
    /// A repository of packages is set up, with its key.
    AptRepository(AptRepository),
    /// A file is downloaded, and unpacked if asked.
    Download(DownloadAction),
    /// A repository is cloned.
    Git(GitAction),
    /// A file has a content.
    File(FileAction),
    /// A command is run.
    Command(CommandAction),
    /// A unit of systemd is in a state.
    Systemd(SystemdAction),
    /// Something outside is as it must be before others go on.
    Gate(Gate),
    /// A module does what it does.
    Module(ModuleAction),
}

/// The kind of an action, by which it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionKind {
    /// Packages.
    Packages,
    /// A repository of packages.
    AptRepository,
    /// A download.
    Download,
    /// A clone.
    Git,
    /// A file.
    File,
    /// A command.
    Command,
    /// A unit of systemd.
    Systemd,
    /// A gate.
    Gate,
    /// A module.
    Module,
}

impl ActionKind {
    /// Its name in plans, reports and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::AptRepository => "apt_repository",
            Self::Download => "download",
            Self::Git => "git",
            Self::File => "file",
            Self::Command => "command",
            Self::Systemd => "systemd",
            Self::Gate => "gate",
            Self::Module => "module",
        }
    }
}

impl Action {
    /// The path that it makes or exchanges.
    #[must_use]
    pub fn makes(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(&file.dest),
            Self::Git(git) => Some(&git.dest),
            Self::Download(download) => {
                let unpacked = download.unpack.as_ref().map(|unpack| unpack.to.as_path());
                download.dest.as_deref().or(unpacked)
            }
            _ => None,
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::Packages(_) => ActionKind::Packages,
            Self::AptRepository(_) => ActionKind::AptRepository,
            Self::Download(_) => ActionKind::Download,
            Self::Git(_) => ActionKind::Git,
            Self::File(_) => ActionKind::File,
            Self::Command(_) => ActionKind::Command,
            Self::Systemd(_) => ActionKind::Systemd,
            Self::Gate(_) => ActionKind::Gate,
            Self::Module(_) => ActionKind::Module,
        }
    }
}
