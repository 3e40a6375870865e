//! `dead-letter retry` of a plan's step: by the plan, as long as that has the same step.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use vps_ops::NetworkOperationWrapper;
use vps_ops::dead_letter::{LetterId, PlanStepLetter};
use vps_ops::foreign::Foreign;
use vps_ops::plan::run::{Deferral, Outcome, Selection, Stage, known};
use vps_ops::plan::{Plan, Step, StepId};

use super::again::Again;
use super::{failed, warn_of};
use crate::app::App;
use crate::args::{ApplyArgs, MetricsArgs, RetryArgs};
use crate::cmd::apply;
use crate::cmd::plan::read::read;
use crate::program;
use crate::report::Failure;

/// Does the step and then what it blocked.
pub(super) async fn again(app: &App, letter: &PlanStepLetter, args: &RetryArgs) -> Result<Again, Failure> {
    let step = Foreign::from(letter.step.as_str());
    let Some(path) = letter.path.as_ref().map(vps_ops::dead_letter::Word::to_os) else {
        let text = format!("the plan of the step {step} came from standard input");
        return Err(Failure::local(text).hint("apply it again"));
    };
    let found = read(app, Path::new(&path)).await?;
    let plan = Arc::new(found.plan);
    let id = match same_step(&plan, letter) {
        Same::Step(id) => id,
        Same::Edited => return Err(edited(&path, &step)),
        Same::Gone => return Err(gone(&path, letter, &step)),
    };
    let loaded = app.config()?;
    let mut args = ApplyArgs {
        plan: path,
        dry_run: false,
        fail_on: None,
        only: vec![Selection::with_dependents(&plan, &id).into()],
        skip: Vec::new(),
        rerun: Vec::new(),
        mark_done: Vec::new(),
        recheck: false,
        wait: args.wait_of_plan(),
        limit_time: None,
        lock: args.lock,
        jobs: NonZeroUsize::MIN,
        strict: false,
        metrics: MetricsArgs::default(),
        is_of_letter: true,
    };
    let view = apply::view(app, &args, &plan);
    // Another one than the command's own, whose operations are told of as such.
    let network = apply::network(app, &loaded, &view);
    let lock = apply::lock(app, &loaded, &args, &plan).await?;
    // No other run comes between this and what it is asked for.
    if !may_be_done(app, &network, &plan, &id).await? {
        args.rerun = vec![vec![id.clone()].into()];
    }
    let ran = apply::carry_out(app, &loaded, &network, &args, &plan, view, lock).await;
    warn_of(&network).await;
    let ran = ran?;
    let outcome = ran.applied.steps.iter().find(|step| step.id == id).map(|step| &step.outcome);
    let is_done = matches!(outcome, Some(Outcome::Done { .. } | Outcome::Satisfied | Outcome::Skipped));
    let is_undecided =
        matches!(outcome, Some(Outcome::Deferred(Deferral::Interrupted | Deferral::Lost { .. })));
    let exit = apply::ended(app, &args, &found.shown, &ran)?;
    Ok(Again { exit, is_done, is_undecided })
}

/// Whether a run did the step since it failed, and died before it took the letter out, or was ended in the middle of it:
/// it is not done twice for that. Where only somebody who looks can say which it is, the run says so.
async fn may_be_done(
    app: &App,
    network: &NetworkOperationWrapper,
    plan: &Plan,
    id: &StepId,
) -> Result<bool, Failure> {
    let known =
        known(&app.env, network.health().store(), &plan.name).await.map_err(|error| failed(&error))?;
    let (Some(known), Some(step)) = (known, plan.steps.iter().find(|step| step.id == *id)) else {
        return Ok(false);
    };
    let named = |name: &StepId| known.steps.iter().find(|known| known.id == name.as_str());
    let found = named(&step.id).or_else(|| named(step.was.as_ref()?));
    let is_it = |stage| matches!(stage, Stage::Done | Stage::Started);
    Ok(found.is_some_and(|found| is_it(found.stage) && found.hash == step.hash()))
}

/// What the plan has by now of a letter's step.
enum Same {
    /// The same step, perhaps under another name.
    Step(StepId),
    /// A step of that name that does something else, or another plan.
    Edited,
    /// No such step.
    Gone,
}

fn same_step(plan: &Plan, letter: &PlanStepLetter) -> Same {
    if plan.name != letter.plan {
        return Same::Edited;
    }
    let named = plan.steps.iter().find(|step| step.id.as_str() == letter.step);
    let was = |step: &&Step| step.was.as_ref().is_some_and(|was| was.as_str() == letter.step);
    match named.or_else(|| plan.steps.iter().find(was)) {
        Some(step) if step.hash() == letter.hash => Same::Step(step.id.clone()),
        Some(_) => Same::Edited,
        None => Same::Gone,
    }
}

fn gone(path: &OsString, letter: &PlanStepLetter, step: &Foreign) -> Failure {
    let shown = vps_ops::foreign::shown(Path::new(path));
    let id = LetterId::of_step(&letter.plan, &letter.step);
    Failure::local(format!("the step {step} is not in {shown} any more"))
        .hint(format!("drop the letter: `{} dead-letter drop {id}`", program::name()))
}

fn edited(path: &OsString, step: &Foreign) -> Failure {
    let path = Path::new(path);
    let shown = vps_ops::foreign::shown(path);
    Failure::local(format!("the step {step} of {shown} was edited since it failed")).hint(format!(
        "apply it: `{} apply {}`",
        program::name(),
        vps_ops::foreign::shown_word(path.as_os_str())
    ))
}
