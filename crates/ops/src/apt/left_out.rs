//! The machine's sources without the repositories whose circuits are open, where apt-get can be told of them.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use super::command::Sources;
use super::error::AptError;
use super::release_files::SourceFile;
use super::sources::{Left, without_lines, without_stanzas};
use super::targets::Repository;
use crate::env::Env;
use crate::env::fs::{Clobber, Open};

/// The folder of generated sources, in ours.
const NAME: &str = "sources.list.d";

/// Writes the sources without those of `left`, and says where.
pub(super) fn write(
    env: &Env,
    folder: &Path,
    sources: &[SourceFile],
    left: &[&Repository],
) -> Result<Sources, AptError> {
    let parts = folder.join(NAME);
    write_into(env, &parts, sources, left)
        .map_err(|source| AptError::Files { path: parts.clone(), source })?;
    Ok(Sources { list: PathBuf::from("/dev/null"), parts })
}

fn write_into(env: &Env, parts: &Path, sources: &[SourceFile], left: &[&Repository]) -> io::Result<()> {
    let fs = env.fs();
    fs.make_folder(parts)?;
    for old in fs.list(parts)? {
        fs.remove(&parts.join(old))?;
    }
    let left: Vec<_> = left.iter().map(|repository| Left { uri: &repository.uri }).collect();
    for source in sources {
        let Some(name) = source.path.file_name() else { continue };
        let is_stanzas = source.path.extension().is_some_and(|extension| extension == "sources");
        let text = if is_stanzas {
            without_stanzas(&source.text, &left)
        } else {
            without_lines(&source.text, &left)
        };
        let temporary = parts.join(format!("new.{:016x}", env.next_u64()));
        let file = fs.open(&temporary, Open::New)?;
        file.write_all_at(&mut [IoSlice::new(text.as_bytes())], 0)?;
        // apt-get reads it as whoever it likes to be.
        file.set_mode(0o644)?;
        fs.rename(&temporary, &parts.join(name), Clobber::Replace)?;
    }
    Ok(())
}
