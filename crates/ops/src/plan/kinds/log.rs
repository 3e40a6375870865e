//! What a command said is kept for whoever wants to know why it failed.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::super::run::StepContext;
use super::super::secrets;
use super::scrub::{scrubbed, without_secrets};
use crate::env::Env;
use crate::env::fs::{Care, FsFolder, Meta, Open};
use crate::foreign::Foreign;
use crate::process::Transcript;

/// Lines that a report shows.
const LAST_LINES: usize = 20;

/// How long the log of a step is kept after it was last written.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Where all is that was said, and the last of it.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) log: Option<PathBuf>,
    pub(super) tail: Vec<Foreign>,
}

/// Keeps what was said, without these secrets and all others of the plan, in the one file that the step has for it. A log that cannot be written is
/// none: the step is what matters.
pub(super) fn keep(cx: &StepContext, said: &Transcript, of_step: &[SecretString]) -> Said {
    let Ok(kept) = said.kept() else { return Said::default() };
    let mut all = secrets::known(cx.env(), cx.plan(), &cx.ground.variables);
    all.extend_from_slice(of_step);
    let text = scrubbed(&kept, &all);
    let log = cx.ground.logs.as_ref().zip(name(cx)).and_then(|(folder, name)| {
        let written = write(cx, folder, &name, &text);
        written.is_ok().then(|| folder.join(name))
    });
    Said { log, tail: last_lines(&text) }
}

/// The last lines of what a program said of others, without the secrets of the plan.
pub(super) fn last_said(cx: &StepContext, text: &str) -> Vec<Foreign> {
    let known = secrets::known(cx.env(), cx.plan(), &cx.ground.variables);
    last_lines(&without_secrets(text.as_bytes(), &known))
}

/// The last lines of a text that are not empty.
pub(in crate::plan) fn last_lines(text: &[u8]) -> Vec<Foreign> {
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut last: Vec<_> = lines
        .rev()
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty())
        .take(LAST_LINES)
        .map(Foreign::of_bytes)
        .collect();
    last.reverse();
    last
}

/// The step's name for people, and what tells it from the steps of other plans.
fn name(cx: &StepContext) -> Option<String> {
    let id = cx.step()?.id.as_str();
    let hash = blake3::hash(format!("{}\u{1f}{id}", cx.plan().name).as_bytes()).to_hex();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let shown: String = id.chars().take(64).map(|letter| if plain(letter) { letter } else { '_' }).collect();
    Some(format!("{shown}-{}.log", hash.get(..8)?))
}

fn write(cx: &StepContext, folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let fs = cx.env().fs();
    let folder = fs.make_folder_with(folder, Care::Alone, 0o700)?;
    let file = match folder.open(name.as_ref(), Open::New) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            folder.open(name.as_ref(), Open::Update)?
        }
        new => {
            sweep(cx.env(), &*folder);
            new?
        }
    };
    if !file.meta()?.is_own_file(fs.us()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    file.set_mode(0o600)?;
    file.truncate(0)?;
    file.write_all_at(&mut [IoSlice::new(text)], 0)
}

/// Removes the logs that nobody wrote to for long, those of steps that are in no plan any more among them.
fn sweep(env: &Env, folder: &dyn FsFolder) {
    for name in folder.list().unwrap_or_default() {
        let is_log = Path::new(&name).extension().is_some_and(|ending| ending == "log");
        let is_old = |meta: Meta| {
            let age = env.wall().saturating_sub(meta.modified);
            meta.is_own_file(env.fs().us()) && age > KEPT
        };
        if is_log && folder.look(&name).is_ok_and(is_old) {
            let _ = folder.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_that_say_something() {
        let text: String = (0..50).map(|line| format!("line {line}\n\n")).collect();
        let last = last_lines(text.as_bytes());
        assert_eq!((last.len(), &*last[0], &*last[19]), (20, "line 30", "line 49"));
        assert_eq!(last_lines(b"10%\r20%\r\x1b[1mdone\xff\n"), ["10%", "20%", "\\u{1b}[1mdone\\xff"]);
        assert!(last_lines(b"\n \n").is_empty());
    }
}
