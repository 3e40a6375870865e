//! A repository of packages is set up: its key, then the file that says that apt may trust what is signed by it, then
//! its lists are read.

use std::path::PathBuf;

use serde_json::json;

use super::super::action::{AptKeyCheck, AptRepository};
use super::super::run::{Done, Proof, StepContext, StepError};
use super::apt_key::{self, LARGEST};
use super::apt_source::Source;
use super::file::{Wanted, is_there, put_at};
use crate::env::fs::Care;
use crate::foreign::shown;

pub(super) fn prove(cx: &StepContext, action: &AptRepository) -> Result<Proof, StepError> {
    let source = Source::of(action).map_err(|error| StepError::local(&error))?;
    let missing = |path: &PathBuf| Ok(Proof::Missing(Some(shown(path))));
    let Some(key) = key_there(cx, action, &source)? else {
        return missing(&cx.machine(source.key_file("asc")));
    };
    let file = cx.machine(source.file());
    if !is_there(cx, &file, &Wanted::for_all(source.text(&key).into_bytes()))? {
        return missing(&file);
    }
    // Both files are there, but an earlier run could not have its lists read.
    if cx.memo.as_ref().is_some_and(|memo| !memo.is_done()) {
        return missing(&file);
    }
    Ok(Proof::Satisfied(None))
}

/// The file of the key on the machine, if it is there and right.
fn key_there(
    cx: &StepContext,
    action: &AptRepository,
    source: &Source<'_>,
) -> Result<Option<PathBuf>, StepError> {
    if let Some(content) = apt_key::at_hand(cx, &action.key)? {
        let Some(ending) = apt_key::ending(&content) else { return Ok(None) };
        let is_wanted = match &action.key.check {
            AptKeyCheck::Sha256(wanted) => apt_key::sha256(&content).eq_ignore_ascii_case(wanted),
            _ => true,
        };
        let key = source.key_file(ending);
        let is_there = is_wanted && is_there(cx, &cx.machine(&key), &Wanted::for_all(content))?;
        return Ok(is_there.then_some(key));
    }
    // A key of a server is what the plan says, or what an earlier run had checked by its fingerprint.
    let wanted = match &action.key.check {
        AptKeyCheck::Sha256(wanted) => Some(wanted.as_str()),
        _ => cx.stamp().and_then(|stamp| stamp.get("key")?.as_str()),
    };
    let Some(wanted) = wanted else { return Ok(None) };
    for key in ["asc", "gpg"].map(|ending| source.key_file(ending)) {
        let Ok(content) = cx.env().fs().read_small(&cx.machine(&key), LARGEST) else { continue };
        if apt_key::sha256(&content).eq_ignore_ascii_case(wanted)
            && is_there(cx, &cx.machine(&key), &Wanted::for_all(content))?
        {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

pub(super) async fn effect(cx: &StepContext, action: &AptRepository) -> Result<Done, StepError> {
    let source = Source::of(action).map_err(|error| StepError::local(&error))?;
    let folder = cx.machine("/etc/apt/keyrings");
    let (content, ending) = apt_key::checked(cx, &action.key, &folder).await?;
    let key = source.key_file(ending);
    let digest = apt_key::sha256(&content);
    let file = cx.machine(source.file());
    let mut changed = false;
    // Who could exchange the key could sign what root installs.
    let text = source.text(&key).into_bytes();
    for (path, content) in [(cx.machine(&key), content), (file.clone(), text)] {
        if let Some(above) = path.parent() {
            let above = cx.env().fs().make_folder_with(above, Care::Alone, 0o755);
            above.map_err(|source| StepError::local(&source))?;
        }
        let wanted = Wanted::for_all(content);
        if !is_there(cx, &path, &wanted)? {
            put_at(cx, &path, wanted).await?;
            changed = true;
        }
    }
    let updated = Box::pin(cx.network().installs().update_source(&file, &cx.options)).await;
    updated.map_err(|error| StepError::of(&error))?;
    Ok(Done { changed, what: Some(shown(&file)), stamp: Some(json!({ "key": digest })), later: None })
}
