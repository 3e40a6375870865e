//! Whether somebody can be asked before something that cannot be taken back.

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
