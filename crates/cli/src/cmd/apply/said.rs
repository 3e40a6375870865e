//! What is said of a run at its end: what it came to, what failed and why, and the one command that goes on.

use anstyle::{AnsiColor, Style};
use vps_ops::foreign::{Foreign, shown};
use vps_ops::plan::StepId;
use vps_ops::plan::run::{Applied, Deferral, Outcome, StepReport, Would};

use super::changes::{self, Changes};
use super::next::next;
use crate::app::App;
use crate::args::ApplyArgs;
use crate::exit::Exit;
use crate::observe::PlanView;
use crate::observe::words::plan as words;
use crate::report::{Failure, document, fit, line_of, print_bytes, without_repeats};

/// Names in one line.
const MOST_NAMES: usize = 8;

/// A run that has ended, and how it was asked for.
pub(super) struct Said<'a> {
    pub(super) app: &'a App,
    pub(super) args: &'a ApplyArgs,
    pub(super) view: &'a PlanView,
    /// What the plan is called in messages.
    pub(super) plan: &'a Foreign,
    pub(super) applied: &'a Applied,
    /// What would become of files.
    pub(super) changes: &'a Changes,
    pub(super) exit: Exit,
}

impl Said<'_> {
    /// Causes first, then what it came to, and last the command to type next: that is what people read.
    pub(super) fn say(&self) -> Result<(), Failure> {
        if self.app.global.json {
            let report = document::Apply::of(self.applied, self.changes, self.args.dry_run, self.exit.code());
            return print_bytes(line_of(&report).as_bytes()).map(drop);
        }
        if self.app.global.quiet > 1 {
            return Ok(());
        }
        let failed = |step: &&StepReport| matches!(step.outcome, Outcome::Failed(_));
        self.applied.steps.iter().filter(failed).for_each(|step| self.say_failed(step));
        if self.app.global.quiet == 0 {
            for id in &self.applied.gone {
                self.view.line(&format!("{id} is not in the plan any more; what it did stays as it is"));
            }
            let due: Vec<_> = self.applied.steps.iter().filter(|step| step.is_due).collect();
            if !due.is_empty() {
                let text = format!("not asked for, and due by what changed: {}", listed(&due));
                self.view.line(&text);
            }
            let unbegun = self.unbegun();
            if !unbegun.is_empty() {
                self.view.line(&format!("not begun: {}", listed(&unbegun)));
            }
            if let Some(by) = self.ended_by() {
                self.view.line(&format!("{by} is not done, which ends the run"));
            }
            let rows: String = if self.args.dry_run { self.rows() } else { String::new() };
            print_bytes(format!("{rows}{}\n", fit::line(&summary(self.applied))).as_bytes())?;
        }
        // Why it ends badly where no step did.
        if self.applied.overtaken {
            self.view.line("another run began meanwhile, and this one has left the rest to it");
        }
        if self.app.global.quiet > 0 {
            self.say_left();
        } else if let Some(next) = next(self.app, self.args, self.applied) {
            self.view.line(&format!("next: {next}"));
        }
        Ok(())
    }

    /// What was seen, where that is all that was asked for: in the order of the plan.
    fn rows(&self) -> String {
        let rows = self.applied.steps.iter().filter(|step| !matches!(step.outcome, Outcome::Failed(_)));
        let has_colour = changes::has_colour();
        let of = |step: &StepReport| {
            let change = self.changes.get(&step.id).map(|change| changes::lines(change, has_colour));
            Some(format!("{}\n{}", fit::line(&self.view.row_of(step)?), change.unwrap_or_default()))
        };
        rows.filter_map(of).collect()
    }

    fn say_failed(&self, step: &StepReport) {
        let Outcome::Failed(error) = &step.outcome else { return };
        let place = match step.place.line {
            0 => String::new(),
            line => format!("{}:{line}: ", self.plan),
        };
        let message = format!("{place}{}: {}", step.id, error.what);
        if self.view.is_json() {
            let causes: String = error.causes.iter().map(|cause| format!(": {cause}")).collect();
            return self.say_line(step.may_fail, &format!("{message}{causes}"));
        }
        self.say_line(step.may_fail, &message);
        let bold = Style::new().bold();
        let screen = &self.app.screen;
        let causes = without_repeats(error.causes.iter().map(ToString::to_string));
        causes.iter().for_each(|cause| screen.line(&format!("  caused by: {cause}")));
        error.tail.iter().for_each(|line| screen.line(&format!("  | {line}")));
        if let Some(log) = &error.log {
            screen.line(&format!("  all that it said: {}", shown(log)));
        }
        for hint in &error.hints {
            screen.labelled(bold, "hint", &fit::line(&words::hint(hint)));
        }
    }

    /// A warning, or an error, in the form that the log has.
    fn say_line(&self, is_warning: bool, line: &str) {
        let (colour, label) = match is_warning {
            _ if self.view.is_json() => {
                return if is_warning { tracing::warn!("{line}") } else { tracing::error!("{line}") };
            }
            true => (AnsiColor::Yellow, "warning"),
            false => (AnsiColor::Red, "error"),
        };
        let style = Style::new().bold().fg_color(Some(colour.into()));
        self.app.screen.labelled(style, label, &fit::line(line));
    }

    /// In one line, where steps have no line of their own: else nothing would say why it ends as it does.
    fn say_left(&self) {
        let is_left = |step: &&StepReport| match &step.outcome {
            Outcome::Deferred(why) => *why != Deferral::NotSelected,
            _ => false,
        };
        let left: Vec<&StepReport> = self.applied.steps.iter().filter(is_left).collect();
        if left.is_empty() {
            return;
        }
        let why = |step: &StepReport| format!("{} ({})", step.id, words::outcome(step.kind, &step.outcome));
        let line = format!("{}: not done: {}", self.applied.name, listed_as(&left, why));
        // What no later run does by itself is as good as failed.
        let has_failed = left.iter().any(|step| {
            matches!(&step.outcome, Outcome::Deferred(why) if why.is_given_up()) && !step.may_fail
        });
        self.say_line(!has_failed, &line);
    }

    /// Those that had no line of their own, since their turn never came.
    fn unbegun(&self) -> Vec<&StepReport> {
        let is_unbegun = |step: &&StepReport| {
            step.took.is_zero()
                && matches!(
                    step.outcome,
                    Outcome::Deferred(Deferral::Stopped | Deferral::OutOfTime | Deferral::Ended { .. })
                )
        };
        self.applied.steps.iter().filter(is_unbegun).collect()
    }

    /// The step that ended the run without having failed, which nothing else says.
    fn ended_by(&self) -> Option<&StepId> {
        let by = self.applied.steps.iter().find_map(|step| match &step.outcome {
            Outcome::Deferred(Deferral::Ended { by }) => Some(by),
            _ => None,
        })?;
        let has_failed = |step: &StepReport| step.id == *by && matches!(step.outcome, Outcome::Failed(_));
        (!self.applied.steps.iter().any(has_failed)).then_some(by)
    }
}

/// `a, b, c and 7 more`.
fn listed(steps: &[&StepReport]) -> String {
    listed_as(steps, |step| step.id.to_string())
}

/// The same, each in these words.
fn listed_as(steps: &[&StepReport], words: impl Fn(&StepReport) -> String) -> String {
    let names: Vec<_> = steps.iter().take(MOST_NAMES).map(|step| words(step)).collect();
    let more = steps.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// `web: 10 steps  ok 4  changed 2  failed 1  1m02s`.
fn summary(applied: &Applied) -> String {
    let is_ok =
        |outcome: &Outcome| matches!(outcome, Outcome::Satisfied | Outcome::Done { changed: false, .. });
    let is_unknown =
        |outcome: &Outcome| matches!(outcome, Outcome::Would(Would::Unknown | Would::UnknownUntil(_)));
    let counts: [(&str, usize); 10] = [
        ("ok", applied.count(is_ok)),
        ("changed", applied.count(|outcome| matches!(outcome, Outcome::Done { changed: true, .. }))),
        ("would change", applied.count(|outcome| matches!(outcome, Outcome::Would(Would::Change(_))))),
        ("unknown", applied.count(is_unknown)),
        ("skipped", applied.count(|outcome| matches!(outcome, Outcome::Skipped))),
        ("failed", applied.count(|outcome| matches!(outcome, Outcome::Failed(_)))),
        ("given up", applied.count(|outcome| matches!(outcome, Outcome::Deferred(why) if why.is_given_up()))),
        ("blocked", applied.count(|outcome| matches!(outcome, Outcome::Blocked { .. }))),
        ("left", applied.left().count()),
        (
            "not asked for",
            applied.count(|outcome| matches!(outcome, Outcome::Deferred(Deferral::NotSelected))),
        ),
    ];
    let counted: String = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("  {word} {count}"))
        .collect();
    let steps = applied.steps.len();
    let plural = if steps == 1 { "" } else { "s" };
    format!("{}: {steps} step{plural}{counted}  {}", applied.name, words::took(applied.took))
}
