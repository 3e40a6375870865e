//! A file is downloaded.

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use thiserror::Error;

use super::super::action::DownloadAction;
use super::super::run::{Done, Fetched, Proof, StepContext, StepError};
use crate::download::{Dest, DownloadRequest, Expected, InvalidRequest, Saved, parse_url};
use crate::env::fs::{FileKind, Meta};
use crate::foreign::{Foreign, shown};
use crate::http::Credentials;

/// A step that is no download.
#[derive(Debug, Error)]
enum DownloadStepError {
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    #[error("the header `{name}` cannot be sent")]
    Header { name: Foreign },
}

/// What the file was when its digest was seen to be right.
fn stamp_of(meta: &Meta, url: &str) -> Value {
    json!({
        "url": url,
        "device": meta.id.device,
        "inode": meta.id.inode,
        "len": meta.len,
        "modified": meta.modified.as_nanos().to_string(),
    })
}

fn request(cx: &StepContext, action: &DownloadAction) -> Result<DownloadRequest, StepError> {
    let invalid = |error: InvalidRequest| StepError::local(&DownloadStepError::from(error));
    let url = parse_url("url", &action.url).map_err(invalid)?;
    let dest = action.dest.as_ref().map_or(Dest::Spool, |dest| Dest::Path(cx.path(dest)));
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

pub(super) async fn prove(cx: &StepContext, action: &DownloadAction) -> Result<Proof, StepError> {
    let Some(dest) = &action.dest else { return Ok(Proof::Missing(Some(action.url.as_str().into()))) };
    let dest = cx.path(dest);
    let meta = cx.env().fs().look_through(&dest);
    let Some(meta) = meta.ok().filter(|meta| meta.kind == FileKind::File) else {
        return Ok(Proof::Missing(Some(shown(&dest))));
    };
    let stamp = stamp_of(&meta, &action.url);
    let is_mode = action.mode.is_none_or(|mode| meta.mode == mode);
    if is_mode && cx.stamp() == Some(&stamp) {
        return Ok(Proof::Satisfied(None));
    }
    let request = request(cx, action)?;
    match cx.network().downloads().look(&request, &cx.options).await {
        Ok(Some(_)) if action.checksum.is_some() && is_mode => Ok(Proof::Satisfied(Some(stamp))),
        Ok(_) => Ok(Proof::Missing(Some(shown(&dest)))),
        Err(error) => Err(StepError::of(&error)),
    }
}

pub(super) async fn fetch(cx: &StepContext, action: &DownloadAction) -> Result<Option<Fetched>, StepError> {
    let mut request = request(cx, action)?;
    request.hold = true;
    let done =
        cx.network().downloads().run(request, &cx.options).await.map_err(|error| StepError::of(&error))?;
    Ok(match done.saved {
        Saved::Held(held) => Some(Fetched::Download(Box::new(held))),
        _ => None,
    })
}

pub(super) async fn effect(
    cx: &StepContext,
    action: &DownloadAction,
    fetched: Option<Fetched>,
) -> Result<Done, StepError> {
    match fetched {
        Some(Fetched::Download(held)) => held.commit().await.map_err(|error| StepError::local(&error))?,
        None => {
            let request = request(cx, action)?;
            let done = cx.network().downloads().run(request, &cx.options).await;
            done.map_err(|error| StepError::of(&error))?;
        }
    }
    let dest = action.dest.as_ref().map(|dest| cx.path(dest));
    let stamp = dest.as_ref().and_then(|dest| cx.env().fs().look_through(dest).ok());
    Ok(Done {
        changed: true,
        what: dest.as_ref().map(shown),
        stamp: stamp.map(|meta| stamp_of(&meta, &action.url)),
    })
}
