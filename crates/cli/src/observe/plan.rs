//! A run of a plan as lines: what changed, what failed, what is left. What was so already is only counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use vps_breaker::Tick;
use vps_ops::env::Env;
use vps_ops::event::{Event, EventKind, Observer};
use vps_ops::plan::run::{Deferral, Outcome, PlanEvent, PlanObserver, StepEvent};
use vps_ops::plan::{ActionKind, StepId};

use super::Screen;
use super::words::plan as words;
use crate::args::GlobalArgs;
use crate::report::{document, one_line};
use crate::term::Term;

/// How wide the names of steps and of kinds are.
const NAMES: usize = 14;
const KINDS: usize = 14;

/// Tells of a run.
#[derive(Debug)]
pub(crate) struct PlanView {
    env: Env,
    screen: Screen,
    unicode: bool,
    /// Whether each event is one JSON object on standard output.
    json: bool,
    /// Whether lines are said at all.
    is_quiet: bool,
    running: Mutex<BTreeMap<StepId, (ActionKind, Tick)>>,
}

impl PlanView {
    pub(crate) fn new(env: Env, screen: Screen, term: Term, global: &GlobalArgs) -> Self {
        let is_quiet = global.quiet > 0 || global.json;
        Self { env, screen, unicode: term.unicode, json: global.json, is_quiet, running: Mutex::default() }
    }

    /// Says what is under way, for those who see no bars.
    pub(crate) fn still_running(&self) {
        let now = self.env.now();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let words = |(id, (_, since)): (&StepId, &(ActionKind, Tick))| {
            format!("{id} {}", words::took(now.since(*since)))
        };
        let all: Vec<String> = running.iter().map(words).collect();
        if !all.is_empty() && !self.is_quiet {
            self.screen.line(&format!("still running: {}", all.join(", ")));
        }
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

/// Hears all but the beginnings and ends of operations that went well.
#[derive(Debug)]
pub(super) struct OnTheWay<O>(pub(super) O);

impl<O: Observer> Observer for OnTheWay<O> {
    fn on(&self, event: &Event<'_>) {
        let is_said =
            matches!(event.kind, EventKind::Started | EventKind::Succeeded { .. } | EventKind::Note { .. });
        if !(is_said && event.is_of_root()) {
            self.0.on(event);
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

impl PlanObserver for PlanView {
    fn on(&self, event: &PlanEvent<'_>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match event.what {
            StepEvent::Began | StepEvent::Fetching => {
                running.insert(event.id.clone(), (event.kind, self.env.now()));
            }
            StepEvent::Ended { .. } => {
                running.remove(event.id);
            }
            _ => {}
        }
        drop(running);
        if self.json {
            // A reader that is gone is seen at the end.
            let line = one_line(&document::ApplyEvent::of(event));
            drop(crate::report::print_bytes(format!("{line}\n").as_bytes()));
            return;
        }
        let StepEvent::Ended { outcome, took } = event.what else { return };
        if self.is_quiet || !is_said(outcome) {
            return;
        }
        let (style, mark) = self.mark(outcome);
        let what = words::outcome(event.kind, outcome);
        let (id, kind) = (event.id, event.kind.as_str());
        let line = format!("{id:<NAMES$} {kind:<KINDS$} {what}  {}", words::took(took));
        self.screen.marked(style, mark, &crate::report::fit::line(&line));
    }
}
