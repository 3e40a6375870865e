//! One more look at an archive before dpkg gets it: apt itself hands on a file of the right length,
//! whatever is in it. By its open descriptor, and never more of it than the index promises.

use std::io::{self, IoSlice};

use crate::apt::facts::Archive;
use crate::download::{Checksum, Running};
use crate::env::fs::{FileKind, FsFile};

/// Read at once; in between a Ctrl-C is heard.
const CHUNK: usize = 256 << 10;

/// Whether an open file is the one that the index promises.
pub(super) async fn is_right(file: &dyn FsFile, archive: &Archive) -> io::Result<bool> {
    let found = file.meta()?;
    if found.kind != FileKind::File || found.len != archive.size {
        return Ok(false);
    }
    // Without a digest there is nothing to hold it against but what apt-get itself made of it.
    if archive.hash.is_none() {
        return Ok(true);
    }
    pass(file, archive, |_, _| Ok(())).await
}

/// Copies an open file, and says whether the bytes that were copied are those that the index promises.
pub(super) async fn copy(from: &dyn FsFile, to: &dyn FsFile, archive: &Archive) -> io::Result<bool> {
    if from.meta()?.kind != FileKind::File {
        return Ok(false);
    }
    pass(from, archive, |bytes, at| to.write_all_at(&mut [IoSlice::new(bytes)], at)).await
}

/// Reads a file once, handing on each piece; whether it has the promised length and digest.
async fn pass(
    file: &dyn FsFile,
    archive: &Archive,
    mut hand_on: impl FnMut(&[u8], u64) -> io::Result<()>,
) -> io::Result<bool> {
    let mut running = archive.hash.as_ref().map(|hash| Running::new(hash.algorithm()));
    let (mut buffer, mut at) = (vec![0; CHUNK], 0);
    loop {
        let read = file.read_at(&mut buffer, at)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hand_on(bytes, at)?;
        if let Some(running) = &mut running {
            running.update(bytes);
        }
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if at > archive.size {
            return Ok(false);
        }
        tokio::task::yield_now().await;
    }
    let digest = running.map(|running| running.hex());
    Ok(at == archive.size && digest.as_deref() == archive.hash.as_ref().map(Checksum::hex))
}

/// The archive with this content.
#[cfg(test)]
pub(super) fn archive(filename: &str, content: &str) -> Archive {
    let algorithm = crate::download::Algorithm::Sha256;
    let mut running = Running::new(algorithm);
    running.update(content.as_bytes());
    let hash = Checksum::new(algorithm, &running.hex()).unwrap();
    let url = format!("http://example.com/{filename}");
    Archive { url, filename: filename.to_owned(), size: content.len() as u64, hash: Some(hash) }
}
