//! What a step would change of a file, for people who only look.

use std::io::ErrorKind;

use super::super::action::{Body, FileAction, Owner};
use super::super::secrets::{self, Variables};
use super::super::step::Plan;
use super::diff::{self, FileDiff, NoText};
use super::file::{LARGEST, others, source};
use super::scrub::holds_any;
use crate::accounts;
use crate::env::Env;
use crate::env::fs::{FileKind, Open};

/// Who may read a file whose content is no secret.
const READERS: u32 = 0o044;

/// What would be another than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// Whether there is no such file yet.
    pub is_new: bool,
    /// The content.
    pub content: ContentChange,
    /// The bits of its mode, before and after; nothing where they stay, or the file is new.
    pub mode: Option<(u32, u32)>,
    /// The number of its user, in the same way.
    pub user: Option<(u32, u32)>,
    /// The number of its group, in the same way.
    pub group: Option<(u32, u32)>,
}

/// What would become of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentChange {
    /// It stays.
    Same,
    /// Lines of it are others.
    Lines(FileDiff),
    /// It is not shown, or cannot be.
    NotShown(NotShown),
}

/// Why a content is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotShown {
    /// A secret of the plan is in it.
    Secret,
    /// Nobody but its owner may read it, now or then: there may be a secret in it that the plan does not name.
    Private,
    /// The old or the new one is no UTF-8 text.
    Binary,
    /// The old or the new one is longer than 256 KiB.
    Long,
    /// It cannot be read.
    Unreadable,
}

/// What a step would change of its file. It reads both, and changes nothing. `variables` are those that secrets of the
/// plan come from: what holds one that can be had is not shown.
#[must_use]
pub fn file_change(env: &Env, plan: &Plan, variables: &Variables, action: &FileAction) -> FileChange {
    let dest = plan.folder.join(&action.dest);
    let found = env.fs().folder_of(&dest).and_then(|(folder, name)| folder.open(name, Open::Read));
    let mut change = FileChange {
        is_new: false,
        content: ContentChange::NotShown(NotShown::Unreadable),
        mode: None,
        user: None,
        group: None,
    };
    let (file, meta) = match found.and_then(|file| Ok((file.meta()?, file))) {
        Ok((meta, file)) if meta.kind == FileKind::File => (Some(file), Some(meta)),
        Err(error) if error.kind() == ErrorKind::NotFound => (None, None),
        _ => return change,
    };
    change.is_new = meta.is_none();
    if let Some(meta) = &meta {
        let Owner { user, group } = &action.owner;
        // Nobody whom this machine does not know: the look has failed at that.
        let uid = user.as_ref().and_then(|name| accounts::user(env, name));
        let gid = group.as_ref().and_then(|name| accounts::group(env, name));
        let others = others(meta, action.mode, uid, gid, env.fs().user());
        (change.mode, change.user, change.group) = (others.mode, others.user, others.group);
    }
    let is_private = |mode: u32| mode & READERS == 0;
    let compared = || {
        let new = match &action.body {
            Body::Content(text) => text.plain().ok_or(NotShown::Secret)?.into_bytes(),
            Body::Source(path) => source(env, &plan.folder.join(path)).map_err(|_| NotShown::Unreadable)?,
        };
        if is_private(action.mode) || meta.as_ref().is_some_and(|meta| is_private(meta.mode)) {
            return Err(NotShown::Private);
        }
        let old = match &file {
            Some(file) => file.read_small(LARGEST).map_err(|_| NotShown::Unreadable)?,
            None => Vec::new(),
        };
        if old == new && file.is_some() {
            return Ok(ContentChange::Same);
        }
        // Also one that an earlier form of the plan, or somebody else, has put there.
        let known = secrets::known(env, plan, variables);
        if holds_any(&old, &known) || holds_any(&new, &known) {
            return Err(NotShown::Secret);
        }
        diff::of(&old, &new).map(ContentChange::Lines).map_err(|why| match why {
            NoText::Binary => NotShown::Binary,
            NoText::Long => NotShown::Long,
        })
    };
    change.content = compared().unwrap_or_else(ContentChange::NotShown);
    change
}
