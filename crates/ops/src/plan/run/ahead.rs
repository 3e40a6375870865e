//! Archives of packages and clones, fetched before the turn of their steps, and out of its way once it has come.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "git")]
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_retry::Class;

#[cfg(feature = "git")]
use super::super::kinds::git;
use super::super::kinds::packages;
use super::event::StepEvent;
#[cfg(feature = "git")]
use super::fetched::Fetched;
use super::fetched::{Brought, Came};
use super::runner::Run;
use super::step_context::StepContext;
use crate::apt::AptFetched;
use crate::event::{Awaited, Event, EventKind, Observer, OperationId};
#[cfg(feature = "git")]
use crate::git::HeldClone;

/// A fetch before its turn, and what has become of it. Cheap to clone.
///
/// It ends by itself while bytes come: they are the step's anyway. Where they do not, the step is not kept waiting for
/// what it would have to try again itself.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    stop: CancellationToken,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the turn has come of a step that it is for.
    is_due: bool,
    /// Steps that it is for.
    steps: usize,
    /// Whether bytes come, or came, or a server was asked for them: until then nothing would be lost.
    has_begun: bool,
    /// Parts that wait, or whose last attempt failed.
    held: BTreeSet<OperationId>,
}

impl State {
    fn is_to_stop(&self) -> bool {
        match self.is_due {
            true => !(self.has_begun && self.held.is_empty()),
            false => self.steps == 0,
        }
    }
}

impl Ahead {
    /// One for so many steps, that ends with `cancel` at the latest.
    pub(super) fn new(cancel: &CancellationToken, steps: usize) -> Self {
        let state = State { steps, ..State::default() };
        Self { stop: cancel.child_token(), state: Arc::new(Mutex::new(state)) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let is_to_stop = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state);
            state.is_to_stop()
        };
        if is_to_stop {
            self.stop.cancel();
        }
    }

    /// The turn of a step has come that it is for.
    pub(super) fn is_due(&self) {
        self.change(|state| state.is_due = true);
    }

    /// One of its steps will have no turn.
    pub(super) fn is_for_one_less(&self) {
        self.change(|state| state.steps = state.steps.saturating_sub(1));
    }

    /// No step has a turn any more, unless one has already.
    pub(super) fn is_for_nobody(&self) {
        self.change(|state| state.steps = 0);
    }

    /// Has it seen by this, beside whoever sees it now; `has_begun` is told of the first bytes.
    fn watch(
        &self,
        has_begun: &CancellationToken,
    ) -> impl FnOnce(Arc<dyn Observer>) -> Arc<dyn Observer> + use<> {
        let (ahead, has_begun) = (self.clone(), has_begun.clone());
        move |then| Arc::new(Seen { ahead, has_begun, then })
    }

    /// Another fetch begins.
    fn begins(&self) {
        self.change(|state| (state.has_begun, state.held) = (false, BTreeSet::new()));
    }
}

/// Sees how a fetch goes on, and passes on all it sees.
struct Seen {
    ahead: Ahead,
    has_begun: CancellationToken,
    then: Arc<dyn Observer>,
}

impl Observer for Seen {
    fn on(&self, event: &Event<'_>) {
        self.then.on(event);
        match &event.kind {
            EventKind::Files { .. } => {
                self.ahead.change(|state| state.has_begun = true);
                self.has_begun.cancel();
            }
            // A place is soon free: those who have them get on.
            EventKind::Waiting { what: Awaited::Place { .. }, .. } => {}
            EventKind::AttemptFailed { .. } | EventKind::Waiting { .. } => {
                self.ahead.change(|state| state.held.extend([event.id]));
            }
            EventKind::AttemptStarted { .. } | EventKind::Succeeded { .. } | EventKind::Failed(_) => {
                self.ahead.change(|state| state.held.retain(|id| *id != event.id));
            }
            _ => {}
        }
    }
}

impl Run<'_> {
    /// Fetches what steps of packages will install, those in one set that will be one install. What keeps it from that
    /// is the step's own to say, in its turn.
    pub(super) async fn fetch_packages(&self, group: &[usize], ahead: &Ahead) -> Vec<(usize, Came)> {
        let mut due = Vec::with_capacity(group.len());
        for at in group {
            due.extend(self.to_fetch(*at).await);
        }
        let mut later = Vec::new();
        for part in due.chunk_by(packages::can_be_one) {
            match self.archives(part, ahead).await {
                Ok(AptFetched::OldLists) => later.extend(part.iter().map(|cx| cx.at)),
                // One bad name keeps nobody else from having his.
                Err(Class::Permanent) if part.len() > 1 => {
                    for cx in part {
                        let _ = self.archives(std::slice::from_ref(cx), ahead).await;
                    }
                }
                Ok(_) | Err(_) => {}
            }
        }
        let came = |at: &usize| (*at, if later.contains(at) { Came::Later } else { Came::Nothing });
        group.iter().map(came).collect()
    }

    /// Makes the clone of a step. What keeps it from that is the step's own to say, in its turn.
    #[cfg(feature = "git")]
    pub(super) async fn fetch_clone(&self, at: usize, ahead: &Ahead) -> Came {
        let Some(cx) = self.to_fetch(at).await else { return Came::Nothing };
        let Some(request) = git::early(&cx) else { return Came::Nothing };
        let began = self.env.now();
        // A server that was asked is waited for, that nobody asks it twice at once.
        ahead.change(|state| state.has_begun = true);
        let watch = ahead.watch(&CancellationToken::new());
        self.tell(at, StepEvent::Fetching);
        let held = Box::pin(git::fetch(&cx, &request, &ahead.stop, watch)).await;
        let is_whole = held.as_ref().is_some_and(HeldClone::is_whole);
        self.tell(at, if is_whole { StepEvent::Fetched } else { StepEvent::NotFetched });
        // What failed costs the step nothing of its time.
        let spent = if is_whole { self.env.now().since(began) } else { Duration::ZERO };
        match held {
            Some(held) => Came::Brought(Brought { fetched: Ok(Some(Fetched::Clone(Box::new(held)))), spent }),
            None => Came::Nothing,
        }
    }

    #[cfg(not(feature = "git"))]
    pub(super) async fn fetch_clone(&self, _at: usize, _ahead: &Ahead) -> Came {
        Came::Nothing
    }

    /// Lets go of what was fetched for a step that has no use for it.
    pub(super) async fn let_go(&self, brought: Brought) {
        match brought.fetched {
            #[cfg(feature = "git")]
            Ok(Some(Fetched::Clone(held))) => held.discard(&self.env, &self.options.cancel).await,
            // The rest stays for the next run.
            _ => {}
        }
    }

    async fn archives(&self, part: &[StepContext], ahead: &Ahead) -> Result<AptFetched, Class> {
        ahead.begins();
        let has_begun = CancellationToken::new();
        let tell = |what: StepEvent<'static>| part.iter().for_each(|cx| self.tell(cx.at, what.clone()));
        let mut fetch = Box::pin(packages::fetch(part, &ahead.stop, ahead.watch(&has_begun)));
        tokio::select! {
            biased;
            fetched = &mut fetch => fetched,
            () = has_begun.cancelled() => {
                tell(StepEvent::Fetching);
                let fetched = fetch.await;
                tell(if fetched.is_ok() { StepEvent::Fetched } else { StepEvent::NotFetched });
                fetched
            }
        }
    }
}
