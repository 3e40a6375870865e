//! The one command that goes on after a run, to be typed as it stands.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;

use vps_ops::Class;
use vps_ops::plan::StepId;
use vps_ops::plan::run::{Applied, Deferral, Outcome, StepReport};

use crate::app::App;
use crate::args::{ApplyArgs, Steps, is_one_step};
use crate::cmd::plan::stream::Stream;
use crate::program;
use crate::shell::{quoted, quoted_path};

/// Names in one command; nobody copies more, and a shell takes only so much.
const MOST_NAMED: usize = 32;

/// What goes on, or nothing where all is done.
pub(super) fn next(app: &App, args: &ApplyArgs, applied: &Applied) -> Option<String> {
    let first = |is: &dyn Fn(&Outcome) -> bool| {
        applied.steps.iter().find(|step| is(&step.outcome)).map(|step| step.id.clone())
    };
    let deferred = |is: &dyn Fn(&Deferral) -> bool| {
        first(&|outcome| matches!(outcome, Outcome::Deferred(why) if is(why)))
    };
    let line = Line { app, args, applied };
    let once_gone = "once the cause is gone";
    let may_be_done = |why: &Deferral| matches!(why, Deferral::Interrupted | Deferral::Lost { by: None });
    if let Some(id) = deferred(&may_be_done) {
        let note = format!("or --mark-done {}, if it was done", quoted(id.as_str().as_ref()));
        return Some(line.with(Some(id), "", &note));
    }
    // What failed now, and is not tried again unasked.
    let given_up = |step: &&StepReport| {
        matches!(&step.outcome, Outcome::Failed(error) if error.given_up) && !step.may_fail
    };
    let given_up = || applied.steps.iter().find(given_up).map(|step| step.id.clone());
    if let Some(id) = deferred(&Deferral::is_given_up).or_else(given_up) {
        return Some(line.with(Some(id), "", once_gone));
    }
    let waits = |why: &Deferral| matches!(why, Deferral::CircuitOpen { .. } | Deferral::Offline);
    if deferred(&waits).is_some() {
        return Some(line.with(None, " --wait=30m", ""));
    }
    let is_hopeless = |step: &StepReport| matches!(&step.outcome, Outcome::Failed(error) if matches!(error.class, Class::Permanent | Class::Local));
    let would = applied.count(|outcome| matches!(outcome, Outcome::Would(_)));
    if applied.failed().any(is_hopeless) {
        return Some(line.with(None, "", once_gone));
    }
    let is_left = applied.failed().next().is_some() || applied.left().next().is_some() || would > 0;
    if is_left {
        return Some(line.with(None, "", ""));
    }
    // What was asked for is done; what that made due, all steps together do.
    let is_due = applied.steps.iter().any(|step| step.is_due);
    is_due.then(|| {
        let all = ApplyArgs { only: Vec::new(), skip: Vec::new(), ..args.clone() };
        Line { app, args: &all, applied }.with(None, "", "")
    })
}

/// This run, to be typed again.
struct Line<'a> {
    app: &'a App,
    args: &'a ApplyArgs,
    applied: &'a Applied,
}

impl Line<'_> {
    /// With one more step to be done again, with `more` behind it, and what there is to say of it.
    fn with(&self, again: Option<StepId>, more: &str, note: &str) -> String {
        let Self { app, args, applied } = self;
        let mut notes = vec![note.to_owned()];
        let mut only = Steps::named(&args.only);
        if args.is_of_letter && only.len() > MOST_NAMED {
            notes.push(format!("all of the plan, for {} steps were asked for", only.len()));
            only.clear();
        }
        let mut rerun = not_done(Steps::named(&args.rerun), applied);
        let is_new = |id: &StepId| !rerun.iter().any(|named| named == id || id.is_item_of(named.as_str()));
        let again = again.filter(is_new);
        rerun.extend(again.clone());
        let chosen = [
            ("--only", only),
            ("--skip", Steps::named(&args.skip)),
            ("--rerun", rerun),
            ("--mark-done", if args.dry_run { Steps::named(&args.mark_done) } else { Vec::new() }),
        ];
        notes.retain(|note| !note.is_empty());
        let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join("; ")) };
        if chosen.iter().any(|(_, ids)| ids.len() > MOST_NAMED) {
            // Whoever named so many has them at hand, and to leave some out would be another run.
            let again = again.map_or_else(String::new, |id| steps("--rerun", &[id]));
            let with = if again.is_empty() && more.is_empty() { "" } else { " with" };
            return format!("the same command again{with}{again}{more}{notes}");
        }
        let chosen: String = chosen.iter().map(|(flag, ids)| steps(flag, ids)).collect();
        let config = app.global.config().map(|path| {
            let is_option = path.as_os_str().as_bytes().starts_with(b"-");
            format!("--config{}{} ", if is_option { "=" } else { " " }, quoted(path.as_os_str()))
        });
        // What came by a descriptor comes by another one the next time.
        let plan = if Stream::at(args.plan.as_ref()).is_some() { OsStr::new("-") } else { &args.plan };
        let jobs = Some(args.jobs).filter(|jobs| *jobs != NonZeroUsize::MIN);
        let jobs = jobs.map(|jobs| format!(" --jobs {jobs}"));
        format!(
            "{} {}apply {}{chosen}{}{}{}{more}{notes}",
            program::name(),
            config.unwrap_or_default(),
            quoted_path(plan),
            if args.recheck && args.dry_run { " --recheck" } else { "" },
            jobs.unwrap_or_default(),
            if args.strict { " --strict" } else { "" },
        )
    }
}

/// An option with its steps; one step that would be taken for several has an option of its own.
fn steps(flag: &str, ids: &[StepId]) -> String {
    let (listed, alone): (Vec<_>, Vec<_>) = ids.iter().partition(|id| is_one_step(id.as_str()));
    let listed: Vec<_> = listed.iter().map(ToString::to_string).collect();
    let all = alone.iter().map(ToString::to_string).chain(Some(listed.join(",")));
    all.filter(|words| !words.is_empty()).map(|words| format!(" {flag} {}", quoted(words.as_ref()))).collect()
}

/// Without those that were done in this run: they need not be done once more. Of a list, where all of its items were.
fn not_done(ids: Vec<StepId>, applied: &Applied) -> Vec<StepId> {
    if ids.is_empty() {
        return ids;
    }
    let (mut done, mut left) = (BTreeSet::new(), BTreeSet::new());
    for step in &applied.steps {
        let id = step.id.as_str();
        let names = std::iter::once(id).chain(id.split_once('[').map(|(list, _)| list));
        let is_done = matches!(step.outcome, Outcome::Done { .. });
        if is_done { done.extend(names) } else { left.extend(names) }
    }
    let is_left = |id: &StepId| left.contains(id.as_str()) || !done.contains(id.as_str());
    ids.into_iter().filter(is_left).collect()
}
