//! `apply`: a plan is done as far as it can be, and what is left is said.

mod changes;
mod next;
mod said;

use std::sync::Arc;
use std::time::Duration;

use vps_ops::foreign::Foreign;
use vps_ops::plan::run::{
    Applied, ApplyError, ApplyLock, ApplyOptions, LockError, Outcome, Selection, Would, apply,
};
use vps_ops::plan::{Hint, HintKind, Plan, Variables};
use vps_ops::{Kind, NetworkOperationWrapper};

use self::changes::Changes;
use self::said::Said;
use super::plan::read::read;
use crate::app::App;
use crate::args::{ApplyArgs, Steps};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::observe::{self, PlanView};
use crate::report::Failure;

/// How often it is said what is under way.
const STILL: Duration = Duration::from_secs(30);

pub(crate) async fn run(app: &App, args: ApplyArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    let found = read(app, std::path::Path::new(&args.plan)).await?;
    // What the run itself may make is nothing to be warned of.
    let may_be_made = |hint: &&Hint| matches!(hint.kind, HintKind::SourceMissing { may_be_made: true, .. });
    for hint in found.hints.iter().filter(|hint| !may_be_made(hint)) {
        tracing::warn!("{}:{hint}", found.shown);
    }
    let plan = Arc::new(found.plan);
    // Before anything is waited for.
    selection(&args).check(&plan).map_err(|error| failed(&error, &args))?;
    let view = view(app, &args, &plan);
    let network = network(app, &loaded, &view);
    let lock = lock(app, &loaded, &args, &plan).await?;
    let ran = carry_out(app, &loaded, &network, &args, &plan, view, lock).await?;
    ended(app, &args, &found.shown, &ran)
}

/// What is asked for.
fn selection(args: &ApplyArgs) -> Selection {
    let mut selection = Selection::default();
    selection.only = Steps::named(&args.only);
    selection.skip = Steps::named(&args.skip);
    selection.rerun = Steps::named(&args.rerun);
    selection.mark_done = Steps::named(&args.mark_done);
    selection
}

/// Who tells of a run.
pub(super) fn view(app: &App, args: &ApplyArgs, plan: &Plan) -> Arc<PlanView> {
    let view = PlanView::new(app.env.clone(), app.screen.clone(), app.term, &app.global, plan);
    Arc::new(if args.dry_run { view.silent() } else { view })
}

/// The network of a run, whose operations are told of as parts of its steps.
pub(super) fn network(app: &App, loaded: &Loaded, view: &Arc<PlanView>) -> NetworkOperationWrapper {
    let observers = observe::observers_of_plan(&app.screen, app.term, app.global.log_format, view);
    app.network_watched_by(loaded, observers)
}

/// A run that has ended, and who told of it.
pub(super) struct Ran {
    pub(super) applied: Applied,
    view: Arc<PlanView>,
    /// What would become of files, where it was only looked.
    changes: Changes,
}

/// Keeps other runs of this plan away, where this one does anything.
pub(super) async fn lock(
    app: &App,
    loaded: &Loaded,
    args: &ApplyArgs,
    plan: &Plan,
) -> Result<Option<ApplyLock>, Failure> {
    let Some(folder) = app.state_folder(loaded).filter(|_| !args.dry_run) else { return Ok(None) };
    folder.prepare(app.env.fs()).map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;
    let wait = args.lock.wait();
    let taken = ApplyLock::take(&app.env, folder.path(), &plan.name, wait, &app.cancel).await;
    taken.map(Some).map_err(|error| not_locked(&error))
}

/// Runs it over this network, which is closed then: who comes next finds all that was noted. Until then the plan is locked.
pub(super) async fn carry_out(
    app: &App,
    loaded: &Loaded,
    network: &NetworkOperationWrapper,
    args: &ApplyArgs,
    plan: &Arc<Plan>,
    view: Arc<PlanView>,
    lock: Option<ApplyLock>,
) -> Result<Ran, Failure> {
    let mut options = ApplyOptions::default();
    options.selection = selection(args);
    (options.dry_run, options.recheck) = (args.dry_run, args.recheck);
    (options.limit, options.wait, options.jobs) = (args.limit_time, args.wait.unwrap_or_default(), args.jobs);
    options.cancel = app.cancel.clone();
    options.variables = variables(app, plan);
    options.modules = Arc::clone(&app.modules);
    options.logs = app.state_folder(loaded).map(|folder| folder.path().join("logs"));

    let (env, saying) = (app.env.clone(), Arc::clone(&view));
    let still = app.env.spawn("still", async move {
        loop {
            env.bell(env.now().after(STILL)).await;
            saying.still_running();
        }
    });
    let drawn = view.draw();
    let store = network.health().store().clone();
    let applied = apply(network, &store, Arc::clone(plan), &options, &*view).await;
    drop((still, drawn));
    app.screen.clear();
    network.close().await;
    drop(lock);
    let applied = applied.map_err(|error| failed(&error, args))?;
    let changes =
        if args.dry_run { changes::of(&app.env, plan, &options.variables, &applied) } else { Changes::new() };
    Ok(Ran { applied, view, changes })
}

/// Says what became of it.
pub(super) fn ended(app: &App, args: &ApplyArgs, plan: &Foreign, ran: &Ran) -> Result<Exit, Failure> {
    app.screen.clear();
    let applied = &ran.applied;
    let exit = exit(app, args, applied);
    Said { app, args, view: &ran.view, plan, applied, changes: &ran.changes, exit }.say().map(|()| exit)
}

pub(super) fn not_locked(error: &LockError) -> Failure {
    if matches!(error, LockError::Stopped) {
        return Failure::of_error(Exit::of(Kind::Cancelled), Kind::Cancelled, error);
    }
    let failure = Failure::of_error(Exit::Local, Kind::Local, error);
    match error {
        LockError::Held { .. } => failure.hint("wait for it with `--wait-lock 10m`"),
        _ => failure,
    }
}

fn failed(error: &ApplyError, args: &ApplyArgs) -> Failure {
    let left_out = match (args.only.is_empty(), args.skip.is_empty()) {
        (true, _) => "--skip",
        (false, true) => "--only",
        (false, false) => "--only and --skip",
    };
    let named = |option: &str, id: &Foreign| {
        Failure::usage(format!("`{option}` names the step `{id}`, which `{left_out}` leaves out"))
            .hint(format!("name it in one of the two: what is left out can have no `{option}`"))
    };
    match error {
        ApplyError::UnknownStep { .. } => Failure::usage(error.to_string()),
        ApplyError::RerunLeftOut { id } => named("--rerun", id),
        ApplyError::DoneLeftOut { id } => named("--mark-done", id),
        ApplyError::RerunAndDone { id } => {
            Failure::usage(format!("`--rerun` and `--mark-done` both name the step `{id}`"))
                .hint("a step is done again, or it was done by hand")
        }
        _ => Failure::of_error(Exit::Local, Kind::Local, error),
    }
}

/// What secrets may come from: only the variables that the plan names.
fn variables(app: &App, plan: &Plan) -> Variables {
    let value =
        |name: &str| app.environment.all.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let text = |name: &str| Some((name.to_owned(), value(name)?.to_str()?.into()));
    let has_no_text = |name: &&str| value(name).is_some_and(|value| value.to_str().is_none());
    Variables::new(plan.variables().filter_map(text))
        .with_no_text(plan.variables().filter(has_no_text).map(str::to_owned))
}

fn exit(app: &App, args: &ApplyArgs, applied: &Applied) -> Exit {
    if applied.stopped && app.cancel.is_cancelled() {
        return app.stopped.by().map_or(Exit::of(Kind::Cancelled), Exit::Signal);
    }
    let would = |outcome: &Outcome| matches!(outcome, Outcome::Would(Would::Change(_)));
    let has_warned = applied.count(|outcome| matches!(outcome, Outcome::Failed(_))) > 0;
    if applied.failed().next().is_some() || (args.strict && has_warned) {
        Exit::Failed
    } else if applied.overtaken {
        Exit::Local
    } else if args.fail_on.is_some() && applied.count(would) > 0 {
        Exit::Offline
    } else if applied.left().next().is_some() {
        Exit::CircuitOpen
    } else {
        Exit::Done
    }
}
