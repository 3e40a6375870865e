//! A file that is there already, and right.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checksum::{Algorithm, Checksum};
use super::downloaded::{Downloaded, Saved};
use super::error::Fault;
use super::hash::Running;
use super::plan::{At, FileTarget, Target, followed, look};
use super::request::DownloadRequest;
use crate::env::fs::{FileKind, FsFile, Meta, Open};
use crate::env::{Env, StopOnDrop};
use crate::http::SafeUrl;

/// The result, if nothing has to be fetched: DEST is to be kept, or has the right digest.
pub(super) async fn is_done(
    env: &Env,
    request: &DownloadRequest,
    target: &FileTarget,
) -> Result<Option<Downloaded>, Fault> {
    let Some(existing) = target.existing.filter(|_| !request.anew) else { return Ok(None) };
    if request.keep_existing {
        return Ok(Some(unchanged(request, target, None)));
    }
    let Some(checksum) = request.digest() else { return Ok(None) };
    // One that cannot be read is replaced.
    let Ok(Some(file)) = open(env, target, &existing) else { return Ok(None) };
    let Ok(meta) = file.meta() else { return Ok(None) };
    if meta.kind != FileKind::File || request.size.is_some_and(|size| size != meta.len) {
        return Ok(None);
    }
    let digest = digest_of_file(env, file, checksum.algorithm()).await;
    let same = digest.is_ok_and(|digest| digest == checksum.hex());
    Ok(same.then(|| unchanged(request, target, Some(checksum.clone()))))
}

/// The file at DEST, or at the end of a link there: a link to the right file is as good as the file. `None` if
/// it is not what this process may rely on tomorrow: what others may change or exchange is not taken for done.
fn open(env: &Env, target: &FileTarget, existing: &Meta) -> io::Result<Option<Box<dyn FsFile>>> {
    let (fs, us) = (env.fs(), env.fs().us());
    let folder = target.folder.meta()?;
    if existing.kind != FileKind::Link {
        // In another user's own folder what we would put there is no safer than what is there.
        let theirs = !us.trusts(folder.uid) && existing.uid == folder.uid;
        let lasting = folder.is_ours_alone(us) || existing.is_ours_alone(us) || theirs;
        return if lasting { target.folder.open(&target.name, Open::Read).map(Some) } else { Ok(None) };
    }
    if !target.folder.may_follow(&target.name, us)? {
        return Ok(None);
    }
    // Each further link is held to the same rule, and what is at the end of them is nobody's to change.
    let At { folder, name, .. } = followed(&**fs, target.at()).map_err(io::Error::other)?;
    let file = folder.open(&name, Open::Read)?;
    let lasting = folder.meta()?.is_ours_alone(us) || file.meta()?.is_ours_alone(us);
    Ok(lasting.then_some(file))
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

/// The digest of a file, in hexadecimal digits, made off the runtime's thread: it may be as long as anybody liked.
/// Dropping the future ends it.
async fn digest_of_file(env: &Env, file: Box<dyn FsFile>, algorithm: Algorithm) -> io::Result<String> {
    let stopped = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stopped));
    let digest = env.begin("digest", move || {
        let mut running = Running::new(algorithm);
        let (mut buffer, mut at) = (vec![0; 256 << 10], 0);
        while !stopped.load(Ordering::Relaxed) {
            let read = file.read_at(&mut buffer, at)?;
            if read == 0 {
                return Ok(running.hex());
            }
            running.update(buffer.get(..read).unwrap_or_default());
            at += u64::try_from(read).unwrap_or(u64::MAX);
        }
        Err(io::ErrorKind::Interrupted.into())
    });
    digest.await.unwrap_or(Err(io::ErrorKind::Other.into()))
}

/// Whether another process made DEST between the look at it, `before`, and our lock on its part.
pub(super) async fn is_done_meanwhile(
    env: &Env,
    request: &DownloadRequest,
    before: &Target,
) -> Result<Option<Downloaded>, Fault> {
    let Target::File(file) = before else { return Ok(None) };
    if file.folder.look(&file.name).ok() == file.existing {
        return Ok(None);
    }
    match look(env.fs().as_ref(), request)? {
        Target::File(file) => is_done(env, request, &file).await,
        Target::Spool => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::download::{Dest, parse_url};

    #[tokio::test]
    async fn what_another_made_since_the_look_is_seen_where_it_is_right() {
        let (place, env) = (tempfile::tempdir().unwrap(), Env::real());
        let dest = place.path().join("f");
        let mut digest = Running::new(Algorithm::Sha256);
        digest.update(b"right");
        let request = DownloadRequest {
            expected: Some(Checksum::new(Algorithm::Sha256, &digest.hex()).unwrap().into()),
            ..DownloadRequest::new(
                parse_url("URL", "https://example.com/f").unwrap(),
                Dest::Path(dest.clone()),
            )
        };
        let before = look(&**env.fs(), &request).unwrap();
        let done = async || is_done_meanwhile(&env, &request, &before).await.unwrap();
        assert!(done().await.is_none(), "nobody did");
        fs::write(&dest, "wrong").unwrap();
        assert!(done().await.is_none());
        fs::write(&dest, "right").unwrap();
        assert!(done().await.unwrap().unchanged);
    }

    #[tokio::test]
    async fn a_link_counts_if_what_it_leads_to_is_nobodys_to_change() {
        let (place, env) = (tempfile::tempdir().unwrap(), Env::real());
        let at = |name: &str| place.path().join(name);
        for folder in ["ours", "theirs"] {
            fs::create_dir(at(folder)).unwrap();
            fs::write(at(folder).join("f"), "right").unwrap();
        }
        symlink(at("ours/f"), at("good")).unwrap();
        symlink(at("theirs/f"), at("bad")).unwrap();
        symlink(at("ours/f"), at("theirs/link")).unwrap();
        symlink(at("theirs/link"), at("long")).unwrap();
        let mut digest = Running::new(Algorithm::Sha256);
        digest.update(b"right");
        let done = async |name: &str| {
            let request = DownloadRequest {
                expected: Some(Checksum::new(Algorithm::Sha256, &digest.hex()).unwrap().into()),
                ..DownloadRequest::new(
                    parse_url("URL", "https://example.com/f").unwrap(),
                    Dest::Path(at(name)),
                )
            };
            let Target::File(target) = look(&**env.fs(), &request).unwrap() else { panic!("a spool") };
            is_done(&env, &request, &target).await.unwrap().is_some()
        };
        for link in ["good", "bad", "long"] {
            assert!(done(link).await, "{link}: all of it is ours");
        }
        if env.fs().user() != 0 {
            return;
        }
        chown(at("theirs/f"), Some(65_534), None).unwrap();
        std::os::unix::fs::lchown(at("theirs/link"), Some(65_534), None).unwrap();
        chown(at("theirs"), Some(65_534), None).unwrap();
        assert!(done("good").await);
        assert!(!done("bad").await, "he can change the file");
        assert!(!done("long").await, "he can change the link");
    }
}
