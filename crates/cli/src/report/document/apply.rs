//! `apply`.

use std::collections::BTreeMap;

use serde::Serialize;
use vps_ops::plan::run::{Applied, Deferral, Outcome, PlanEvent, StepError, StepEvent, StepReport, Would};
use vps_ops::plan::{ContentChange, FileChange, NotShown, StepId};

use crate::observe::words::plan as words;

/// Something that happened to a step: `apply --json`, one in each line.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.apply.event/1")]
pub(crate) struct ApplyEvent {
    /// The step's name.
    step: String,
    /// What it does: `packages`, `download`.
    kind: &'static str,
    /// `fetching`, `fetched` or `not_fetched`, all three before its turn; `began`, `progress`, `waiting`, or `ended`.
    event: &'static str,
    /// How it ended; null until it has.
    status: Option<&'static str>,
    /// How it ended, or what it is at, in words.
    message: Option<String>,
    /// How long it took, or is waited for at most, in seconds; null where neither is so.
    seconds: Option<f64>,
}

/// What became of a plan: the last line of `apply --json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.apply/1")]
pub(crate) struct Apply {
    /// The plan's name.
    plan: String,
    /// Whether it was only looked.
    dry_run: bool,
    /// What the process ends with.
    code: u8,
    /// Whether somebody stopped it.
    stopped: bool,
    /// How long it took, in seconds.
    seconds: f64,
    /// Every step, in the order of the plan.
    steps: Vec<ApplyStep>,
    /// Steps of earlier runs that are not in the plan any more; nothing of theirs was undone.
    gone: Vec<String>,
}

/// One step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ApplyStep {
    /// Its name.
    step: String,
    /// What it does.
    kind: &'static str,
    /// Its line in the plan; 0 where that is not known.
    line: u32,
    /// `satisfied`, `changed`, `unchanged`, `would_change`, `unknown`, `skipped`, `failed`, `blocked`, `deferred`.
    status: &'static str,
    /// The same in words.
    message: String,
    /// Why a step is left: `circuit_open`, `offline`, `out_of_time`, `needs`, `not_selected`, `stopped`, `no_journal`,
    /// `lost`, `interrupted`, `running`, `parked`; null where it is not.
    deferred: Option<&'static str>,
    /// Whether it was not asked for, and is due all the same: what it watches has changed since it was last done.
    due: bool,
    /// How long it took, in seconds.
    seconds: f64,
    /// Why it failed; null where it did not.
    error: Option<ApplyError>,
    /// What would become of its file, with `--dry-run`; null where it has none or would not write it.
    change: Option<ApplyChange>,
}

/// What would become of a file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ApplyChange {
    /// Whether there is no such file yet.
    new: bool,
    /// What would be another beside its content: `mode 0600 -> 0644`, `user 0 -> 33`.
    attributes: Vec<String>,
    /// The lines that would be others, as `diff -u` has them, without its head: at most 200; empty where the content
    /// stays or is not shown.
    diff: Vec<String>,
    /// Lines that there are beside them.
    left_out: usize,
    /// Why the lines are not shown: `secret`, `private`, `binary`, `long`, `unreadable`; null where they are.
    not_shown: Option<&'static str>,
}

/// Why a step failed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ApplyError {
    /// What failed.
    message: String,
    /// Why, from the outside in.
    causes: Vec<String>,
    /// What sort of failure.
    kind: &'static str,
    /// Whether trying again can help.
    class: &'static str,
    /// Attempts made.
    attempts: u32,
    /// What can be done.
    hints: Vec<String>,
    /// Where all is that a command said.
    log: Option<String>,
    /// The last lines of it.
    tail: Vec<String>,
}

impl ApplyEvent {
    pub(crate) fn of(event: &PlanEvent<'_>) -> Self {
        let (name, ended, message, seconds) = match event.what {
            StepEvent::Fetching => ("fetching", None, None, None),
            StepEvent::Fetched => ("fetched", None, None, None),
            StepEvent::NotFetched => ("not_fetched", None, None, None),
            StepEvent::Began => ("began", None, None, None),
            StepEvent::Waiting { left } => ("waiting", None, None, Some(left)),
            StepEvent::At(what) => ("progress", None, Some(what.to_string()), None),
            StepEvent::Ended { outcome, took } => {
                ("ended", Some(outcome), Some(words::outcome(event.kind, outcome)), Some(took))
            }
            _ => ("progress", None, None, None),
        };
        Self {
            step: event.id.to_string(),
            kind: event.kind.as_str(),
            event: name,
            status: ended.map(status),
            message,
            seconds: seconds.map(|seconds| seconds.as_secs_f64()),
        }
    }
}

impl Apply {
    pub(crate) fn of(
        applied: &Applied,
        changes: &BTreeMap<StepId, FileChange>,
        dry_run: bool,
        code: u8,
    ) -> Self {
        Self {
            plan: applied.name.clone(),
            dry_run,
            code,
            stopped: applied.stopped,
            seconds: applied.took.as_secs_f64(),
            steps: applied.steps.iter().map(|step| ApplyStep::of(step, changes.get(&step.id))).collect(),
            gone: applied.gone.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ApplyStep {
    fn of(step: &StepReport, change: Option<&FileChange>) -> Self {
        let (deferred, error) = match &step.outcome {
            Outcome::Deferred(why) => (Some(name(why)), None),
            Outcome::Failed(error) => (None, Some(ApplyError::of(error))),
            _ => (None, None),
        };
        Self {
            step: step.id.to_string(),
            kind: step.kind.as_str(),
            line: step.place.line,
            status: status(&step.outcome),
            message: words::outcome(step.kind, &step.outcome),
            deferred,
            due: step.is_due,
            seconds: step.took.as_secs_f64(),
            error,
            change: change.map(ApplyChange::of),
        }
    }
}

impl ApplyChange {
    fn of(change: &FileChange) -> Self {
        let (diff, left_out, not_shown) = match &change.content {
            ContentChange::Lines(diff) => {
                (diff.lines.iter().map(ToString::to_string).collect(), diff.left_out, None)
            }
            ContentChange::NotShown(why) => (Vec::new(), 0, Some(why_not(*why))),
            _ => (Vec::new(), 0, None),
        };
        Self { new: change.is_new, attributes: words::attributes(change), diff, left_out, not_shown }
    }
}

const fn why_not(why: NotShown) -> &'static str {
    match why {
        NotShown::Secret => "secret",
        NotShown::Private => "private",
        NotShown::Binary => "binary",
        NotShown::Long => "long",
        _ => "unreadable",
    }
}

impl ApplyError {
    fn of(error: &StepError) -> Self {
        let all = |texts: &[vps_ops::foreign::Foreign]| texts.iter().map(ToString::to_string).collect();
        Self {
            message: error.what.to_string(),
            causes: all(&error.causes),
            kind: error.kind.as_str(),
            class: error.class.as_str(),
            attempts: error.attempts,
            hints: error.hints.iter().map(words::hint).collect(),
            log: error.log.as_ref().map(|path| vps_ops::foreign::shown(path).to_string()),
            tail: all(&error.tail),
        }
    }
}

const fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Satisfied => "satisfied",
        Outcome::Done { changed: true, .. } => "changed",
        Outcome::Done { changed: false, .. } => "unchanged",
        Outcome::Would(Would::Change(_)) => "would_change",
        Outcome::Would(_) => "unknown",
        Outcome::Skipped => "skipped",
        Outcome::Failed(_) => "failed",
        Outcome::Blocked { .. } => "blocked",
        _ => "deferred",
    }
}

const fn name(why: &Deferral) -> &'static str {
    match why {
        Deferral::CircuitOpen { .. } => "circuit_open",
        Deferral::Offline => "offline",
        Deferral::OutOfTime => "out_of_time",
        Deferral::Needs { .. } => "needs",
        Deferral::NotSelected => "not_selected",
        Deferral::NoJournal | Deferral::Unheard { .. } => "no_journal",
        Deferral::Lost { .. } => "lost",
        Deferral::Interrupted => "interrupted",
        Deferral::Parked { .. } | Deferral::Poison { .. } => "parked",
        Deferral::Running { .. } => "running",
        _ => "stopped",
    }
}
