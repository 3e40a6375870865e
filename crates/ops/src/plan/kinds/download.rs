//! A file is downloaded.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use thiserror::Error;
use vps_retry::Classify as _;

use super::super::action::DownloadAction;
use super::super::below::is_in_made;
use super::super::run::{Done, Fetched, Proof, StepContext, StepError, Unsettled};
use super::unpacked;
use super::unpacked_anew::Standing;
use crate::download::{Dest, DownloadRequest, Expected, Held, InvalidRequest, Saved, parse_url};
use crate::env::fs::{Care, FileKind, Meta, Open};
use crate::foreign::{Foreign, shown};
use crate::http::Credentials;
use crate::settings::Options;

/// A step that is no download.
#[derive(Debug, Error)]
enum DownloadStepError {
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    #[error(
        "the header `{name}` cannot be sent: there is a line break or another control character in its name or value"
    )]
    Header { name: Foreign },
    #[error("the rights of {path} cannot be set")]
    Mode {
        path: Foreign,
        #[source]
        source: std::io::Error,
    },
    #[error("the folder {path} cannot be made")]
    Folder {
        path: Foreign,
        #[source]
        source: std::io::Error,
    },
}

/// What changes within one tick of the disk's clock cannot be seen by its time: the coarsest there are tick each 10 ms.
const SETTLED: Duration = Duration::from_millis(20);

/// What the file was when its digest was seen to be right.
fn stamp_of(meta: &Meta, url: &str) -> Value {
    json!({
        "url": url,
        "device": meta.id.device,
        "inode": meta.id.inode,
        "len": meta.len,
        "modified": meta.modified.as_nanos().to_string(),
        "changed": meta.changed.as_nanos().to_string(),
    })
}

/// What proves a file without a digest that somebody put there by hand: that it came from where the plan says.
pub(super) fn stamp_of_hand(action: &DownloadAction) -> Option<Value> {
    (!has_digest(action) && action.unpack.is_none()).then(|| json!({ "url": action.url }))
}

/// The archive's digest in a stamp, for the folder that it became.
const DIGEST: &str = "sha256";

/// Whether a stamp was made of this file.
fn is_of(noted: &Value, file: &Value) -> bool {
    match (noted, file) {
        (Value::Object(noted), Value::Object(file)) => {
            file.iter().all(|(name, value)| noted.get(name) == Some(value))
        }
        _ => false,
    }
}

/// How long until a change after the last one would be seen by its time.
fn unsettled(cx: &StepContext, meta: &Meta) -> Duration {
    // What is of a later time than now was not written by this clock.
    let age = cx.env().wall().checked_sub(meta.changed).unwrap_or_default();
    SETTLED.saturating_sub(age)
}

/// Whether what stands at DEST is its own proof: a digest is known, or where to ask for one.
fn has_digest(action: &DownloadAction) -> bool {
    action.checksum.is_some()
}

fn invalid(error: InvalidRequest) -> StepError {
    StepError::local(&DownloadStepError::from(error))
}

fn request(cx: &StepContext, action: &DownloadAction) -> Result<DownloadRequest, StepError> {
    let url = parse_url("url", &action.url).map_err(invalid)?;
    let dest = unpacked::archive(cx, action).map_or(Dest::Spool, Dest::File);
    let mut request = DownloadRequest::new(url.clone(), dest);
    for mirror in &action.mirrors {
        request.mirrors.push(parse_url("mirrors", mirror).map_err(invalid)?.into());
    }
    if let Some(checksum) = &action.checksum {
        request.expected = Some(Expected::parse("checksum", checksum).map_err(invalid)?);
    }
    (request.size, request.mode) = (action.size, action.mode);
    let mut headers = HeaderMap::new();
    for (name, value) in &action.headers {
        let unsendable = || StepError::local(&DownloadStepError::Header { name: name.as_str().into() });
        let value = HeaderValue::from_str(cx.reveal(value)?.expose_secret()).map_err(|_| unsendable())?;
        headers.append(HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?, value);
    }
    if !headers.is_empty() {
        request.credentials = Credentials::none().with_headers(headers, &url);
    }
    Ok(request)
}

/// Whether all that is to be put somewhere may be put there, where it is only looked: what has it looks by itself before
/// anybody is asked.
pub(super) async fn check_places(cx: &StepContext, action: &DownloadAction) -> Result<(), StepError> {
    if let Some(unpack) = &action.unpack {
        unpacked::check_place(cx, unpack).await?;
    }
    let Some(path) = unpacked::archive(cx, action) else { return Ok(()) };
    let is_absent = |above: &Path| {
        let found = cx.env().fs().look_through(above);
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    // It is made at the step's turn.
    if path.parent().is_some_and(is_absent) {
        return Ok(());
    }
    let url = parse_url("url", &action.url).map_err(invalid)?;
    let request = DownloadRequest::new(url, Dest::File(path));
    let looked = cx.network().downloads().look(&request, &cx.options).await;
    looked.map(drop).map_err(|error| StepError::of(&error))
}

pub(super) async fn prove(cx: &StepContext, action: &DownloadAction) -> Result<Proof, StepError> {
    if let Some(unpack) = &action.unpack
        && !unpacked::is_there(cx, action, unpack)
    {
        return Ok(Proof::Missing(Some(shown(&cx.path(&unpack.to)))));
    }
    match &action.dest {
        Some(dest) if cx.is_asked => Ok(Proof::Missing(Some(shown(&cx.path(dest))))),
        Some(dest) => prove_dest(cx, action, &cx.path(dest)).await,
        None => Ok(Proof::Satisfied(None)),
    }
}

/// Whether DEST is what was downloaded.
async fn prove_dest(cx: &StepContext, action: &DownloadAction, dest: &Path) -> Result<Proof, StepError> {
    let missing = Ok(Proof::Missing(Some(shown(dest))));
    let meta = cx.env().fs().look_through(dest);
    let Some(meta) = meta.ok().filter(|meta| meta.kind == FileKind::File) else { return missing };
    let is_other = action.mode.is_some_and(|mode| meta.mode != mode);
    if is_other || action.size.is_some_and(|size| meta.len != size) {
        return missing;
    }
    if !has_digest(action) {
        // Nobody can say whether it is still right: it is there, and came from where the plan says.
        let came_from = cx.stamp().and_then(|stamp| stamp.get("url")).and_then(Value::as_str);
        return if came_from == Some(action.url.as_str()) { Ok(Proof::Satisfied(None)) } else { missing };
    }
    let stamp = stamp_of(&meta, &action.url);
    if cx.stamp().is_some_and(|noted| is_of(noted, &stamp)) {
        return Ok(Proof::Satisfied(None));
    }
    let request = request(cx, action)?;
    if matches!(request.expected, Some(Expected::ListedAt(_))) {
        // Its digest is somewhere else, and a look asks nobody.
        return missing;
    }
    match cx.network().downloads().look(&request, &cx.options).await {
        Ok(Some(_)) => Ok(Proof::Satisfied(unsettled(cx, &meta).is_zero().then_some(stamp))),
        Ok(None) => missing,
        Err(error) => Err(StepError::of(&error)),
    }
}

/// Where what is downloaded is to be; what is only unpacked lies beside its folder until then.
fn place(download: &DownloadAction) -> Option<&Path> {
    download.dest.as_deref().or_else(|| download.unpack.as_ref().map(|unpack| unpack.to.as_path()))
}

pub(super) async fn fetch(cx: &StepContext, action: &DownloadAction) -> Result<Option<Fetched>, StepError> {
    let Some(path) = unpacked::archive(cx, action) else { return Ok(None) };
    // Who makes the folder around it finds nothing of ours in it.
    if place(action).is_some_and(|place| is_in_made(&cx.plan().steps, place)) {
        return Ok(None);
    }
    let fs = cx.env().fs();
    // What cannot be put anywhere now is said in the step's turn, if it still cannot by then. A folder that is not there
    // yet, beside whose DEST the part would lie, is made then, if no step above makes it.
    if let Some(unpack) = &action.unpack
        && unpacked::check_place(cx, unpack).await.is_err()
    {
        return Ok(None);
    }
    let held = match had(cx, action, cx.options.total).await {
        Err(error) if error.attempts == 0 && error.deferral().is_none() => return Ok(None),
        had => had?.map(|held| Fetched::Held(Box::new(held))),
    };
    let right = || Some(Fetched::Right(Box::new(fs.look_through(&path).ok()?)));
    Ok(held.or_else(right))
}

/// Has it, unseen; nothing where DEST is right already.
async fn had(
    cx: &StepContext,
    action: &DownloadAction,
    total: Option<Duration>,
) -> Result<Option<Held>, StepError> {
    let mut request = request(cx, action)?;
    request.hold = true;
    // An archive of ours alone that a run left is not what anybody asked to have again: its folder is.
    request.anew = cx.is_asked && action.dest.is_some();
    if action.dest.is_none() && !has_digest(action) {
        // Nobody can say whether it is right, so it is not used, and takes the room of what comes in its place.
        unpacked::remove_left(cx, action);
    }
    let options = Options { total, ..cx.options.clone() };
    let done = cx.network().downloads().run(request, &options).await;
    let done = done.map_err(|error| StepError::of(&error))?;
    done.warnings.iter().filter(|warning| !warning.was_told()).for_each(|warning| cx.warn(warning));
    Ok(match done.saved {
        Saved::Held(held) => Some(held),
        _ => None,
    })
}

/// Downloads it. A folder that is only looked at anew, and unpacked for that, has not changed where it is the same again.
pub(super) async fn effect(
    cx: &StepContext,
    action: &DownloadAction,
    fetched: Option<Fetched>,
) -> Result<Done, StepError> {
    let (began, deadline) = (cx.env().now(), cx.deadline());
    let before = match cx.ground.recheck && !cx.is_asked && action.unpack.is_some() {
        true => Standing::of(cx, action, deadline).await,
        false => None,
    };
    let spent = cx.env().now().since(began);
    let mut done = done(&cx.after(spent), action, fetched).await?;
    if before.is_some() && Standing::of(cx, action, deadline).await == before {
        done.changed = false;
    }
    Ok(done)
}

/// Has what is not here yet, puts it in its place, and unpacks it.
async fn done(
    cx: &StepContext,
    action: &DownloadAction,
    fetched: Option<Fetched>,
) -> Result<Done, StepError> {
    let deadline = cx.deadline();
    if let Some(unpack) = &action.unpack {
        unpacked::check_place(cx, unpack).await?;
    }
    let archive = unpacked::archive(cx, action);
    let is_still = |meta: &Meta| {
        archive.as_ref().and_then(|path| cx.env().fs().look_through(path).ok()).as_ref() == Some(meta)
    };
    let held = match fetched {
        Some(Fetched::Held(held)) => Some(*held),
        Some(Fetched::Right(meta)) if is_still(&meta) => None,
        _ => {
            make_above(cx, archive.as_deref())?;
            had(cx, action, deadline.left(cx.env().now())).await?
        }
    };
    let mut changed = held.is_some();
    match &held {
        // What is here and verified is put in its place, however long the disk takes.
        Some(held) => {
            let committed = cx.commit(held).await;
            let warning = committed.map_err(|error| StepError::new(&error, error.kind(), error.class()))?;
            warning.iter().for_each(|warning| cx.warn(warning));
        }
        None => changed |= set_mode(cx, action, archive.as_deref())?,
    }
    let dest = action.dest.as_ref().map(|dest| cx.path(dest));
    let mut digest = None;
    if let (Some(unpack), Some(path)) = (&action.unpack, &archive) {
        let known = cx.stamp().and_then(|stamp| Some(stamp.get(DIGEST)?.as_str()?.to_owned()));
        digest = known.filter(|_| dest.is_some());
        // Where the plan does not say which archive it is, only the one that is here now does: what the last run knew is of
        // the last one.
        if !unpacked::is_of_plan(action) || !unpacked::is_there(cx, action, unpack) {
            make_above(cx, Some(&cx.path(&unpack.to)))?;
            let unpacked = unpacked::effect(cx, action, unpack, path, deadline).await?;
            changed |= unpacked.is_new;
            digest = Some(unpacked.digest);
        }
        if dest.is_none() {
            unpacked::remove(cx, path);
        }
    }
    let mut stamp = (dest.is_some() || digest.is_some()).then(|| json!({ "url": action.url }));
    if let (Some(Value::Object(stamp)), Some(digest)) = (&mut stamp, digest) {
        stamp.insert(DIGEST.to_owned(), digest.into());
    }
    let later =
        dest.as_deref().and_then(|dest| unsettled_file(cx, action, (dest, held.as_ref()), stamp.as_ref()?));
    let to = action.unpack.as_ref().map(|unpack| cx.path(&unpack.to));
    Ok(Done { changed, what: to.or(dest).as_ref().map(shown), stamp, later })
}

/// Gives a file that is right otherwise the rights asked for; whether it had others.
fn set_mode(cx: &StepContext, action: &DownloadAction, path: Option<&Path>) -> Result<bool, StepError> {
    let (Some(path), Some(mode)) = (path, action.mode) else { return Ok(false) };
    let set = || {
        let (folder, name) = cx.env().fs().folder_of(path)?;
        let file = folder.open(name, Open::Read)?;
        let is_other = file.meta()?.mode != mode;
        if is_other {
            file.set_mode(mode)?;
        }
        Ok(is_other)
    };
    set().map_err(|source| StepError::local(&DownloadStepError::Mode { path: shown(path), source }))
}

/// Makes the folders above a path.
fn make_above(cx: &StepContext, path: Option<&Path>) -> Result<(), StepError> {
    let Some(above) = path.and_then(Path::parent) else { return Ok(()) };
    let made = cx.env().fs().make_folder_with(above, Care::Links, 0o755);
    made.map(drop)
        .map_err(|source| StepError::local(&DownloadStepError::Folder { path: shown(above), source }))
}

/// What DEST is, to be known once a change after this would be seen. Without a digest its name is enough.
fn unsettled_file(
    cx: &StepContext,
    action: &DownloadAction,
    (dest, held): (&Path, Option<&Held>),
    stamp: &Value,
) -> Option<Unsettled> {
    if !has_digest(action) {
        return None;
    }
    let fs = cx.env().fs();
    let meta = fs.look_through(dest).ok()?;
    // Who has a hand in the folder may have put another one there since it was verified.
    let is_verified = match held {
        Some(held) => held.is(&meta),
        None => meta.is_ours_alone(fs.us()),
    };
    if !is_verified {
        return None;
    }
    let mut stamp = stamp.clone();
    if let (Value::Object(stamp), Value::Object(file)) = (&mut stamp, stamp_of(&meta, &action.url)) {
        stamp.extend(file);
    }
    Some(Unsettled { path: dest.to_owned(), meta, wait: unsettled(cx, &meta), stamp })
}
