//! What is said of a run at its end: what it came to, what failed and why, and the one command that goes on.

use anstyle::{AnsiColor, Style};
use vps_ops::Class;
use vps_ops::foreign::{Foreign, shown, shown_word};
use vps_ops::plan::run::{Applied, Deferral, Outcome, StepReport};

use crate::app::App;
use crate::args::ApplyArgs;
use crate::exit::Exit;
use crate::observe::PlanView;
use crate::observe::words::plan as words;
use crate::report::{Failure, document, fit, line_of, print, print_bytes, without_repeats};

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
    pub(super) exit: Exit,
}

impl Said<'_> {
    /// Causes first, then what it came to, and last the command to type next: that is what people read.
    pub(super) fn say(&self) -> Result<(), Failure> {
        if self.app.global.json {
            let report = document::Apply::of(self.applied, self.args.dry_run, self.exit.code());
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
            let unbegun = self.unbegun();
            if !unbegun.is_empty() {
                self.view.line(&format!("not begun: {}", listed(&unbegun)));
            }
            let rows: String = if self.args.dry_run { self.rows() } else { String::new() };
            print(&format!("{rows}{}\n", summary(self.applied)))?;
        }
        if self.applied.overtaken {
            self.view.line("another run began meanwhile, and this one has left the rest to it");
        }
        if let Some(next) = self.next() {
            self.view.line(&format!("next: {next}"));
        }
        Ok(())
    }

    /// What was seen, where that is all that was asked for: in the order of the plan.
    fn rows(&self) -> String {
        let rows = self.applied.steps.iter().filter(|step| !matches!(step.outcome, Outcome::Failed(_)));
        rows.filter_map(|step| self.view.row_of(step)).map(|row| row + "\n").collect()
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
            match step.may_fail {
                true => tracing::warn!("{message}{causes}"),
                false => tracing::error!("{message}{causes}"),
            }
            return;
        }
        let (colour, label) =
            if step.may_fail { (AnsiColor::Yellow, "warning") } else { (AnsiColor::Red, "error") };
        let bold = Style::new().bold();
        let screen = &self.app.screen;
        screen.labelled(bold.fg_color(Some(colour.into())), label, &fit::line(&message));
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

    /// Those that had no line of their own, since their turn never came.
    fn unbegun(&self) -> Vec<&StepReport> {
        let is_unbegun = |step: &&StepReport| {
            step.took.is_zero()
                && matches!(step.outcome, Outcome::Deferred(Deferral::Stopped | Deferral::OutOfTime))
        };
        self.applied.steps.iter().filter(is_unbegun).collect()
    }

    /// The one command that goes on.
    fn next(&self) -> Option<String> {
        let applied = self.applied;
        let command = self.command();
        let first = |is: &dyn Fn(&Deferral) -> bool| {
            let is = |step: &&StepReport| matches!(&step.outcome, Outcome::Deferred(why) if is(why));
            applied.steps.iter().find(is).map(|step| shown_word(step.id.as_str().as_ref()))
        };
        if let Some(id) = first(&|why| *why == Deferral::Interrupted) {
            return Some(format!("{command} --rerun {id}  (or --mark-done {id}, if it was done)"));
        }
        if let Some(id) = first(&|why| *why == Deferral::Parked) {
            return Some(format!("{command} --rerun {id}  (once the cause is gone)"));
        }
        let waits = |why: &Deferral| matches!(why, Deferral::CircuitOpen { .. } | Deferral::Offline);
        if first(&waits).is_some() {
            return Some(format!("{command} --wait=30m"));
        }
        let is_hopeless = |step: &StepReport| matches!(&step.outcome, Outcome::Failed(error) if matches!(error.class, Class::Permanent | Class::Local));
        let would = applied.count(|outcome| matches!(outcome, Outcome::Would(_)));
        if applied.failed().any(is_hopeless) {
            Some(format!("{command}  (once the cause is gone)"))
        } else {
            (applied.failed().next().is_some() || applied.left().next().is_some() || would > 0)
                .then_some(command)
        }
    }

    /// This run, to be typed again.
    fn command(&self) -> String {
        let config =
            self.app.global.config().map(|path| format!("--config {} ", shown_word(path.as_os_str())));
        let steps = |flag: &str, ids: &[vps_ops::plan::StepId]| match ids {
            [] => String::new(),
            ids => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                format!(" {flag} {}", shown_word(ids.join(",").as_ref()))
            }
        };
        // What was done in this run need not be done once more.
        let is_done = |id: &vps_ops::plan::StepId| {
            let mut steps = self.applied.steps.iter();
            steps.any(|step| step.id == *id && matches!(step.outcome, Outcome::Done { .. }))
        };
        let rerun: Vec<_> = self.args.rerun.iter().filter(|id| !is_done(id)).cloned().collect();
        let marked = if self.args.dry_run { self.args.mark_done.as_slice() } else { &[] };
        let recheck = if self.args.recheck && self.args.dry_run { " --recheck" } else { "" };
        format!(
            "vps-configurator {}apply {}{}{}{}{}{recheck}",
            config.unwrap_or_default(),
            shown_word(&self.args.plan),
            steps("--only", &self.args.only),
            steps("--skip", &self.args.skip),
            steps("--rerun", &rerun),
            steps("--mark-done", marked),
        )
    }
}

/// `a, b, c and 7 more`.
fn listed(steps: &[&StepReport]) -> String {
    let names: Vec<_> = steps.iter().take(MOST_NAMES).map(|step| step.id.to_string()).collect();
    let more = steps.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// `web: 10 steps  ok 4  changed 2  failed 1  1m02s`.
fn summary(applied: &Applied) -> String {
    let is_ok =
        |outcome: &Outcome| matches!(outcome, Outcome::Satisfied | Outcome::Done { changed: false, .. });
    let counts: [(&str, usize); 8] = [
        ("ok", applied.count(is_ok)),
        ("changed", applied.count(|outcome| matches!(outcome, Outcome::Done { changed: true, .. }))),
        ("would change", applied.count(|outcome| matches!(outcome, Outcome::Would(_)))),
        ("skipped", applied.count(|outcome| matches!(outcome, Outcome::Skipped))),
        ("failed", applied.count(|outcome| matches!(outcome, Outcome::Failed(_)))),
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
