//! What a finished clone says.

use bytesize::ByteSize;
use vps_ops::foreign::shown;
use vps_ops::git::Cloned;

use crate::app::App;
use crate::exit::Exit;
use crate::observe::words;
use crate::report::{Failure, document, print, print_json};

/// Digits of a commit's id that are enough for a person.
const SHORT: usize = 12;

pub(super) fn cloned(app: &App, done: &Cloned) -> Result<Exit, Failure> {
    if app.global.json {
        let modules = done.submodules.iter().map(|module| document::Submodule {
            path: module.path.clone(),
            url: module.url.clone(),
            commit: module.commit.to_string(),
            attempts: module.attempts,
        });
        return print_json(&document::GitClone {
            dest: done.dest.display().to_string(),
            url: done.url.clone(),
            commit: done.commit.map(|commit| commit.to_string()),
            reference: done.reference.clone(),
            bytes: done.bytes,
            attempts: done.attempts,
            unchanged: done.unchanged,
            submodules: modules.collect(),
            warnings: done.warnings.iter().map(words::of_clone).collect(),
            took_seconds: done.took.as_secs_f64(),
        });
    }
    if app.global.quiet > 0 {
        return Ok(Exit::Done);
    }
    let commit = done.commit.map_or_else(|| "empty".to_owned(), |commit| format!("{commit:.SHORT$}"));
    let reference = done.reference.as_deref().unwrap_or_default();
    let name = reference.strip_prefix("refs/heads/").or(reference.strip_prefix("refs/tags/"));
    let at = name.map(|name| format!("{name} ")).unwrap_or_default();
    let how = if done.unchanged {
        " (already there)".to_owned()
    } else {
        format!(", {} fetched", ByteSize::b(done.bytes).display().iec())
    };
    let modules = match done.submodules.len() {
        0 => String::new(),
        1 => ", 1 module".to_owned(),
        count => format!(", {count} modules"),
    };
    print(&format!("{}  {at}{commit}{how}{modules}\n", shown(&done.dest)))
}
