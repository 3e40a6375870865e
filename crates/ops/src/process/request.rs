//! What is to be run, and when again.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::input::Input;

/// A program, its arguments and what it finds in its environment beside ours.
///
/// Its `Debug` shows the program's name only: arguments may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) removed: Vec<&'static str>,
    pub(super) dies_with_us: bool,
    pub(super) input: Option<Input>,
    pub(super) is_cleared: bool,
    pub(super) folder: Option<PathBuf>,
    pub(super) account: Option<(u32, u32)>,
}

impl ProcessSpec {
    /// A program, looked for on the path unless its name holds a `/`.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            variables: Vec::new(),
            removed: Vec::new(),
            dies_with_us: false,
            input: None,
            is_cleared: false,
            folder: None,
            account: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; all others are ours.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Keeps environment variables of ours from it. Holds for processes that are
    /// [talked with](super::Runner::converse).
    #[must_use]
    pub fn without(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.removed.extend(names);
        self
    }

    /// Has the kernel kill it when we are killed ourselves, so that nothing works on for nobody. For
    /// what may be killed at any moment. Holds for processes that are
    /// [captured](super::Runner::capture).
    #[must_use]
    pub fn dies_with_us(mut self) -> Self {
        self.dies_with_us = true;
        self
    }

    /// Has it read this; what [`Runner::input`](super::Runner::input) says otherwise. Holds for processes that
    /// are [run](super::Runner::run).
    #[must_use]
    pub fn reading(mut self, input: Input) -> Self {
        self.input = Some(input);
        self
    }

    /// Gives it the variables that were set and none of ours. Holds for processes that
    /// [work](super::Runner::work) or are [captured](super::Runner::capture); the next two for the first alone.
    #[must_use]
    pub fn cleared(mut self) -> Self {
        self.is_cleared = true;
        self
    }

    /// Has it work in this folder; else it does where we do. Holds for processes that are [run](super::Runner::run), too.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Runs it as this user, in this group and in no other one.
    #[must_use]
    pub fn run_by(mut self, user: u32, group: u32) -> Self {
        self.account = Some((user, group));
        self
    }

    /// The folder it was told to work in.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The program as it was given, byte by byte.
    #[must_use]
    pub fn program_word(&self) -> &OsStr {
        &self.program
    }

    /// What it was told to read.
    #[must_use]
    pub fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// The program's name without its folder, for people.
    #[must_use]
    pub fn name(&self) -> String {
        Path::new(&self.program)
            .file_name()
            .unwrap_or(OsStr::new(&self.program))
            .to_string_lossy()
            .into_owned()
    }

    /// The program as it was given, for those who are told that it is not there.
    #[must_use]
    pub fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// What it finds in its environment beside ours, for those who look at a command line.
    #[must_use]
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// The arguments, for fakes that answer by them.
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }
}

impl fmt::Debug for ProcessSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessSpec").field("program", &self.name()).finish_non_exhaustive()
    }
}

/// Which exit codes are worth another attempt; whoever asked for retries means all, unless told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryOn {
    codes: Option<BTreeSet<i32>>,
}

impl RetryOn {
    /// Only these codes.
    #[must_use]
    pub fn only(codes: impl IntoIterator<Item = i32>) -> Self {
        Self { codes: Some(codes.into_iter().collect()) }
    }

    /// The codes, if only some are.
    #[must_use]
    pub fn codes(&self) -> Option<&BTreeSet<i32>> {
        self.codes.as_ref()
    }

    pub(super) fn includes(&self, code: i32) -> bool {
        self.codes.as_ref().is_none_or(|codes| codes.contains(&code))
    }
}
