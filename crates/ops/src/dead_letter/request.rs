//! What it takes to do an operation again, as it is stored: no secret is in it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::LetterId;
use super::plan_step::PlanStepLetter;
use super::text::Word;
use crate::operation::OperationKind;

/// The arguments of an operation, by what it does. Paths are absolute.
///
/// More kinds may come; a letter of one that this version does not know is left as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "arguments", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LetterRequest {
    /// A download.
    Download(DownloadLetter),
    /// A clone, or its update.
    GitClone(CloneLetter),
    /// Reading all package lists.
    AptUpdate {},
    /// An install.
    AptInstall(InstallLetter),
    /// A command.
    Run(RunLetter),
    /// A step of a plan.
    PlanStep(PlanStepLetter),
}

/// A download.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct DownloadLetter {
    /// The file.
    pub url: String,
    /// Where the same file can be had.
    pub mirrors: Vec<String>,
    /// Where it goes: a file, a folder with a slash at its end, null for standard output.
    pub dest: Option<Word>,
    /// The path that it comes to lie at; null where that is not known.
    pub path: Option<Word>,
    /// `sha256:HEX`, or the URL of a list that the digest is in.
    pub expected: Option<String>,
    /// Whether it begins from zero even if a part is there.
    pub no_resume: bool,
    /// Whether a file that is there already is kept.
    pub no_clobber: bool,
    /// The file's permission bits.
    pub mode: Option<u32>,
    /// Bytes it may have.
    pub max_size: Option<u64>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// The file that headers to send are in; what is in it is stored nowhere.
    pub header_file: Option<Word>,
}

/// A clone, or its update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct CloneLetter {
    /// The repository.
    pub url: String,
    /// Where it goes.
    pub dest: Option<Word>,
    /// Commits of history; null is all of it.
    pub depth: Option<u32>,
    /// The branch or tag that is checked out.
    pub branch: Option<String>,
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// Whether its modules are cloned, too.
    pub modules: bool,
    /// Whether a clone that is there is brought up to date.
    pub update: bool,
}

/// An install.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct InstallLetter {
    /// The packages, as they were asked for.
    pub packages: Vec<String>,
    /// Whether package lists are not read.
    pub no_update: bool,
    /// Whether what is installed gets the newest version.
    pub upgrade: bool,
}

/// A command.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct RunLetter {
    /// The program and its arguments.
    pub command: Vec<Word>,
    /// The only exit codes that are worth another attempt; null: all.
    pub retry_on: Option<BTreeSet<i32>>,
    /// Whether it was given something on standard input, which is stored nowhere.
    pub reads_input: bool,
    /// Where it worked.
    pub folder: Option<Word>,
    /// The names of the variables that it found in its environment; their values are stored nowhere.
    pub variables: Vec<Word>,
}

/// Its arguments may be anybody's business, and are shown by who wants to show them.
impl fmt::Debug for RunLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLetter").field("words", &self.command.len()).finish_non_exhaustive()
    }
}

/// What a call had of its own over the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct LetterOptions {
    /// The limit of the whole, in milliseconds.
    pub total_millis: Option<u64>,
    /// The limit of connecting, in milliseconds.
    pub connect_millis: Option<u64>,
    /// The limit of silence, in milliseconds.
    pub idle_millis: Option<u64>,
    /// Bytes a second that are too few.
    pub min_speed: Option<u64>,
    /// Attempts in all.
    pub attempts: Option<u32>,
    /// Whose circuit is asked.
    pub service: Option<String>,
    /// Whether an open circuit is waited for.
    pub wait_for_circuit: bool,
    /// And at most how long in all, in milliseconds.
    pub wait_at_most_millis: Option<u64>,
}

impl LetterRequest {
    /// What it does.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Download(_) => OperationKind::Download,
            Self::GitClone(_) => OperationKind::GitClone,
            Self::AptUpdate {} => OperationKind::AptUpdate,
            Self::AptInstall(_) => OperationKind::AptInstall,
            Self::Run(_) => OperationKind::Run,
            Self::PlanStep(_) => OperationKind::PlanStep,
        }
    }

    /// Whether both are of one step of a plan, which does something else now.
    pub(super) fn is_edited(&self, earlier: &Self) -> bool {
        matches!((self, earlier), (Self::PlanStep(now), Self::PlanStep(then)) if now.hash != then.hash)
    }

    /// The name of its letter: by what is to be there afterwards, and not by how it is come by. The same download
    /// with a mirror more, or more time, is the same operation.
    pub(super) fn id(&self) -> LetterId {
        let what = match self {
            Self::Download(one) => bytes(&(&one.url, one.path.as_ref().or(one.dest.as_ref()))),
            Self::GitClone(one) => {
                bytes(&(&one.url, &one.dest, one.depth, &one.branch, &one.commit, one.modules, one.update))
            }
            Self::AptUpdate {} => Vec::new(),
            Self::AptInstall(one) => {
                let packages: BTreeSet<&String> = one.packages.iter().collect();
                bytes(&(packages, one.upgrade))
            }
            Self::Run(one) => bytes(&(&one.command, &one.folder)),
            Self::PlanStep(one) => return LetterId::of_step(&one.plan, &one.step),
        };
        // The first part leaves room for letters of something else than one command.
        LetterId::of(&[b"command", self.kind().as_str().as_bytes(), &what])
    }
}

/// A value as the bytes that its letter is called by; plain fields can always be written.
fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
