//! A run of a plan as lines: what changed, what failed, what is left. What was so already is only counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use vps_breaker::Tick;
use vps_ops::env::{Env, Task};
use vps_ops::event::{Event, EventKind, Observer};
use vps_ops::foreign::Foreign;
use vps_ops::operation::OperationKind;
use vps_ops::plan::run::{Deferral, Outcome, PlanEvent, PlanObserver, StepEvent, StepReport};
use vps_ops::plan::{ActionKind, Plan, StepId};

use super::Screen;
use super::columns::{COLUMNS, cut, padded, width};
use super::rows::{Happened, Look, Rows, Said};
use super::screen::coloured;
use super::words::plan as words;
use crate::args::{GlobalArgs, LogFormat};
use crate::report::{document, fit, one_line};
use crate::term::Term;

/// How wide the names of steps and of kinds are, at least and at most.
const NAMES: (usize, usize) = (8, 24);
const KINDS: (usize, usize) = (4, 14);
/// What of a text is shown however narrow the terminal is.
const LEAST: usize = 16;
/// How often rows are drawn anew.
const DRAWN: Duration = Duration::from_millis(100);

/// Tells of a run.
#[derive(Debug)]
pub(crate) struct PlanView {
    env: Env,
    screen: Screen,
    unicode: bool,
    /// Whether each event is one JSON object on standard output.
    json: bool,
    /// Whether lines go through the log, in its form.
    is_logged: bool,
    /// Whether steps have lines while they end.
    is_quiet: bool,
    /// How wide the columns of names and of kinds are.
    names: usize,
    kinds: usize,
    under_way: UnderWay,
}

/// What is under way.
#[derive(Debug)]
enum UnderWay {
    /// It is drawn.
    Drawn(Mutex<Rows>),
    /// It is told now and then.
    Told(Mutex<BTreeMap<StepId, Running>>),
}

/// A step that is under way.
#[derive(Debug)]
struct Running {
    since: Tick,
    /// What it is at.
    at: Option<Foreign>,
    /// Whether it waits.
    waits: bool,
}

impl PlanView {
    pub(crate) fn new(env: Env, screen: Screen, term: Term, global: &GlobalArgs, plan: &Plan) -> Self {
        let widest = |widths: &mut dyn Iterator<Item = usize>, (least, most): (usize, usize)| {
            widths.max().unwrap_or(least).clamp(least, most)
        };
        let names = widest(&mut plan.steps.iter().map(|step| step.id.as_str().chars().count()), NAMES);
        let kinds = widest(&mut plan.steps.iter().map(|step| step.action.kind().as_str().len()), KINDS);
        let is_logged = global.log_format == LogFormat::Json;
        let is_drawn = screen.has_rows() && !global.json && !is_logged;
        let under_way = match is_drawn {
            true => UnderWay::Drawn(Mutex::new(Rows::new(plan, env.now()))),
            false => UnderWay::Told(Mutex::default()),
        };
        Self {
            env,
            screen,
            under_way,
            unicode: term.unicode,
            json: global.json,
            is_logged,
            is_quiet: global.quiet > 0 || global.json,
            names,
            kinds,
        }
    }

    /// The same for a look: its lines are its result.
    pub(crate) fn silent(self) -> Self {
        Self { is_quiet: true, under_way: UnderWay::Told(Mutex::default()), ..self }
    }

    /// Whether what is said goes to programs, by the log.
    pub(crate) const fn is_json(&self) -> bool {
        self.is_logged
    }

    /// One line, in the form that the log has.
    pub(crate) fn line(&self, text: &str) {
        if self.is_logged {
            tracing::info!("{text}");
        } else {
            self.screen.line(text);
        }
    }

    /// Says what is under way, for those who see no bar.
    pub(crate) fn still_running(&self) {
        let UnderWay::Told(running) = &self.under_way else { return };
        if self.is_quiet {
            return;
        }
        let now = self.env.now();
        let running = running.lock().unwrap_or_else(PoisonError::into_inner);
        let words = |(id, step): (&StepId, &Running)| {
            let took = words::took(now.since(step.since));
            match &step.at {
                Some(at) => format!("{id} {took} ({at})"),
                None => format!("{id} {took}"),
            }
        };
        let all: Vec<String> = running.iter().map(words).collect();
        drop(running);
        if !all.is_empty() {
            self.line(&format!("still running: {}", all.join(", ")));
        }
    }

    /// Draws what is under way, from now on and until the task is dropped; none where it is not drawn.
    pub(crate) fn draw(self: &Arc<Self>) -> Option<Task> {
        if !self.is_drawn() {
            return None;
        }
        self.screen.clear_rows_before_a_panic();
        let view = Arc::clone(self);
        Some(self.env.spawn("rows", async move {
            let mut resumed = signal(SignalKind::from_raw(Signal::CONT.as_raw())).ok();
            loop {
                let resumes = async {
                    match &mut resumed {
                        Some(resumed) => resumed.recv().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    // Whoever had the terminal meanwhile has written there.
                    _ = resumes => view.screen.forget_rows(),
                    () = view.env.bell(view.env.now().after(DRAWN)) => {}
                }
                view.redraw();
            }
        }))
    }

    fn redraw(&self) {
        let UnderWay::Drawn(rows) = &self.under_way else { return };
        let (columns, lines) = crate::term::size(rustix::stdio::stderr());
        let look = Look {
            columns: columns.into(),
            rows: lines.into(),
            unicode: self.unicode,
            names: self.names,
            kinds: self.kinds,
        };
        let rows = rows.lock().unwrap_or_else(PoisonError::into_inner).view(look, self.env.now());
        self.screen.draw(rows.iter().map(|line| coloured(&line.painted()).into_owned()).collect());
    }

    /// Whether what is under way is drawn.
    pub(super) const fn is_drawn(&self) -> bool {
        matches!(self.under_way, UnderWay::Drawn(_))
    }

    fn happened(&self, happened: &Happened<'_>) {
        if let UnderWay::Drawn(rows) = &self.under_way {
            rows.lock().unwrap_or_else(PoisonError::into_inner).update(self.env.now(), happened);
        }
    }

    /// The line of a step that only was looked at; none where there is nothing to say of it.
    pub(crate) fn row_of(&self, step: &StepReport) -> Option<String> {
        if !is_said(&step.outcome) {
            return None;
        }
        let what = words::outcome(step.kind, &step.outcome);
        let row = self.row(&step.id, step.kind, &what, None, usize::MAX);
        Some(format!("{} {row}", self.mark(&step.outcome).1))
    }

    /// A line without its mark, cut to so many columns; fit to be shown.
    fn row(
        &self,
        id: &StepId,
        kind: ActionKind,
        what: &str,
        took: Option<Duration>,
        columns: usize,
    ) -> String {
        let (names, kinds) = (self.names, self.kinds);
        let left = format!("{} {} ", padded(id.as_str(), names), padded(kind.as_str(), kinds));
        let time = took.map_or_else(String::new, |took| format!("  {:>6}", words::took(took)));
        // The mark and the space after it.
        let taken = 2 + width(&left) + width(&time);
        let room = columns.saturating_sub(taken).max(LEAST);
        let what = cut(&fit::line(what), room, self.unicode);
        let blanks = if time.is_empty() { 0 } else { COLUMNS.min(columns).saturating_sub(taken) };
        format!("{left}{}{time}", padded(&what, blanks))
    }

    /// How wide lines may be: what goes to a file is never cut.
    fn columns() -> usize {
        use std::io::IsTerminal as _;
        let stderr = std::io::stderr();
        if stderr.is_terminal() { usize::from(crate::term::size(&stderr).0) } else { usize::MAX }
    }

    fn mark(&self, outcome: &Outcome) -> (Style, &'static str) {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        let (style, emoji, plain) = match outcome {
            Outcome::Done { .. } => (colour(AnsiColor::Green), "✔", "+"),
            Outcome::Failed(_) => (colour(AnsiColor::Red).bold(), "✖", "x"),
            Outcome::Blocked { .. } => (colour(AnsiColor::Red), "✖", "x"),
            Outcome::Deferred(_) => (colour(AnsiColor::Yellow), "…", "-"),
            Outcome::Would(_) => (colour(AnsiColor::Yellow), "→", ">"),
            _ => (Style::new(), "·", "."),
        };
        (style, if self.unicode { emoji } else { plain })
    }
}

/// Hears all but the beginnings and ends of operations: those of steps have their own lines. Of what is fetched for a
/// step of packages or of a clone before its turn it hears what happens to circuits.
#[derive(Debug)]
pub(super) struct OnTheWay<O> {
    pub(super) log: O,
    /// Whether pauses and waits are seen in rows.
    pub(super) has_rows: bool,
}

impl<O: Observer> Observer for OnTheWay<O> {
    fn on(&self, event: &Event<'_>) {
        // What fails before its turn is done again in it, and said then.
        let is_early = matches!(event.root.kind, OperationKind::AptPrefetch | OperationKind::GitPrefetch);
        if is_early && !matches!(event.kind, EventKind::CircuitMoved { .. }) {
            return;
        }
        let is_said = matches!(
            event.kind,
            EventKind::Started
                | EventKind::Succeeded { .. }
                | EventKind::Failed(_)
                | EventKind::CircuitRejected { .. }
                | EventKind::Note { .. }
        );
        let is_seen =
            self.has_rows && matches!(event.kind, EventKind::Retrying { .. } | EventKind::Waiting { .. });
        if !(is_seen || is_said && event.is_of_root()) {
            self.log.on(event);
        }
    }
}

/// Whether an end is worth a line.
fn is_said(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Satisfied | Outcome::Skipped => false,
        Outcome::Done { changed, .. } => *changed,
        Outcome::Deferred(why) => *why != Deferral::NotSelected,
        _ => true,
    }
}

/// What operations do is seen in the rows of their steps.
impl Observer for PlanView {
    fn on(&self, event: &Event<'_>) {
        self.happened(&Happened::Operation(Said::of(event)));
    }
}

impl PlanObserver for PlanView {
    fn on(&self, event: &PlanEvent<'_>) {
        self.happened(&Happened::Step(event.id, &event.what));
        let begins_to_wait = self.note(event);
        if self.json {
            // A reader that is gone is seen at the end.
            let line = one_line(&document::ApplyEvent::of(event));
            drop(crate::report::print_bytes(format!("{line}\n").as_bytes()));
            return;
        }
        if self.is_quiet {
            return;
        }
        match event.what {
            StepEvent::Waiting { left } if begins_to_wait => {
                self.line(&format!("{} waits, {} at most", event.id, words::took(left)));
            }
            StepEvent::Ended { outcome, took } if is_said(outcome) => {
                let (style, mark) = self.mark(outcome);
                let what = words::outcome(event.kind, outcome);
                if self.is_logged {
                    tracing::info!("{} ({}): {what}", event.id, event.kind.as_str());
                    return;
                }
                let row = self.row(event.id, event.kind, &what, Some(took), Self::columns());
                self.screen.marked(style, mark, &row);
            }
            _ => {}
        }
    }
}

impl PlanView {
    /// Notes what is under way, where it is told; whether a step waits that did not before.
    fn note(&self, event: &PlanEvent<'_>) -> bool {
        let UnderWay::Told(running) = &self.under_way else { return false };
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        if let StepEvent::Ended { .. } | StepEvent::Fetched | StepEvent::NotFetched = event.what {
            running.remove(event.id);
            return false;
        }
        let fresh = || Running { since: self.env.now(), at: None, waits: false };
        let step = running.entry(event.id.clone()).or_insert_with(fresh);
        match event.what {
            StepEvent::At(what) => step.at = Some(what.clone()),
            StepEvent::Waiting { .. } => return !std::mem::replace(&mut step.waits, true),
            _ => {}
        }
        false
    }
}
