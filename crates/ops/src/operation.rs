//! What an operation is, as values: kinds for programs, metrics and those who find the words; a target that
//! is safe to show; how to do it again.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::foreign::Foreign;
use crate::settings::Options;

/// One operation.
///
/// ```
/// use vps_ops::operation::{Operation, OperationKind, Role};
///
/// let operation = Operation::new(OperationKind::Download, "https://example.com/x");
/// assert_eq!(operation.role, Role::Root);
/// assert_eq!(operation.to_string(), "download of https://example.com/x");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// What it is to whoever asked for something.
    pub role: Role,
    /// What it works on.
    pub target: Target,
    /// How to do it again, if it can be.
    pub replay: Option<Replay>,
}

impl Operation {
    /// A root that cannot be done again from its values alone.
    #[must_use]
    pub fn new(kind: OperationKind, target: impl Into<Target>) -> Self {
        Self { kind, role: Role::Root, target: target.into(), replay: None }
    }

    /// The same in another role.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The same, that `request` does again under `options`.
    #[must_use]
    pub fn with_replay(mut self, request: impl Any + Send + Sync, options: &Options) -> Self {
        self.replay = Some(Replay { request: Arc::new(request), options: Arc::new(options.clone()) });
        self
    }
}

/// Its kind and what it works on: a label, not a sentence.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target.as_str() {
            "" => self.kind.fmt(f),
            target => write!(f, "{} of {target}", self.kind),
        }
    }
}

/// What an operation is to whoever asked for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// What was asked for.
    Root,
    /// A part of it that changes something.
    Step,
    /// A look that changes nothing, and is seldom worth a line.
    Look,
}

/// Names the kinds once: the value, its name for programs.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What an operation does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(into = "&'static str")]
        #[non_exhaustive]
        pub enum OperationKind {
            $($(#[$doc])* $kind,)+
        }

        impl OperationKind {
            /// Every kind there is, in order.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// Whether a service is to answer it. A command of one's own only runs.
            #[must_use]
            pub const fn asks(self) -> bool {
                !matches!(self, Self::Run)
            }

            /// Its name in logs, traces, metrics and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A file is downloaded.
    Download = "download",
    /// Every repository's index is read.
    AptUpdate = "apt_update",
    /// Packages are installed.
    AptInstall = "apt_install",
    /// apt is asked how it is set up.
    AptSetup = "apt_setup",
    /// dpkg is asked what is installed.
    AptLook = "apt_look",
    /// apt-get is asked what an install takes.
    AptPlan = "apt_plan",
    /// Room is made for archives.
    AptRoom = "apt_room",
    /// An archive is copied from a local repository.
    AptCopy = "apt_copy",
    /// Archives are fetched for an install that comes later.
    AptPrefetch = "apt_prefetch",
    /// apt-get fetches archives that we cannot.
    AptFetch = "apt_fetch",
    /// dpkg configures what an earlier run left unconfigured.
    AptRepair = "apt_repair",
    /// dpkg unpacks and configures packages.
    AptUnpack = "apt_unpack",
    /// A repository is cloned.
    GitClone = "git_clone",
    /// A repository is cloned for a step that comes later, and not yet put in place.
    GitPrefetch = "git_prefetch",
    /// A clone is brought up to date.
    GitUpdate = "git_update",
    /// It is looked what stands at DEST.
    GitLook = "git_look",
    /// One repository is fetched.
    GitFetch = "git_fetch",
    /// A clone is written to the disk and becomes DEST.
    GitCommit = "git_commit",
    /// What runs that were killed left, beside DEST or in a clone's git folder, is removed.
    GitSweep = "git_sweep",
    /// A clone is taken for an update: nobody else may be at it.
    GitBegin = "git_begin",
    /// An update that was killed half-way is finished.
    GitFinish = "git_finish",
    /// What an update fetched is written to the disk.
    GitSync = "git_sync",
    /// An update is put in place.
    GitPlace = "git_place",
    /// A command is run.
    Run = "run",
    /// A step of a plan is done.
    PlanStep = "plan_step",
    /// Whatever a library's user does.
    Execute = "execute",
}

impl From<OperationKind> for &'static str {
    fn from(kind: OperationKind) -> Self {
        kind.as_str()
    }
}

/// Its name with blanks: a label for people who read logs.
impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.as_str().split('_').enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// What an operation works on, safe to show: escaped and bounded as words of others are, and by contract without a
/// secret.
/// Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(Arc<str>);

impl Target {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        Self(Foreign::from(text).as_str().into())
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// The request that does an operation again: whoever keeps letters asks for those it can do.
///
/// It may hold secrets in types that do not show them, and shows nothing itself.
#[derive(Clone)]
pub struct Replay {
    request: Arc<dyn Any + Send + Sync>,
    options: Arc<Options>,
}

impl Replay {
    /// The request, if it is one of `R`.
    #[must_use]
    pub fn request<R: Any>(&self) -> Option<&R> {
        self.request.downcast_ref()
    }

    /// What the call had of its own over the configuration.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = OperationKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), OperationKind::ALL.len());
        assert_eq!(serde_json::to_value(OperationKind::AptUpdate).unwrap(), "apt_update");
        assert_eq!(Operation::new(OperationKind::AptUpdate, "").to_string(), "apt update");
    }

    #[test]
    fn what_is_shown_holds_no_control_characters() {
        assert_eq!(Target::from("a\u{1b}[2Jb\r\nc").as_str(), r"a\u{1b}[2Jb\r\nc");
    }

    #[test]
    fn a_request_comes_back_whole_and_is_not_shown() {
        let operation =
            Operation::new(OperationKind::Run, "x").with_replay(String::from("canary"), &Options::new());
        assert_eq!(operation.replay.as_ref().unwrap().request::<String>().unwrap(), "canary");
        assert!(operation.replay.as_ref().unwrap().request::<u8>().is_none());
        assert!(!format!("{operation:?}").contains("canary"));
    }
}
