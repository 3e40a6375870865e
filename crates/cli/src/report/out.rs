//! Standard output. A reader that is gone ends us quietly; a full disk does not.

use std::io::{self, Write};

use rustix::fs::OFlags;
use serde::Serialize;
use serde_json::Value;

use super::{Failure, fit};
use crate::exit::Exit;

/// Refuses a standard output that was closed (`>&-`), where a file is to be delivered there (`download URL -`).
///
/// It does not look closed: before `main`, Rust opens `/dev/null` in its place, to read and to write. A shell's
/// `>/dev/null` is to write only, so that the two can be told apart. What cannot is a `/dev/null` that somebody else
/// opened to read and to write, as some supervisors and Python's `DEVNULL` do: it, too, is taken for closed.
///
/// That is why commands that only print words do not ask: supervisors start them so, and mind their exit codes.
pub(crate) fn check_stdout() -> Result<(), Failure> {
    let stdout = rustix::stdio::stdout();
    let is_null = || {
        let (out, null) = (rustix::fs::fstat(stdout).ok()?, rustix::fs::stat("/dev/null").ok()?);
        Some(out.st_rdev == null.st_rdev && out.st_ino == null.st_ino && out.st_dev == null.st_dev)
    };
    let closed = match rustix::fs::fcntl_getfl(stdout) {
        Ok(flags) => flags & OFlags::RWMODE == OFlags::RDWR && is_null().unwrap_or(false),
        Err(_) => true,
    };
    if closed {
        return Err(Failure::local("standard output is closed: nothing could be delivered there"));
    }
    Ok(())
}

/// Prints lines of ours.
pub(crate) fn print(text: &str) -> Result<Exit, Failure> {
    print_bytes(fit::lines(text).as_bytes())
}

/// Prints one JSON object.
pub(crate) fn print_json(document: &impl Serialize) -> Result<Exit, Failure> {
    print_bytes(pretty(document).as_bytes())
}

/// Prints for who goes on reading; `false` once that reader is gone, so that there is nobody to go on for.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_while_read(text: &str) -> Result<bool, Failure> {
    match write(fit::lines(text).as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).or_else(|error| not_printed(&error).map(|_| false)),
    }
}

/// One JSON object in a line of its own.
pub(crate) fn line_of(document: &impl Serialize) -> String {
    format!("{}\n", one_line(document))
}

/// A JSON object for people too: several lines, keys in order; as it is printed, or written to a report.
pub(crate) fn pretty(document: &impl Serialize) -> String {
    format!("{:#}\n", value(document))
}

/// A JSON object in one line, keys in order.
pub(crate) fn one_line(document: &impl Serialize) -> String {
    value(document).to_string()
}

/// Only a map whose keys are no text cannot be written as JSON, and no document has one.
fn value(document: &impl Serialize) -> Value {
    fit::json(serde_json::to_value(document).unwrap_or_default())
}

/// Prints what is a file's content, or a document of ours, as it is.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<Exit, Failure> {
    write(bytes).map_or_else(|error| not_printed(&error), |()| Ok(Exit::Done))
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// What becomes of a command whose output went nowhere.
pub(crate) fn not_printed(error: &io::Error) -> Result<Exit, Failure> {
    match error.kind() {
        // `vps-configurator ... | head -1` is no error of ours.
        io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        _ => Err(Failure::local(format!("standard output cannot be written: {error}"))),
    }
}
