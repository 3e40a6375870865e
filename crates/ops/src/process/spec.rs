//! What to run.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

/// A program and its arguments, with our standard streams.
///
/// Its `Debug` shows the program's name only: arguments may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
}

impl ProcessSpec {
    /// A program, looked for on the path unless its name holds a `/`.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new() }
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

    /// The program's name without its folder, for people.
    #[must_use]
    pub fn name(&self) -> String {
        Path::new(&self.program)
            .file_name()
            .unwrap_or(OsStr::new(&self.program))
            .to_string_lossy()
            .into_owned()
    }
}

impl fmt::Debug for ProcessSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessSpec").field("program", &self.name()).finish_non_exhaustive()
    }
}
