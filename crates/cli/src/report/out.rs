//! Standard output. A reader that is gone ends us quietly; a full disk does not.

use std::io::{self, Write};

use serde_json::Value;

use super::{Failure, fit};
use crate::exit::Exit;

/// Prints lines of ours.
pub(crate) fn print(text: &str) -> Result<Exit, Failure> {
    print_bytes(fit::lines(text).as_bytes())
}

/// Prints one JSON object.
pub(crate) fn print_json(value: &Value) -> Result<Exit, Failure> {
    print_bytes(json_text(value).as_bytes())
}

/// One JSON object as it is printed, or written to a report.
pub(crate) fn json_text(value: &Value) -> String {
    format!("{:#}\n", fit::json(value.clone()))
}

/// Prints what is a file's content, or a document of ours, as it is.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Exit::Done),
        // `vps-configurator ... | head -1` is no error of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(Failure::local(format!("standard output cannot be written: {error}"))),
    }
}
