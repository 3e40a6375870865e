//! One more look at an archive before dpkg gets it: apt itself hands on a file of the right length,
//! whatever is in it.

use std::io;
use std::path::Path;

use crate::apt::error::AptError;
use crate::apt::facts::Archive;
use crate::download::digest_of;
use crate::env::Env;

/// Whether the file at `path` is the one that the index promises. One that is not is removed.
pub(super) async fn archive(env: &Env, path: &Path, archive: &Archive) -> Result<(), AptError> {
    let failed = |source| AptError::Files { path: path.to_owned(), source };
    let found = match env.fs().look(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(AptError::Changed { file: archive.filename.clone().into(), gone: true });
        }
        Err(error) => return Err(failed(error)),
    };
    let is_right = found.len == archive.size
        && match &archive.hash {
            Some(promised) => {
                digest_of(env, path, promised.algorithm()).await.map_err(failed)? == promised.hex()
            }
            // Nothing to hold it against but what apt-get itself made of it.
            None => true,
        };
    if is_right {
        return Ok(());
    }
    // What matters is that dpkg does not get it.
    let _ = env.fs().remove(path);
    Err(AptError::Changed { file: archive.filename.clone().into(), gone: false })
}
