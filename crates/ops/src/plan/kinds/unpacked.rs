//! What was downloaded is an archive, and becomes a folder.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;
use vps_retry::Classify as _;

use super::super::action::{DownloadAction, Unpack};
use super::super::run::{StepContext, StepError};
use crate::deadline::Deadline;
use crate::download::{Algorithm, Checksum, Running, file_name, parse_url};
use crate::env::fs::{FsFile, Open};
use crate::env::hidden_name;
use crate::foreign::{Foreign, shown};
use crate::unpack::{
    ArchiveDigest, UnpackError, UnpackLimits, UnpackOptions, UnpackProgress, UnpackRequest,
    check_place as check, is_unpacked, sweep_beside, unpack,
};

/// What an archive is called that is there only until it is unpacked: `.NAME.archive`.
const ARCHIVE: &[u8] = b".archive";
/// Bytes that are hashed at once.
const BLOCK: usize = 1 << 20;

/// An archive that cannot be unpacked, though it was downloaded.
#[derive(Debug, Error)]
enum UnpackStepError {
    #[error("the archive {path} cannot be read")]
    Unreadable {
        path: Foreign,
        #[source]
        source: std::io::Error,
    },
    #[error("the archive {path} is not what was downloaded any more")]
    Exchanged { path: Foreign },
}

/// Where the archive is: at DEST, else beside the folder that it becomes, until it is that folder.
pub(super) fn archive(cx: &StepContext, action: &DownloadAction) -> Option<PathBuf> {
    if let Some(dest) = &action.dest {
        return Some(cx.path(dest));
    }
    let to = cx.path(&action.unpack.as_ref()?.to);
    let name = [&*hidden_name(to.file_name()?, ARCHIVE.len()), ARCHIVE].concat();
    Some(to.with_file_name(OsString::from_vec(name)))
}

/// Whether the folder is what comes of the archive. Of one whose digest the plan does not know the last run does.
/// What was changed in the folder since nothing tells: it is no proof where it is asked for again, or looked at anew.
pub(super) fn is_there(cx: &StepContext, action: &DownloadAction, unpack: &Unpack) -> bool {
    if cx.is_asked || cx.ground.recheck {
        return false;
    }
    let known = || {
        let stamp = cx.stamp().filter(|stamp| stamp.get("url").and_then(Value::as_str) == Some(&*action.url));
        ArchiveDigest::from_hex(stamp?.get("sha256")?.as_str()?)
    };
    let digest = digest_of_plan(action).or_else(known);
    let options = UnpackOptions { strip: unpack.strip };
    digest.is_some_and(|digest| is_unpacked(cx.env(), &cx.path(&unpack.to), digest, options))
}

/// The archive's digest, where the plan has it.
fn digest_of_plan(action: &DownloadAction) -> Option<ArchiveDigest> {
    let checksum = action.checksum.as_ref()?.parse::<Checksum>().ok()?;
    let is_sha256 = checksum.algorithm() == Algorithm::Sha256;
    ArchiveDigest::from_hex(checksum.hex()).filter(|_| is_sha256)
}

/// Whether the plan says which archive it is.
pub(super) fn is_of_plan(action: &DownloadAction) -> bool {
    digest_of_plan(action).is_some()
}

/// Whether the folder may be put where it is to be.
pub(super) async fn check_place(cx: &StepContext, unpack: &Unpack) -> Result<(), StepError> {
    let to = cx.path(&unpack.to);
    let looked = tokio::select! {
        biased;
        looked = check(cx.env(), &to) => looked,
        () = cx.ground.cancel.cancelled() => return Err(StepError::stopped()),
    };
    looked.map_err(|error| failed(&error))
}

fn failed(error: &UnpackError) -> StepError {
    let judged = error.judge();
    StepError::new(error, judged.kind, judged.class)
}

/// What came of unpacking.
pub(super) struct Effect {
    /// The archive's SHA-256, which the folder's stamp has, too.
    pub(super) digest: String,
    /// Whether the folder is another one than before.
    pub(super) is_new: bool,
}

/// Unpacks what was downloaded, where the folder is not what comes of it.
///
/// The archive is hashed once more from the file that is then unpacked: between a download and this, others may have
/// had a hand in DEST's folder.
///
/// # Cancel safety
/// Dropped, or with its run, it stops. The folder is then what it was, or what it is to be.
pub(super) async fn effect(
    cx: &StepContext,
    action: &DownloadAction,
    unpacked: &Unpack,
    path: &Path,
    deadline: Deadline,
) -> Result<Effect, StepError> {
    let unreadable = |source| StepError::local(&UnpackStepError::Unreadable { path: shown(path), source });
    let archive = cx.env().fs().open(path, Open::Read).map_err(unreadable)?;
    let wanted = action.checksum.as_ref().and_then(|checksum| checksum.parse::<Checksum>().ok());
    let hashed = hashed(cx, archive, wanted.as_ref().map(Checksum::algorithm));
    let hashed = match deadline.tick() {
        Some(until) => cx.env().until(until, hashed).await.ok_or_else(|| late(cx))?,
        None => hashed.await,
    };
    let (archive, digests) = hashed.map_err(|source| match cx.ground.cancel.is_cancelled() {
        true => StepError::stopped(),
        false => unreadable(source),
    })?;
    if let (Some(wanted), Some(found)) = (&wanted, &digests.asked)
        && wanted.hex() != found
    {
        return Err(StepError::local(&UnpackStepError::Exchanged { path: shown(path) }));
    }
    let Some(digest) = ArchiveDigest::from_hex(&digests.sha256) else {
        return Err(StepError::local(&UnpackStepError::Exchanged { path: shown(path) }));
    };
    let (to, options) = (cx.path(&unpacked.to), UnpackOptions { strip: unpacked.strip });
    // Another archive was looked for, and it is the same.
    let may_stand = !cx.is_asked && !cx.ground.recheck;
    if may_stand && is_unpacked(cx.env(), &to, digest, options) {
        return Ok(Effect { digest: digests.sha256, is_new: false });
    }
    let url = parse_url("url", &action.url).ok();
    let name = url.and_then(|url| file_name(&url).ok()).unwrap_or_default();
    let request = UnpackRequest {
        archive,
        name: if action.dest.is_some() {
            path.file_name().unwrap_or(OsStr::new("")).to_owned()
        } else {
            name
        },
        digest,
        to,
        options,
        limits: UnpackLimits::default(),
        deadline,
    };
    let saying = cx.clone();
    let progress = move |progress: UnpackProgress| {
        saying.say(format!("unpacking: {} entries", progress.entries).into());
    };
    let done = tokio::select! {
        biased;
        done = unpack(cx.env(), request, progress) => done,
        // Dropped, it ends by itself: what it made by then goes, or the next run sweeps it.
        () = cx.ground.cancel.cancelled() => return Err(StepError::stopped()),
    };
    let done = done.map_err(|error| {
        if error.is_of_archive() {
            remove_left(cx, action);
        }
        failed(&error)
    })?;
    for warning in &done.warnings {
        cx.warn(warning);
    }
    Ok(Effect { digest: digests.sha256, is_new: true })
}

fn late(cx: &StepContext) -> StepError {
    StepError::out_of_time(cx.step().and_then(|step| step.timeout).unwrap_or_default())
}

/// Takes away what a run left that was killed once the folder was in place.
pub(super) async fn sweep(cx: &StepContext, action: &DownloadAction, unpack: &Unpack) {
    sweep_beside(cx.env(), &cx.path(&unpack.to)).await;
    remove_left(cx, action);
}

/// Takes an archive away that a run left which did not come to its end, if that is no file of the plan's.
pub(super) fn remove_left(cx: &StepContext, action: &DownloadAction) {
    if let (None, Some(path)) = (&action.dest, archive(cx, action)) {
        remove(cx, &path);
    }
}

/// Takes an archive away that was only there to be unpacked.
pub(super) fn remove(cx: &StepContext, path: &Path) {
    if let Ok((folder, name)) = cx.env().fs().folder_of(path) {
        // Left behind, it is overwritten by the next run.
        let _ = folder.remove(name);
    }
}

/// What a file's content comes to.
struct Digests {
    sha256: String,
    /// By the algorithm that was asked for.
    asked: Option<String>,
}

async fn hashed(
    cx: &StepContext,
    file: Box<dyn FsFile>,
    asked: Option<Algorithm>,
) -> std::io::Result<(Box<dyn FsFile>, Digests)> {
    let stop = cx.ground.cancel.child_token();
    let _dropped = stop.clone().drop_guard();
    let work = move || {
        let mut all = vec![Running::new(Algorithm::Sha256)];
        all.extend(asked.filter(|algorithm| *algorithm != Algorithm::Sha256).map(Running::new));
        let (mut buffer, mut at) = (vec![0; BLOCK], 0_u64);
        while !stop.is_cancelled() {
            let read = file.read_at(&mut buffer, at)?;
            if read == 0 {
                let hex: Vec<String> = all.iter().map(Running::hex).collect();
                let sha256 = hex.first().cloned().unwrap_or_default();
                let asked = asked.and_then(|_| hex.last().cloned());
                return Ok((file, Digests { sha256, asked }));
            }
            let block = buffer.get(..read).unwrap_or_default();
            all.iter_mut().for_each(|running| running.update(block));
            at = at.saturating_add(read as u64);
        }
        Err(std::io::Error::new(std::io::ErrorKind::Interrupted, "stopped"))
    };
    cx.env().begin("hash", work).await.unwrap_or(Err(std::io::ErrorKind::Other.into()))
}
