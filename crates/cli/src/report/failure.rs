//! An error, its causes, and what to do about it.

use std::error::Error;
use std::io::Write;

use rustix::process::Signal;
use serde_json::{Value, json};
use vps_ops::{Advise, Kind, OperationError};

use super::fit;
use crate::exit::Exit;
use crate::observe::{Screen, words};
use crate::report::document;

/// What sort of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// One that the library knows too.
    Of(Kind),
    /// The configuration is wrong or cannot be read.
    Config,
    /// A plan is wrong or cannot be read.
    Plan,
}

impl FailureKind {
    /// Its name in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Of(kind) => kind.as_str(),
            Self::Config => "config",
            Self::Plan => "plan",
        }
    }
}

impl From<Kind> for FailureKind {
    fn from(kind: Kind) -> Self {
        Self::Of(kind)
    }
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, kind: impl Into<FailureKind>, message: impl Into<String>) -> Self {
        let (kind, message) = (kind.into(), message.into());
        Self { exit, kind, message, causes: Vec::new(), hints: Vec::new() }
    }

    /// A wrong command line that clap could not see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Kind::Invalid, message)
    }

    /// A problem of this machine.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::new(Exit::Local, Kind::Local, message)
    }

    pub(crate) fn of_error(exit: Exit, kind: impl Into<FailureKind>, error: &(dyn Error + 'static)) -> Self {
        Self { causes: causes(error), ..Self::new(exit, kind, error.to_string()) }
    }

    pub(crate) fn of_operation<E: vps_ops::Failure + Advise>(error: &OperationError<E>) -> Self {
        let kind = error.kind();
        let message = words::could_not(&error.operation, &error.end, error.attempts(), error.allowed);
        let mut hints: Vec<String> = error.hints().iter().map(words::hint).collect();
        hints.extend(is_beyond_file_size(error).then(|| words::FILE_SIZE.to_owned()));
        Self { causes: causes(error), hints, ..Self::new(Exit::of(kind), kind, message) }
    }

    /// The same in other words.
    pub(crate) fn mapped(&self, words: impl Fn(&str) -> String) -> Self {
        let all = |texts: &[String]| texts.iter().map(|text| words(text)).collect();
        Self {
            message: words(&self.message),
            causes: all(&self.causes),
            hints: all(&self.hints),
            ..Self::new(self.exit, self.kind, "")
        }
    }

    /// One that is known before anything was tried, as the run itself would tell it: a clone's.
    #[cfg(feature = "git")]
    pub(crate) fn before<E: vps_ops::Failure + Advise>(
        operation: &vps_ops::operation::Operation,
        error: &E,
    ) -> Self {
        let kind = error.kind();
        let said = std::iter::once(error.to_string());
        Self {
            causes: said.chain(causes(error)).collect(),
            hints: error.hints().iter().map(words::hint).collect(),
            ..Self::new(Exit::of(kind), kind, format!("could not {}", words::to_do(operation)))
        }
    }

    /// The same of what a signal stopped: the program ends by it.
    pub(crate) fn ended_by(self, signal: Option<Signal>) -> Self {
        match (self.exit, signal) {
            (Exit::Signal(_), Some(signal)) => Self { exit: Exit::Signal(signal), ..self },
            _ => self,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints it as one JSON object, before there is anything else to print with.
    pub(crate) fn print_json_to_stderr(&self) {
        // A reader that is gone is nobody's concern.
        drop(writeln!(std::io::stderr(), "{}", self.to_json()));
    }

    /// Prints it.
    pub(crate) fn print(&self, json: bool, screen: &Screen) {
        if json {
            screen.line(&self.to_json().to_string());
            return;
        }
        // What is wrong with a configuration or a plan is said line by line.
        let message = match self.kind {
            FailureKind::Config | FailureKind::Plan => fit::lines(&self.message),
            FailureKind::Of(_) => fit::line(&self.message).into_owned(),
        };
        let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let bold = anstyle::Style::new().bold();
        screen.labelled(red, "error", &message);
        for cause in &self.causes {
            screen.line(&format!("  caused by: {cause}"));
        }
        for hint in &self.hints {
            screen.labelled(bold, "hint", &fit::line(hint));
        }
    }

    /// As one JSON object, fit to be printed.
    pub(crate) fn to_json(&self) -> Value {
        // Where it has several lines they are no text of others.
        let message = match self.kind {
            FailureKind::Config | FailureKind::Plan => fit::lines(&self.message),
            FailureKind::Of(_) => fit::line(&self.message).into_owned(),
        };
        let all =
            |texts: &[String]| -> Vec<_> { texts.iter().map(|text| fit::line(text).into_owned()).collect() };
        let document = document::Error {
            code: self.exit.code(),
            kind: self.kind,
            message: &message,
            causes: &all(&self.causes),
            hints: &all(&self.hints),
        };
        json!(document)
    }
}

/// The chain below an error.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut next = error.source();
    without_repeats(std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause.to_string())
    }))
}

/// Whether the system let a file not grow any further: neither its disk nor its folder is at fault.
fn is_beyond_file_size(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let code = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        if code == Some(rustix::io::Errno::FBIG.raw_os_error()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Causes without what was said already: the system's words often say ours again.
pub(crate) fn without_repeats(causes: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in causes {
        let new = without_number(&text).to_lowercase();
        if !found.last().is_some_and(|before| before.to_lowercase().contains(&new)) {
            found.push(text);
        }
    }
    found
}

/// `Connection refused (os error 111)` without the number: so does the standard library write what the system
/// says.
fn without_number(text: &str) -> &str {
    text.split_once(" (os error ").map_or(text, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Link {
        words: &'static str,
        #[source]
        source: Option<Box<dyn Error + 'static>>,
    }

    fn chain(words: &'static str, source: impl Error + 'static) -> Link {
        Link { words, source: Some(Box::new(source)) }
    }

    #[test]
    fn nothing_is_said_twice() {
        let refused = || io::Error::from_raw_os_error(111);
        let error = chain("could not do it", chain("connection refused (127.0.0.1:1)", refused()));
        assert_eq!(causes(&error), ["connection refused (127.0.0.1:1)"]);
        let error =
            chain("could not do it", chain("`a` cannot be executed", io::Error::from_raw_os_error(13)));
        assert_eq!(causes(&error), ["`a` cannot be executed", "Permission denied (os error 13)"]);
    }
}
