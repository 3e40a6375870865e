//! What a finished download says.

use std::io::{self, Write};

use bytesize::ByteSize;
use rustix::process::Signal;
use vps_ops::download::{Downloaded, Spool};

use crate::app::App;
use crate::exit::Exit;
use crate::report::{Failure, document, print, print_json};

pub(super) fn report(app: &App, done: &Downloaded) -> Result<Exit, Failure> {
    let path = done.path().map(|path| path.strip_prefix("./").unwrap_or(path).display().to_string());
    let path = path.unwrap_or_default();
    if app.global.json {
        return print_json(&document::Download {
            path,
            url: done.url.to_string(),
            bytes: done.bytes,
            fetched_bytes: done.fetched,
            resumed_from_bytes: done.resumed_from,
            digest: done.digest.as_ref().map(ToString::to_string),
            verified: done.verified,
            unchanged: done.unchanged,
            warnings: done.warnings.iter().map(ToString::to_string).collect(),
        });
    }
    if app.global.quiet > 0 {
        return Ok(Exit::Done);
    }
    let size = ByteSize::b(done.bytes).display().iec().to_string();
    let how = match (done.unchanged, done.verified) {
        (true, true) => " (already there and right)",
        (true, false) => " (kept as it was)",
        (false, true) => " (verified)",
        (false, false) => "",
    };
    let resumed = if done.resumed_from > 0 && !done.unchanged {
        format!(", resumed from {}", ByteSize::b(done.resumed_from).display().iec())
    } else {
        String::new()
    };
    print(&format!("{path}  {size}{how}{resumed}\n"))
}

/// The whole file, now that it is complete and right.
pub(super) fn to_stdout(spool: &Spool) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    let mut buffer = vec![0; 128 * 1024];
    let mut offset = 0;
    loop {
        let read = spool
            .read_at(&mut buffer, offset)
            .map_err(|error| Failure::local(format!("the spooled file cannot be read: {error}")))?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { break };
        match stdout.write_all(chunk).and_then(|()| stdout.flush()) {
            Ok(()) => offset += read as u64,
            // The reader is gone: end as it would have ended us.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Signal(Signal::PIPE)),
            Err(error) => return Err(Failure::local(format!("standard output cannot be written: {error}"))),
        }
    }
    Ok(Exit::Done)
}
