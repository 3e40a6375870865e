//! What a module asks and does most often on the machine itself.

use std::path::Path;

use super::super::kinds::{Wanted, is_there, lacking, put_at};
use super::{Context, ModuleError};
use crate::apt::parse_all;

impl Context<'_> {
    /// Which of these packages are not installed, of names as `nginx` and `nginx=1.22*`. It reads what dpkg has written
    /// down, starts no program and asks nobody, so that it is for [`verify`](super::ConfigurationModule::verify).
    ///
    /// # Errors
    /// Where one is no package, or what dpkg wrote cannot be read.
    pub fn missing_packages(
        &self,
        packages: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Vec<String>, ModuleError> {
        let names: Vec<String> = packages.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let specs = parse_all(names.iter().map(String::as_str))?;
        Ok(lacking(self.step, &specs)?)
    }

    /// Whether the file of the machine at this absolute path has this content, belongs to us and is readable by all
    /// (0644).
    ///
    /// # Errors
    /// Where it cannot be looked, or something else than a file stands there.
    pub fn has_file(&self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> Result<bool, ModuleError> {
        Ok(is_there(self.step, &self.path(path), &Wanted::for_all(content.into()))?)
    }

    /// Sees to it that [`has_file`](Self::has_file) holds, and says whether that changed anything. The file is never there
    /// in part; folders above it are made.
    ///
    /// # Errors
    /// Where it cannot be written, or something else than a file stands there.
    ///
    /// # Cancel safety
    /// The file is the old or the new one.
    pub async fn put_file(
        &self,
        path: impl AsRef<Path> + Send,
        content: impl Into<Vec<u8>> + Send,
    ) -> Result<bool, ModuleError> {
        let (path, wanted) = (self.path(path), Wanted::for_all(content.into()));
        self.step_aside().await;
        if is_there(self.step, &path, &wanted)? {
            return Ok(false);
        }
        put_at(self.step, &path, wanted).await?;
        Ok(true)
    }
}
