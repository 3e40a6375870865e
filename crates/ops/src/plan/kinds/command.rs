//! A command is run, unless its guards say that it need not be.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use thiserror::Error;

use super::super::action::{CommandAction, CommandLine, Once};
use super::super::run::{Done, Proof, StepContext, StepError};
use super::super::secret_text::{Part, SecretText};
use super::asked::asked;
use super::{is_once, log};
use crate::accounts;
use crate::env::fs::FileKind;
use crate::foreign::{Foreign, shown};
use crate::pipeline::Cause;
use crate::process::{CommandError, Ended, ProcessSpec, RetryOn, Transcript};
use crate::settings::Options;

/// How long a guard may be asked.
const GUARD_LIMIT: Duration = Duration::from_secs(60);

/// A command that cannot be run.
#[derive(Debug, Error)]
enum CommandStepError {
    #[error("the command has no words")]
    Empty,
    #[error("{path}, where it is to be run, is no folder")]
    NoFolder { path: Foreign },
    #[error("this machine has no user `{name}`")]
    Nobody { name: Foreign },
    #[error("the guard `{program}` cannot be asked")]
    Guard {
        program: Foreign,
        #[source]
        source: CommandError,
    },
    #[error("the guard `{program}` did not answer within {:.0}s", GUARD_LIMIT.as_secs_f64())]
    Silent { program: Foreign },
    #[error("what it says cannot be kept")]
    Memory(#[from] std::io::Error),
}

/// A process and the secrets it is given.
struct Prepared {
    spec: ProcessSpec,
    secrets: Vec<SecretString>,
}

/// What is worth knowing next time: the boot it was done in.
pub(super) fn stamp(cx: &StepContext) -> Value {
    json!({ "boot": cx.env().identity().boot_id })
}

/// Asks the guards, those first that need no process. The rule is that of [`Guards`](super::super::action::Guards).
pub(super) async fn prove(cx: &StepContext, action: &CommandAction) -> Result<Proof, StepError> {
    let needed = Ok(Proof::Missing(Some(name(&action.line))));
    let guards = &action.guards;
    let is_there = |path: &Path| is_there(cx, path);
    let mut needless = Vec::new();
    needless.extend(guards.creates.as_deref().map(is_there));
    needless.extend(guards.removes.as_deref().map(|path| !is_there(path)));
    needless.extend((!guards.on_change.is_empty()).then_some(!cx.is_told));
    needless.extend(guards.once.map(|once| was_done(cx, once)));
    let has_none = needless.is_empty() && guards.unless.is_none();
    let is_wanted = guards.always || cx.is_asked || has_none || needless.contains(&false);
    if !is_wanted && guards.unless.is_none() {
        return Ok(Proof::Satisfied(None));
    }
    // Where it is to be run may be made by steps that were only looked at.
    let asks = guards.only_if.is_some() || (!is_wanted && guards.unless.is_some());
    if asks && !is_folder(cx, action) {
        return needed;
    }
    // A condition: where it does not hold, it is not run, whatever the others say. What it was due for stays due.
    if let Some(line) = &guards.only_if
        && !succeeds(cx, action, line).await?
    {
        return Ok(Proof::DoesNotApply);
    }
    if is_wanted {
        return needed;
    }
    if let Some(line) = &guards.unless
        && !succeeds(cx, action, line).await?
    {
        return needed;
    }
    Ok(Proof::Satisfied(None))
}

/// Whether it is known from an earlier run.
fn was_done(cx: &StepContext, once: Once) -> bool {
    use super::super::run::Stage;

    // Whatever is to be looked at anew: this cannot be looked at.
    let Some(memo) = cx.memo.as_ref().filter(|memo| memo.stage == Stage::Done) else { return false };
    let boot = &cx.env().identity().boot_id;
    let in_this_boot = !boot.is_empty() && memo.stamp == Some(stamp(cx));
    once == Once::Ever || in_this_boot
}

/// After it was run only what it was to make or to remove says whether it did.
pub(super) fn verify(cx: &StepContext, action: &CommandAction) -> Proof {
    let wrong = |path: &Option<std::path::PathBuf>, there: bool| {
        path.as_ref().filter(|path| is_there(cx, path) != there).map(|path| shown(&cx.path(path)))
    };
    match wrong(&action.guards.creates, true).or_else(|| wrong(&action.guards.removes, false)) {
        Some(path) => Proof::Missing(Some(path)),
        None => Proof::Satisfied(None),
    }
}

pub(super) async fn effect(cx: &StepContext, action: &CommandAction) -> Result<Done, StepError> {
    let Prepared { spec, secrets } = prepared(cx, action, &action.line)?;
    if !is_folder(cx, action) {
        let path = shown(&folder(cx, action));
        return Err(StepError::local(&CommandStepError::NoFolder { path }));
    }
    let said = Transcript::new().map_err(|error| StepError::local(&CommandStepError::from(error)))?;
    let options = options(cx);
    let retry_on = match options.attempts {
        Some(NonZeroU32::MIN) => RetryOn::only([]),
        _ => RetryOn::default(),
    };
    let outcome = cx.network().commands().work(&spec, &retry_on, cx, &said, &options).await;
    let kept = log::keep(cx, &said, &secrets);
    match outcome {
        Ok(()) => {
            Ok(Done { changed: true, what: Some(name(&action.line)), stamp: Some(stamp(cx)), later: None })
        }
        Err(error) => {
            let mut failed = StepError::of(&error);
            // An empty file tells nobody anything.
            (failed.log, failed.tail) = (kept.log.filter(|_| !said.is_empty()), kept.tail);
            match &error.cause {
                Cause::Operation(CommandError::Code { code, .. }) => failed.code = Some(*code),
                Cause::Operation(CommandError::Signal { .. }) | Cause::TimedOut { .. } => {
                    failed.cut_short = true;
                }
                _ => {}
            }
            Err(failed)
        }
    }
}

/// One attempt, unless more were asked for and it may be done again.
fn options(cx: &StepContext) -> Options {
    let may_repeat = cx.step().is_some_and(|step| !is_once(&step.action));
    let attempts = cx.options.attempts.filter(|_| may_repeat).unwrap_or(NonZeroU32::MIN);
    Options { attempts: Some(attempts), ..cx.options.clone() }
}

/// Whether a command ends with 0.
async fn succeeds(cx: &StepContext, action: &CommandAction, line: &CommandLine) -> Result<bool, StepError> {
    let spec = prepared(cx, action, line)?.spec;
    let program: Foreign = spec.name().into();
    let said = Transcript::new().map_err(|error| StepError::local(&CommandStepError::from(error)))?;
    let runner = cx.network().context().runner();
    let ended = asked(cx, GUARD_LIMIT, runner.work(cx.env(), &spec, &(), &said)).await;
    let ended = ended.map_err(|error| {
        let silent = CommandStepError::Silent { program: program.clone() };
        error.into_step(&silent, |source| CommandStepError::Guard { program: program.clone(), source })
    });
    match ended? {
        Ended::Code(code) => Ok(code == 0),
        Ended::Signal(signal) => {
            let source = CommandError::Signal { program: program.clone(), signal };
            Err(StepError::local(&CommandStepError::Guard { program, source }))
        }
    }
}

fn prepared(cx: &StepContext, action: &CommandAction, line: &CommandLine) -> Result<Prepared, StepError> {
    let failed = |error: CommandStepError| StepError::local(&error);
    let spec = match line {
        CommandLine::Argv(words) => {
            let (program, arguments) = words.split_first().ok_or_else(|| failed(CommandStepError::Empty))?;
            ProcessSpec::new(program).args(arguments)
        }
        CommandLine::Shell { text, bash: false } => ProcessSpec::new("sh").args(["-eu", "-c", text]),
        CommandLine::Shell { text, bash: true } => {
            ProcessSpec::new("bash").args(["-eu", "-o", "pipefail", "-c", text])
        }
    };
    let mut spec = spec.cleared().in_folder(folder(cx, action));
    let mut home = None;
    if let Some(name) = &action.user {
        let nobody = || failed(CommandStepError::Nobody { name: name.as_str().into() });
        let account = accounts::account(cx.env(), name).ok_or_else(nobody)?;
        spec = spec.run_by(account.uid, account.gid);
        home = Some(account.home);
    }
    for (variable, value) in cx.ground.variables.inherited(home.as_deref()) {
        spec = spec.variable(variable, value);
    }
    let mut names = BTreeSet::new();
    for (variable, value) in &action.env {
        spec = spec.variable(variable, cx.reveal(value)?.expose_secret());
        names.extend(value.secrets().cloned());
    }
    let secret = |name| cx.reveal(&SecretText::new([Part::Secret(name)]));
    let secrets = names.into_iter().map(secret).collect::<Result<_, _>>()?;
    Ok(Prepared { spec, secrets })
}

fn name(line: &CommandLine) -> Foreign {
    match line {
        CommandLine::Argv(words) => words.first().map_or("", String::as_str).into(),
        CommandLine::Shell { bash: true, .. } => "bash".into(),
        CommandLine::Shell { .. } => "sh".into(),
    }
}

fn folder(cx: &StepContext, action: &CommandAction) -> std::path::PathBuf {
    action.cwd.as_ref().map_or_else(|| cx.plan().folder.clone(), |cwd| cx.path(cwd))
}

fn is_folder(cx: &StepContext, action: &CommandAction) -> bool {
    cx.env().fs().look_through(&folder(cx, action)).is_ok_and(|meta| meta.kind == FileKind::Folder)
}

fn is_there(cx: &StepContext, path: &Path) -> bool {
    cx.env().fs().look(&cx.path(path)).is_ok()
}
