//! The loop of a run: turns are begun as they come up, ends are written down, nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use vps_breaker::Tick;

use super::super::action::ActionKind;
use super::super::ids::StepId;
use super::super::kinds::{Dpkg, Units};
use super::super::step::{Plan, Step};
use super::ahead::Ahead;
use super::commits::Commits;
use super::event::{PlanEvent, PlanObserver, StepEvent};
use super::fetched::{Brought, Came};
use super::gates::Found;
use super::journal::Journal;
use super::letters::StepLetters;
use super::nodes::{blocked, nodes};
use super::options::{ApplyError, ApplyOptions};
use super::order::{Order, Turn};
use super::outcome::{Applied, Outcome};
use super::selection::Selection;
use super::step_context::{Ground, Unsettled};
use super::turns::Turns;
use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::foreign::{Foreign, shown};
use crate::store::StoreHandle;

/// Fetches and files under way at once.
const MOST_FETCHES: usize = 64;
/// Sayings of steps that wait to be told.
const MOST_SAID: usize = 64;

/// Runs a plan.
///
/// # Errors
/// [`ApplyError`] where nothing was run. What becomes of its steps is in [`Applied`].
///
/// # Cancel safety
/// Dropped, what is under way is told to end as if by a stop; the next run goes on.
pub async fn apply(
    network: &NetworkOperationWrapper,
    store: &StoreHandle,
    plan: Arc<Plan>,
    options: &ApplyOptions,
    observer: &dyn PlanObserver,
) -> Result<Applied, ApplyError> {
    let mut journal = Journal::open(network.env(), store, &plan.name, plan.path.as_ref().map(shown)).await?;
    journal.mark_lost(plan.steps.iter(), !options.dry_run);
    if let Some(other) = journal.elsewhere() {
        let (name, path) = (&plan.name, other.display());
        tracing::warn!(
            operation = "plan",
            "another plan is called {name}, too: {path}; both have one memory, of `once` and `on_change` as well"
        );
    }
    let run = Run::new(network, plan, options, observer, journal)?;
    Ok(run.carried_out().await)
}

/// What ended.
enum Ended {
    Fetched(Vec<(usize, Came)>),
    Acted(Vec<(usize, Outcome, Duration)>),
    /// What was fetched for a step that has no use for it is gone.
    LetGo,
    /// What is known by now of a file of this step, where it is still what was verified.
    Settled(usize, Option<Value>),
}

/// One run, as all its steps see it.
pub(super) struct Run<'r> {
    pub(super) env: Env,
    pub(super) ground: Arc<Ground>,
    pub(super) options: &'r ApplyOptions,
    observer: &'r dyn PlanObserver,
    pub(super) journal: Arc<Mutex<Journal>>,
    pub(super) places: BTreeMap<StepId, usize>,
    /// Steps that others watch, and which those are.
    pub(super) watchers: BTreeMap<usize, Vec<usize>>,
    /// What was asked for, by the steps of the plan.
    pub(super) selection: Selection,
    /// Steps that are done in this run, if their turn comes.
    selected: BTreeSet<usize>,
    /// What would be made or exchanged, where it is only looked, and by which step.
    pub(super) would: Mutex<BTreeMap<PathBuf, StepId>>,
    /// Which steps would do something then.
    pub(super) would_do: Mutex<BTreeSet<StepId>>,
    pub(super) began: Tick,
    pub(super) until: Option<Tick>,
    pub(super) wait_until: Tick,
    /// Files of steps that were done, of which it is not yet known what is worth knowing.
    unsettled: Mutex<Vec<(usize, Unsettled)>>,
    /// The step that ended the run.
    pub(super) ended_by: OnceLock<usize>,
    pub(super) letters: StepLetters,
    pub(super) found: Found,
    /// What steps say they are at.
    heard: Mutex<mpsc::Receiver<(usize, Foreign)>>,
}

impl<'r> Run<'r> {
    fn new(
        network: &NetworkOperationWrapper,
        plan: Arc<Plan>,
        options: &'r ApplyOptions,
        observer: &'r dyn PlanObserver,
        journal: Journal,
    ) -> Result<Self, ApplyError> {
        let env = network.env().clone();
        let places: BTreeMap<StepId, usize> =
            plan.steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        let (selection, selected) = options.selection.chosen(&plan, &places)?;
        let mut watchers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, step) in plan.steps.iter().enumerate() {
            let watched = step.watches().iter().filter_map(|id| places.get(id).copied());
            watched.for_each(|watched| watchers.entry(watched).or_default().push(at));
        }
        let now = env.now();
        let (said, heard) = mpsc::channel(MOST_SAID);
        Ok(Self {
            watchers,
            ground: Arc::new(Ground {
                network: network.clone(),
                plan,
                logs: options.logs.clone(),
                cancel: options.cancel.clone(),
                variables: options.variables.clone(),
                recheck: options.recheck,
                units: Units::default(),
                root: options.root.clone(),
                dpkg: Dpkg::default(),
                modules: Arc::clone(&options.modules),
                commits: Commits::default(),
                said,
            }),
            unsettled: Mutex::default(),
            ended_by: OnceLock::new(),
            letters: StepLetters::default(),
            found: Found::default(),
            heard: Mutex::new(heard),
            journal: Arc::new(Mutex::new(journal)),
            options,
            observer,
            selected,
            selection,
            places,
            would: Mutex::default(),
            would_do: Mutex::default(),
            began: now,
            until: options.limit.map(|limit| now.after(limit)),
            wait_until: now.after(options.wait),
            env,
        })
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.ground.plan.steps
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unsettled(&self) -> MutexGuard<'_, Vec<(usize, Unsettled)>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, at: usize, what: StepEvent<'_>) {
        if let Some(step) = self.steps().get(at) {
            self.observer.on(&PlanEvent { id: &step.id, kind: step.action.kind(), what });
        }
    }

    async fn carried_out(self) -> Applied {
        let nodes = nodes(&self.ground.plan, &self.places, &self.ground.modules);
        let mut order = Order::new(nodes, self.options.jobs.get(), MOST_FETCHES);
        let mut outcomes: Vec<Option<(Outcome, Duration)>> = vec![None; self.steps().len()];
        let mut fetched = BTreeMap::new();
        let stopped = self.go(&mut order, &mut outcomes, &mut fetched).await;
        let mut turns = Turns::default();
        fetched.into_values().for_each(|brought| turns.begin(self.gone(brought)));
        while !turns.next().await.is_empty() {}
        drop(turns);
        let close = self.journal().close();
        close.await;
        self.clear_letters(
            outcomes.iter().map(|end| end.as_ref().map(|(outcome, _)| outcome)).enumerate(),
            true,
        );
        self.report(outcomes, stopped)
    }

    async fn gone(&self, brought: Brought) -> Ended {
        self.let_go(brought).await;
        Ended::LetGo
    }

    /// What a step says next. Never where nobody says anything any more.
    async fn heard(&self) -> (usize, Foreign) {
        std::future::poll_fn(|cx| {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            match heard.poll_recv(cx) {
                Poll::Ready(Some(said)) => Poll::Ready(said),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// When nothing is begun any more. Never where it always may be.
    async fn time_is_up(&self) {
        match self.until {
            Some(until) => self.env.bell(until).await,
            None => std::future::pending().await,
        }
    }

    /// What was said comes before the end of whoever said it.
    fn tell_what_is_left(&self) {
        let said = || self.heard.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok();
        while let Some((at, what)) = said() {
            self.tell(at, StepEvent::At(&what));
        }
    }

    async fn go(
        &self,
        order: &mut Order,
        outcomes: &mut [Option<(Outcome, Duration)>],
        fetched: &mut BTreeMap<usize, Brought>,
    ) -> bool {
        let mut turns: Turns<'_, Ended> = Turns::default();
        // Fetches that their steps wait for.
        let mut fetching: BTreeMap<usize, Ahead> = BTreeMap::new();
        let mut waiting: Vec<Vec<usize>> = Vec::new();
        loop {
            let is_over = self.options.cancel.is_cancelled() || self.journal().is_overtaken();
            if is_over || self.until.is_some_and(|until| self.env.now() >= until) {
                order.stop();
            }
            if order.is_stopped() {
                fetching.values().for_each(Ahead::is_for_nobody);
            }
            while let Some(turn) = order.next() {
                match turn {
                    // Where nobody asked for it, it is not held up.
                    Turn::Blocked(at, why) => {
                        let why = self.is_selected(at).then_some(why);
                        if let Some(brought) = fetched.remove(&at) {
                            turns.begin(self.gone(brought));
                        }
                        fetching.get(&at).into_iter().for_each(Ahead::is_for_one_less);
                        self.end(outcomes, at, blocked(self.steps(), why), Duration::ZERO);
                    }
                    Turn::Fetch(group) => {
                        let ahead = Ahead::new(&self.options.cancel, group.len());
                        for at in &group {
                            fetching.insert(*at, ahead.clone());
                            self.may_join(*at);
                        }
                        turns.begin(async move { Ended::Fetched(self.fetch(group, ahead).await) });
                    }
                    // Who fetches for it ends first.
                    Turn::Act(group) if group.iter().any(|at| fetching.contains_key(at)) => {
                        group.iter().filter_map(|at| fetching.get(at)).for_each(Ahead::is_due);
                        waiting.push(group);
                    }
                    Turn::Act(group) => self.begin(&mut turns, fetched, group),
                }
            }
            for (at, unsettled) in std::mem::take(&mut *self.unsettled()) {
                turns.begin(async move { Ended::Settled(at, self.settle(unsettled).await) });
            }
            // Else it is written with the group, in one transaction.
            if !self.ground.commits.is_gathering() {
                self.journal().write();
            }
            if turns.is_empty() {
                return is_over;
            }
            let ended = tokio::select! {
                biased;
                (at, what) = self.heard() => {
                    self.tell(at, StepEvent::At(&what));
                    continue;
                }
                ended = turns.next() => {
                    self.tell_what_is_left();
                    ended
                }
                () = self.options.cancel.cancelled(), if !is_over => continue,
                () = self.ground.network.installs().lists_read(), if order.waits_for_lists() => {
                    order.lists_were_read();
                    continue;
                }
                // What is fetched for nobody holds up no end.
                () = self.time_is_up(), if !order.is_stopped() && !fetching.is_empty() => continue,
            };
            for ended in ended {
                match ended {
                    Ended::Fetched(came) => {
                        order.fetched(came.iter().map(|(at, came)| (*at, came.kept())));
                        for (at, came) in came {
                            fetching.remove(&at);
                            self.ground.commits.comes_not(at);
                            let Came::Brought(brought) = came else { continue };
                            // Its step may have been blocked meanwhile.
                            if outcomes.get(at).is_some_and(Option::is_some) {
                                turns.begin(self.gone(brought));
                            } else {
                                fetched.insert(at, brought);
                            }
                        }
                        let is_due =
                            |group: &mut Vec<usize>| !group.iter().any(|at| fetching.contains_key(at));
                        let due: Vec<_> = waiting.extract_if(.., is_due).collect();
                        due.into_iter().for_each(|group| self.begin(&mut turns, fetched, group));
                    }
                    Ended::Acted(group) => {
                        let ends: Vec<_> =
                            group.iter().map(|(at, outcome, _)| (*at, self.means(*at, outcome))).collect();
                        for (at, outcome, took) in group {
                            self.ground.commits.comes_not(at);
                            self.may_end_all(order, at, &outcome);
                            self.end(outcomes, at, outcome, took);
                        }
                        order.acted(&ends);
                    }
                    Ended::Settled(at, Some(stamp)) => self.settled(at, stamp),
                    Ended::Settled(_, None) | Ended::LetGo => {}
                }
            }
        }
    }

    /// It may be a download soon that becomes its file with others.
    fn may_join(&self, at: usize) {
        if self.steps().get(at).is_some_and(|step| step.action.kind() == ActionKind::Download) {
            self.ground.commits.comes(at);
        }
    }

    fn begin<'t>(
        &'t self,
        turns: &mut Turns<'t, Ended>,
        fetched: &mut BTreeMap<usize, Brought>,
        group: Vec<usize>,
    ) {
        group.iter().for_each(|at| self.may_join(*at));
        let brought: BTreeMap<_, _> =
            group.iter().filter_map(|at| Some((*at, fetched.remove(at)?))).collect();
        turns.begin(async move { Ended::Acted(self.act(group, brought).await) });
    }

    pub(super) fn is_selected(&self, at: usize) -> bool {
        self.selected.contains(&at)
    }

    fn end(&self, outcomes: &mut [Option<(Outcome, Duration)>], at: usize, outcome: Outcome, took: Duration) {
        self.has_letter(at, &outcome, took);
        self.tell(at, StepEvent::Ended { outcome: &outcome, took });
        if let Some(place) = outcomes.get_mut(at) {
            *place = Some((outcome, took));
        }
    }
}
