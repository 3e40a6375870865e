//! A clone that is made before it may become DEST, as far as it came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;

use super::fetching::{Fetching, Place};
use super::modules::Found;
use crate::env::Env;
use crate::git::pieces::Pieces;
use crate::git::{CloneRequest, Cloned, GitUrl, Made, Ready, Staging};
use crate::settings::Options;
use crate::workflow::Workflow;

/// What [`Clones::fetch`](super::Clones::fetch) brought, beside DEST and locked there.
///
/// Dropped, it is removed, as far as that takes no longer than a moment; the next run for the same DEST sweeps the rest.
#[derive(Debug)]
pub(crate) struct HeldClone {
    pub(super) staging: Arc<Staging>,
    pub(super) cloned: Cloned,
    filters: BTreeSet<String>,
    grown: Grown,
    /// Whether it can become DEST as it is; else whoever has more to fetch goes on with it.
    is_whole: bool,
}

/// How far a clone grew, for whoever goes on with it.
#[derive(Debug, Default)]
pub(super) struct Grown {
    /// What is there of the repository itself, before it is whole.
    pub(super) pieces: Arc<Pieces>,
    /// The repository itself, once it is whole, and in how many attempts.
    pub(super) root: Option<(Made, u32)>,
    /// Its modules that are whole, by their paths.
    pub(super) modules: BTreeMap<String, Found>,
    /// Whether a module was left half-way between its parent and itself.
    pub(super) is_spoilt: bool,
}

impl Grown {
    /// Whether bytes would be fetched twice without it.
    fn is_worth_keeping(&self) -> bool {
        !self.is_spoilt && (self.root.is_some() || self.pieces.is_kept())
    }
}

impl<'a> Fetching<'a> {
    /// One that begins, beside DEST.
    pub(super) fn anew(
        workflow: &'a Workflow,
        request: &'a CloneRequest,
        options: &'a Options,
        staging: &Arc<Staging>,
    ) -> Self {
        Self {
            workflow,
            request,
            options,
            place: Place::Staging(Arc::clone(staging)),
            cloned: Cloned::at(&request.dest, &request.url),
            ready: Ready::default(),
            filters: BTreeSet::new(),
            grown: Grown::default(),
        }
    }

    /// Goes on with one that was held; whether it is whole.
    pub(super) fn go_on_with(&mut self, held: HeldClone) -> bool {
        let HeldClone { cloned, filters, grown, is_whole, .. } = held;
        self.cloned = cloned;
        (self.filters, self.grown) = (filters, grown);
        is_whole
    }

    /// Holds it as it is; nothing where nothing came that would be fetched twice without that.
    pub(super) fn hold(self, staging: Arc<Staging>, is_whole: bool) -> Result<HeldClone, Arc<Staging>> {
        let Self { mut cloned, filters, grown, .. } = self;
        if !is_whole {
            if !grown.is_worth_keeping() {
                return Err(staging);
            }
            // Whoever goes on with it finds them all once more.
            cloned.submodules.clear();
        }
        Ok(HeldClone { staging, cloned, filters, grown, is_whole })
    }
}

impl HeldClone {
    /// Whether all of it is there.
    pub(crate) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether it is of this repository, and what would be made for `request` now would be made in the same place and
    /// in the same way.
    pub(super) fn is_for(&self, request: &CloneRequest) -> bool {
        let url: &GitUrl = &request.url;
        self.cloned.url == url.stored() && self.staging.is_as_made_now(&request.dest)
    }

    /// Removes it, which nobody wants any more; once somebody cancels, for a moment only.
    ///
    /// # Cancel safety
    /// It goes on to its end on a thread of its own.
    pub(crate) async fn discard(self, env: &Env, cancel: &CancellationToken) {
        discard(env, self.staging, None, cancel).await;
    }
}

/// Removes what is not to be: as long as there is time, or else the next run for the same DEST does it.
pub(super) async fn discard(
    env: &Env,
    staging: Arc<Staging>,
    until: Option<Tick>,
    cancel: &CancellationToken,
) {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let gone = env.thread("remove", move || {
        staging.discard(until, &told);
        // The rest of it, for a moment.
        drop(staging);
    });
    let Ok(mut gone) = gone else { return };
    tokio::select! {
        biased;
        _ = &mut gone => return,
        () = cancel.cancelled() => stop.store(true, Ordering::Relaxed),
    }
    let _ = gone.await;
}
