//! The machine's sources without the repositories whose circuits are open, where apt-get can be told of them.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::command::Sources;
use crate::apt::error::AptError;
use crate::apt::facts::{Repository, SourceFile};
use crate::apt::words::{Left, without_lines, without_stanzas};
use crate::env::Env;
use crate::env::fs::{Care, FsFolder, Open};

/// How the folders of generated sources begin, in ours.
const NAME: &str = "sources.";

/// Generated sources: for one run of apt-get alone, and gone with this.
#[derive(Debug)]
pub(super) struct Generated {
    above: Arc<dyn FsFolder>,
    name: OsString,
    folder: Arc<dyn FsFolder>,
    parts: PathBuf,
    files: Vec<OsString>,
}

impl Generated {
    /// Writes the sources without those of `left`. They may hold passwords: only we can read them.
    pub(super) fn write(
        env: &Env,
        folder: &Path,
        sources: &[SourceFile],
        left: &[&Repository],
    ) -> Result<Self, AptError> {
        let name = OsString::from(format!("{NAME}{:016x}", env.next_u64()));
        let parts = folder.join(&name);
        let failed = |source| AptError::Files { path: parts.clone(), source };
        let above = env.fs().make_folder_with(folder, Care::Alone, 0o755).map_err(failed)?;
        let folder = above.make_folder(&name, 0o700).map_err(failed)?;
        let mut generated = Self { above, name, folder, parts: parts.clone(), files: Vec::new() };
        generated.fill(sources, left).map_err(failed)?;
        Ok(generated)
    }

    fn fill(&mut self, sources: &[SourceFile], left: &[&Repository]) -> io::Result<()> {
        let left: Vec<_> = left.iter().map(|repository| Left { uri: &repository.uri }).collect();
        for (number, source) in sources.iter().enumerate() {
            let Some(name) = source.path.file_name() else { continue };
            let is_stanzas = source.path.extension().is_some_and(|extension| extension == "sources");
            let text = if is_stanzas {
                without_stanzas(&source.text, &left)
            } else {
                without_lines(&source.text, &left)
            };
            // Two files may have one name: that of the machine's list, and one in the folder beside it.
            let name = OsString::from(format!("{number:03}-{}", name.to_string_lossy()));
            self.files.push(name.clone());
            let file = self.folder.open(&name, Open::New)?;
            file.write_all_at(&mut [IoSlice::new(text.as_bytes())], 0)?;
        }
        Ok(())
    }

    /// What apt-get is told.
    pub(super) fn sources(&self) -> Sources {
        Sources { list: PathBuf::from("/dev/null"), parts: self.parts.clone() }
    }
}

impl Drop for Generated {
    fn drop(&mut self) {
        // What cannot be removed is ours to read alone.
        for file in &self.files {
            let _ = self.folder.remove(file);
        }
        let _ = self.above.remove_folder(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_we_can_read_them_and_they_go_with_their_run() {
        let folder = tempfile::tempdir().unwrap();
        let source = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
        let sources = [
            source("/etc/apt/sources.list", "deb http://a.example.com/debian stable main\n"),
            source("/etc/apt/sources.list.d/sources.list", "deb http://me:pw@b.example.com/x stable main\n"),
        ];
        let gone = Repository::parse("Repo-URI: http://me:pw@b.example.com/x/\nRelease: stable\n");
        let left: Vec<_> = gone.iter().collect();
        let generated = Generated::write(&Env::real(), folder.path(), &sources, &left).unwrap();
        let parts = generated.sources().parts;
        let mut texts = Vec::new();
        for entry in std::fs::read_dir(&parts).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            texts.push(std::fs::read_to_string(entry.path()).unwrap());
        }
        texts.sort();
        assert_eq!(texts, ["", "deb http://a.example.com/debian stable main\n"]);
        drop(generated);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
