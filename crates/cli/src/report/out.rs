//! Standard output. A reader that is gone ends us quietly.

use std::io::{self, Write};

use serde_json::Value;

/// Prints text as it is.
pub(crate) fn print(text: &str) {
    print_bytes(text.as_bytes());
}

/// Prints one JSON object on a line of its own.
pub(crate) fn print_json(value: &Value) {
    print(&format!("{value:#}\n"));
}

pub(crate) fn print_bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    // `vps-configurator ... | head -1` is no error of ours.
    drop(stdout.write_all(bytes).and_then(|()| stdout.flush()));
}
