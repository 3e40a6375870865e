//! A question before something that cannot be taken back.

use std::io::Write as _;

use crate::app::App;
use crate::report::Failure;

/// Refuses what cannot be taken back where it was not said that it may be done, and nobody can be asked. Said first,
/// whatever else may be wrong.
pub(super) fn can_ask(app: &App, is_said: bool, what: &str) -> Result<(), Failure> {
    if is_said || app.term.stdin_is_terminal {
        return Ok(());
    }
    Err(Failure::usage(format!("{what}; add --yes where nobody can be asked")))
}

/// Asks at the terminal; anything but a yes is a no.
pub(super) fn confirmed(question: &str) -> bool {
    let mut stderr = std::io::stderr().lock();
    drop(write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
