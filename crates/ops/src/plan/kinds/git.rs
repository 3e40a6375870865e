//! A repository is cloned.

use std::io::ErrorKind;
use std::sync::Arc;

use serde_json::{Value, json};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::super::action::{Action, GitAction};
use super::super::below::is_in_made;
use super::super::run::{Done, Fetched, Proof, StepContext, StepError};
use crate::env::fs::FileKind;
use crate::event::Observer;
use crate::foreign::shown;
use crate::git::{
    CloneRequest, Cloned, Clones, CommitId, GitError, HeldClone, InvalidGitUrl, InvalidRef, Left, There,
    Want, aside, head_of,
};
use crate::hint::Advise as _;
use vps_retry::Classify as _;

/// A step that is no clone.
#[derive(Debug, Error)]
enum GitStepError {
    #[error(transparent)]
    Url(#[from] InvalidGitUrl),
    #[error(transparent)]
    Ref(#[from] InvalidRef),
}

fn request(cx: &StepContext, action: &GitAction) -> Result<CloneRequest, StepError> {
    let url = action.url.parse().map_err(|error| StepError::local(&GitStepError::Url(error)))?;
    let no_ref = |error| StepError::local(&GitStepError::Ref(error));
    let want = match (&action.commit, &action.branch) {
        (Some(commit), _) => Want::Commit(commit.parse().map_err(no_ref)?),
        (None, Some(branch)) => Want::Named(branch.parse().map_err(no_ref)?),
        (None, None) => Want::Default,
    };
    let mut request = CloneRequest::new(url, cx.path(&action.dest)).want(want).modules(action.submodules);
    match action.depth {
        _ if action.full => request = request.whole_history(),
        Some(commits) => request = request.depth(commits),
        None => {}
    }
    Ok(request)
}

/// Takes away what a run left that was killed once the clone was in place.
pub(super) async fn sweep(cx: &StepContext, action: &GitAction) {
    let (env, dest) = (cx.env().clone(), cx.path(&action.dest));
    let swept = aside(cx.env(), move |stop| match Left::beside(&env, &dest) {
        Some(left) => left.sweep(&env, stop),
        None => Ok(()),
    });
    // What cannot be removed is in nobody's way.
    let _ = swept.await;
}

/// Where the clone was when it was last seen to be right.
fn stamp_of(action: &GitAction, commit: CommitId) -> Value {
    json!({ "url": action.url, "commit": commit.to_string() })
}

pub(super) async fn prove(cx: &StepContext, action: &GitAction) -> Result<Proof, StepError> {
    let request = request(cx, action)?;
    let missing = Ok(Proof::Missing(Some(shown(&request.dest))));
    if action.update && action.commit.is_none() {
        return match cx.network().clones().look(&request).await {
            // Where the branch is only its server knows.
            Ok(There::Clone(_)) => Ok(Proof::Unknown),
            Ok(_) | Err(GitError::Otherwise { by_update: true, .. }) => missing,
            Err(error) => Err(of_look(&error)),
        };
    }
    // Modules are more than what HEAD says.
    if !action.submodules
        && let Some(commit) = head_of(&**cx.env().fs(), &request.dest)
    {
        let is_it = match &request.want {
            Want::Commit(wanted) => *wanted == commit,
            _ => cx.stamp() == Some(&stamp_of(action, commit)),
        };
        if is_it {
            return Ok(Proof::Satisfied(None));
        }
    }
    match cx.network().clones().look(&request).await {
        Ok(There::Clone(Cloned { commit: Some(commit), .. })) => {
            let stamp = stamp_of(action, commit);
            Ok(Proof::Satisfied((cx.stamp() != Some(&stamp)).then_some(stamp)))
        }
        Ok(_) | Err(GitError::Otherwise { by_update: true, .. }) => missing,
        Err(error) => Err(of_look(&error)),
    }
}

/// What to clone before its turn; nothing where that may be seen, or is another clone than the one in its turn.
pub(in crate::plan) fn early(cx: &StepContext) -> Option<CloneRequest> {
    let Action::Git(action) = &cx.step()?.action else { return None };
    // What is wrong with it is said in its turn.
    let request = request(cx, action).ok()?;
    // One on this machine a step above may make or change, and it takes no time.
    request.url.server()?;
    // The folder that it is in is made by whoever's turn it is.
    let fs = cx.env().fs();
    let is_missing = fs.look(&request.dest).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let above = request.dest.parent().and_then(|above| fs.look_through(above).ok());
    if !is_missing || above.is_none_or(|above| above.kind != FileKind::Folder) {
        return None;
    }
    // Who makes the folder around it finds nothing of ours in it.
    (!is_in_made(&cx.plan().steps, &action.dest)).then_some(request)
}

/// Makes the clone that its turn puts in place, seen by what `watch` makes of who sees it now, until `stop`.
pub(in crate::plan) async fn fetch(
    cx: &StepContext,
    request: &CloneRequest,
    stop: &CancellationToken,
    watch: impl FnOnce(Arc<dyn Observer>) -> Arc<dyn Observer>,
) -> Option<HeldClone> {
    let options = cx.options.clone().cancel(stop.clone());
    cx.network().clones().watched(watch).fetch(request, &options).await
}

pub(super) async fn effect(
    cx: &StepContext,
    action: &GitAction,
    fetched: Option<Fetched>,
) -> Result<Done, StepError> {
    let held = match fetched {
        Some(Fetched::Clone(held)) => Some(*held),
        _ => None,
    };
    let mut request = request(cx, action)?;
    // A plan that names another commit or branch than the last time wants the clone to go there.
    request.update =
        action.update || action.commit.is_some() || is_elsewhere(cx.network().clones(), &request).await;
    let cloned = Box::pin(cx.network().clones().run_with(&request, &cx.options, held)).await;
    let cloned = cloned.map_err(|error| StepError::of(&error))?;
    let what = cloned.commit.map(|commit| format!("{} at {commit:.12}", shown(&request.dest)).into());
    Ok(Done {
        changed: !cloned.unchanged,
        what: what.or_else(|| Some(shown(&request.dest))),
        stamp: cloned.commit.map(|commit| stamp_of(action, commit)),
        later: None,
    })
}

async fn is_elsewhere(clones: &Clones, request: &CloneRequest) -> bool {
    matches!(clones.look(request).await, Err(GitError::Otherwise { by_update: true, .. }))
}

/// What is wrong with what stands there, as the clone itself would fail.
fn of_look(error: &GitError) -> StepError {
    let judgement = error.judge();
    let mut failed = StepError::new(error, judgement.kind, judgement.class);
    failed.hints = error.hints();
    failed
}
