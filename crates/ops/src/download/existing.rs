//! A file that is there already, and right.

use std::path::Path;

use super::checksum::{Algorithm, Checksum};
use super::downloaded::{Downloaded, Saved};
use super::error::Fault;
use super::hash::Running;
use super::plan::FileTarget;
use super::request::DownloadRequest;
use crate::env::Env;
use crate::env::fs::{FileKind, Open};
use crate::http::SafeUrl;

/// The result, if nothing has to be fetched: DEST is to be kept, or has the right digest.
pub(super) async fn is_done(
    env: &Env,
    request: &DownloadRequest,
    target: &FileTarget,
) -> Result<Option<Downloaded>, Fault> {
    let Some(existing) = target.existing else { return Ok(None) };
    if request.keep_existing {
        return Ok(Some(unchanged(request, target, None)));
    }
    let Some(checksum) = request.digest() else { return Ok(None) };
    let fs = env.fs();
    // A link to the right file is as good as the file.
    let (path, meta) = match existing.kind {
        FileKind::Link => match (fs.resolve(&target.path), fs.look_through(&target.path)) {
            (Ok(path), Ok(meta)) => (path, meta),
            _ => return Ok(None),
        },
        _ => (target.path.clone(), existing),
    };
    if meta.kind != FileKind::File || request.size.is_some_and(|size| size != meta.len) {
        return Ok(None);
    }
    // One that cannot be read is replaced.
    let digest = digest_of(env, &path, checksum.algorithm()).await;
    let same = digest.is_ok_and(|digest| digest == checksum.hex());
    Ok(same.then(|| unchanged(request, target, Some(checksum.clone()))))
}

/// The result of a download that left DEST as it was.
pub(super) fn unchanged(
    request: &DownloadRequest,
    target: &FileTarget,
    digest: Option<Checksum>,
) -> Downloaded {
    Downloaded {
        saved: Saved::File(target.path.clone()),
        bytes: target.existing.map_or(0, |existing| existing.len),
        fetched: 0,
        resumed_from: 0,
        verified: digest.is_some(),
        digest,
        url: SafeUrl::new(request.url.as_url()),
        unchanged: true,
        warnings: Vec::new(),
    }
}

/// The digest of a file, in hexadecimal digits. A link is an error.
pub(crate) async fn digest_of(env: &Env, path: &Path, algorithm: Algorithm) -> std::io::Result<String> {
    let file = env.fs().open(path, Open::Read)?;
    let mut running = Running::new(algorithm);
    let mut buffer = vec![0; 256 << 10];
    let mut at = 0;
    loop {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            return Ok(running.hex());
        }
        running.update(buffer.get(..read).unwrap_or_default());
        at += u64::try_from(read).unwrap_or(u64::MAX);
        // A large file must not keep a Ctrl-C waiting.
        tokio::task::yield_now().await;
    }
}
