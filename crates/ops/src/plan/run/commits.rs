//! Downloads become their files in groups: one wait for the disk for all of them, not one each.
//!
//! A group is closed once it is full, once it was gathered for long enough, and as soon as nobody is left who could
//! join it: a download on its own waits for nobody.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use crate::download::{DownloadError, DownloadWarning, Held};
use crate::env::Env;

/// Downloads in one group.
pub(super) const MOST: usize = 64;
/// How long a group is gathered.
const LONGEST: Duration = Duration::from_millis(50);

/// The group that is being gathered, and who may join it.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    state: Mutex<State>,
    /// Somebody joined, or does not come any more. Only who leads the group waits for it.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    group: Vec<Member>,
    /// Steps that are fetched for, or done, and have not joined.
    coming: BTreeSet<usize>,
}

/// What came of one; what is not as it should be all the same.
type Committed = Result<Option<DownloadWarning>, DownloadError>;

#[derive(Debug)]
struct Member {
    held: Held,
    done: oneshot::Sender<Committed>,
}

/// The first of a group, who sees to it. Where he goes, the others begin a new one.
struct Lead<'c>(Option<&'c Commits>);

impl Commits {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The step at this place may join soon.
    pub(super) fn comes(&self, at: usize) {
        self.state().coming.insert(at);
    }

    /// It does not.
    pub(super) fn comes_not(&self, at: usize) {
        if self.state().coming.remove(&at) {
            self.changed.notify_one();
        }
    }

    /// Whether a group is being gathered: what is noted meanwhile is written when it is closed.
    pub(super) fn is_gathering(&self) -> bool {
        !self.state().group.is_empty()
    }

    /// Makes what was fetched for the step at this place its file, with others. Right before, `write` is called: once
    /// for the whole group.
    ///
    /// # Errors
    /// What the system says; DEST is then as it was.
    ///
    /// # Cancel safety
    /// Dropped, DEST is old or new.
    pub(super) async fn commit(&self, env: &Env, at: usize, held: &Held, write: impl Fn()) -> Committed {
        loop {
            let (done, ended) = oneshot::channel();
            let leads = {
                let mut state = self.state();
                state.coming.remove(&at);
                state.group.push(Member { held: held.clone(), done });
                state.group.len() == 1
            };
            self.changed.notify_one();
            if leads {
                self.lead(env, &write).await;
            }
            // Where nobody answers, who led the group went away.
            if let Ok(result) = ended.await {
                return result;
            }
        }
    }

    async fn lead(&self, env: &Env, write: impl Fn()) {
        let mut lead = Lead(Some(self));
        env.until(env.now().after(LONGEST), self.is_due()).await;
        lead.0 = None;
        let group = std::mem::take(&mut self.state().group);
        write();
        let held: Vec<&Held> = group.iter().map(|member| &member.held).collect();
        let results = Held::commit_all(&held).await;
        for (member, result) in group.into_iter().zip(results) {
            // Who does not wait for it has gone.
            let _ = member.done.send(result);
        }
    }

    /// Returns when nobody is left to wait for.
    async fn is_due(&self) {
        loop {
            {
                let state = self.state();
                if state.group.len() >= MOST || state.coming.is_empty() {
                    return;
                }
            }
            self.changed.notified().await;
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if let Some(commits) = self.0 {
            commits.state().group.clear();
        }
    }
}
