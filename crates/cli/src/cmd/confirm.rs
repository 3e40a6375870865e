//! A question before something that cannot be taken back.

use std::io::Write as _;

/// Asks at the terminal; anything but a yes is a no.
pub(super) fn confirmed(question: &str) -> bool {
    let mut stderr = std::io::stderr().lock();
    drop(write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
