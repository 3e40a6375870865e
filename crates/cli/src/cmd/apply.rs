//! `apply`: a plan is done as far as it can be, and what is left is said.

use std::sync::Arc;
use std::time::Duration;

use vps_ops::foreign::shown;
use vps_ops::plan::run::{Applied, ApplyError, ApplyLock, ApplyOptions, Deferral, LockError, Outcome, apply};
use vps_ops::plan::{Plan, Variables};
use vps_ops::{Kind, NetworkOperationWrapper};

use super::plan::read::read;
use crate::app::App;
use crate::args::ApplyArgs;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::observe::words::plan as words;
use crate::observe::{self, PlanView};
use crate::report::{Failure, document, line_of, print, print_bytes};

/// How often it is said what is under way, where no bar shows it.
const STILL: Duration = Duration::from_secs(30);

pub(crate) async fn run(app: &App, args: ApplyArgs) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    let network = app.network_watched_by(
        &loaded,
        observe::observers_of_plan(&app.screen, app.term, app.global.log_format),
    );
    let found = read(app, std::path::Path::new(&args.plan))?;
    for hint in &found.hints {
        tracing::warn!(
            "{}:{}:{}: {}: {}",
            found.shown,
            hint.place.line,
            hint.place.column,
            hint.key,
            hint.kind
        );
    }
    let plan = Arc::new(found.plan);
    let applied = carry_out(app, &loaded, &network, &args, &plan).await?;
    ended(app, &args, &plan, &applied)
}

/// Runs it over this network, which is closed then: who comes next finds all that was noted.
pub(super) async fn carry_out(
    app: &App,
    loaded: &Loaded,
    network: &NetworkOperationWrapper,
    args: &ApplyArgs,
    plan: &Arc<Plan>,
) -> Result<Applied, Failure> {
    let folder = app.state_folder(loaded);
    let lock = match &folder {
        Some(folder) if !args.dry_run => {
            folder
                .prepare(app.env.fs())
                .map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;
            let wait = args.wait_lock.unwrap_or_default();
            let taken = ApplyLock::take(&app.env, folder.path(), &plan.name, wait, &app.cancel).await;
            Some(taken.map_err(|error| not_locked(&error))?)
        }
        _ => None,
    };
    let mut options = ApplyOptions::default();
    options.selection.only.clone_from(&args.only);
    options.selection.skip.clone_from(&args.skip);
    options.selection.rerun.clone_from(&args.rerun);
    options.selection.mark_done.clone_from(&args.mark_done);
    (options.dry_run, options.recheck) = (args.dry_run, args.recheck);
    (options.limit, options.wait, options.jobs) = (args.limit_time, args.wait.unwrap_or_default(), args.jobs);
    options.cancel = app.cancel.clone();
    options.variables = variables(app, plan);
    options.modules = Arc::clone(&app.modules);
    options.logs = folder.map(|folder| folder.path().join("logs"));

    let view = Arc::new(PlanView::new(app.env.clone(), app.screen.clone(), app.term, &app.global));
    let (env, saying) = (app.env.clone(), Arc::clone(&view));
    let _still = app.screen.bar().is_none().then(|| {
        app.env.spawn("still", async move {
            loop {
                env.bell(env.now().after(STILL)).await;
                saying.still_running();
            }
        })
    });
    let store = network.health().store().clone();
    let applied = apply(network, &store, Arc::clone(plan), &options, &*view).await;
    network.close().await;
    drop(lock);
    applied.map_err(|error| failed(&error))
}

/// Says what became of it.
pub(super) fn ended(app: &App, args: &ApplyArgs, plan: &Plan, applied: &Applied) -> Result<Exit, Failure> {
    app.screen.clear();
    let exit = exit(app, args, applied);
    say(app, args, plan, applied, exit)?;
    Ok(exit)
}

pub(super) fn not_locked(error: &LockError) -> Failure {
    let failure = Failure::of_error(Exit::Local, Kind::Local, error);
    match error {
        LockError::Held { .. } => failure.hint("wait for it with `--wait-lock 10m`"),
        _ => failure,
    }
}

fn failed(error: &ApplyError) -> Failure {
    match error {
        ApplyError::UnknownStep { .. } => Failure::usage(error.to_string()),
        _ => Failure::of_error(Exit::Local, Kind::Local, error),
    }
}

/// What secrets may come from: only the variables that the plan names.
fn variables(app: &App, plan: &Plan) -> Variables {
    let value = |name: &str| {
        let found = app.environment.all.iter().find(|(known, _)| known == name)?;
        Some((name.to_owned(), found.1.to_str()?.into()))
    };
    Variables::new(plan.variables().filter_map(value))
}

fn exit(app: &App, args: &ApplyArgs, applied: &Applied) -> Exit {
    if applied.stopped && app.cancel.is_cancelled() {
        return app.stopped.by().map_or(Exit::of(Kind::Cancelled), Exit::Signal);
    }
    let would = |outcome: &Outcome| matches!(outcome, Outcome::Would(_));
    let is_warned = applied.count(|outcome| matches!(outcome, Outcome::Failed(_))) > 0;
    if applied.failed().next().is_some() || (args.strict && is_warned) {
        Exit::Failed
    } else if applied.left().next().is_some() {
        Exit::CircuitOpen
    } else if args.fail_on.is_some() && applied.count(would) > 0 {
        Exit::Offline
    } else {
        Exit::Done
    }
}

fn say(app: &App, args: &ApplyArgs, plan: &Plan, applied: &Applied, exit: Exit) -> Result<(), Failure> {
    if app.global.json {
        let report = document::Apply::of(applied, args.dry_run, exit.code());
        return print_bytes(line_of(&report).as_bytes()).map(drop);
    }
    if app.global.quiet > 1 {
        return Ok(());
    }
    let place = |line: u32| match (&plan.path, line) {
        (Some(path), 1..) => format!("{}:{line}: ", shown(path)),
        _ => String::new(),
    };
    for step in &applied.steps {
        let Outcome::Failed(error) = &step.outcome else { continue };
        app.screen.line(&format!("{}{}: {}", place(step.place.line), step.id, error.what));
        error.causes.iter().for_each(|cause| app.screen.line(&format!("  caused by: {cause}")));
        error.tail.iter().for_each(|line| app.screen.line(&format!("  | {line}")));
        if let Some(log) = &error.log {
            app.screen.line(&format!("  all of it: {}", shown(log)));
        }
        error
            .hints
            .iter()
            .for_each(|hint| app.screen.line(&format!("  hint: {}", observe::words::hint(hint))));
    }
    for id in &applied.gone {
        app.screen.line(&format!("{id} is not in the plan any more; what it did stays as it is"));
    }
    if let Some(next) = next(app, args, applied) {
        app.screen.line(&format!("next: {next}"));
    }
    if app.global.quiet > 0 {
        return Ok(());
    }
    print(&format!("{}\n", summary(applied))).map(drop)
}

/// The one command that goes on.
fn next(app: &App, args: &ApplyArgs, applied: &Applied) -> Option<String> {
    let plan = app.global.config().map_or_else(String::new, |path| format!("--config {} ", shown(path)));
    let command = format!("vps-configurator {plan}apply {}", vps_ops::foreign::shown_word(&args.plan));
    let stuck = applied.left().find(|step| matches!(step.outcome, Outcome::Deferred(Deferral::Interrupted)));
    if let Some(step) = stuck {
        let id = &step.id;
        return Some(format!("{command} --rerun {id} (or --mark-done {id}, if it was done)"));
    }
    if let Some(step) =
        applied.left().find(|step| matches!(step.outcome, Outcome::Deferred(Deferral::Parked)))
    {
        return Some(format!("mend {0}, then {command} --rerun {0}", step.id));
    }
    let waits = |outcome: &Outcome| {
        matches!(outcome, Outcome::Deferred(Deferral::CircuitOpen { .. } | Deferral::Offline))
    };
    match (applied.count(waits), applied.left().next(), applied.failed().next()) {
        (1.., _, _) => Some(format!("{command} --wait=30m")),
        (_, Some(_), _) | (_, _, Some(_)) => Some(command),
        _ => None,
    }
}

/// `web: 10 steps  ok 4  changed 2  failed 1  1m02s`.
fn summary(applied: &Applied) -> String {
    let counts: [(&str, usize); 8] = [
        (
            "ok",
            applied.count(|outcome| {
                matches!(outcome, Outcome::Satisfied | Outcome::Done { changed: false, .. })
            }),
        ),
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
