//! A module does what it does.

use thiserror::Error;
use vps_retry::{Class, Kind};

use super::super::action::ModuleAction;
use super::super::module::{Change, ConfigurationModule, Context, ModuleError, Undone, Verified};
use super::super::run::{Done, Proof, StepContext, StepError};
use crate::foreign::Foreign;

/// A step of a module that cannot be begun, or did not work.
#[derive(Debug, Error)]
enum ModuleStepError {
    #[error("there is no module `{name}`")]
    Unknown { name: Foreign },
    #[error("the module `{name}` does not take what stands under `with`: {why}")]
    Values { name: Foreign, why: Foreign },
    #[error("it was done, and is not so: {why}")]
    NotSo { why: Foreign },
}

fn made(cx: &StepContext, action: &ModuleAction) -> Result<Box<dyn ConfigurationModule>, StepError> {
    let name = || Foreign::new(&action.name);
    match cx.ground.modules.make(&action.name, &action.with) {
        Some(Ok(module)) => Ok(module),
        Some(Err(problem)) => {
            Err(StepError::local(&ModuleStepError::Values { name: name(), why: problem.what }))
        }
        None => Err(StepError::local(&ModuleStepError::Unknown { name: name() })),
    }
}

pub(super) async fn prove(cx: &StepContext, action: &ModuleAction) -> Result<Proof, StepError> {
    let module = made(cx, action)?;
    let context = Context::new(cx);
    let verified = context.guarded(module.verify(&context)).await?;
    Ok(match verified.map_err(ModuleError::into_step)? {
        Verified::Satisfied(_) => Proof::Satisfied(None),
        Verified::Missing(what) => Proof::Missing(Some(context.scrub(&what).into())),
        Verified::Unknown(_) => Proof::Unknown,
    })
}

pub(super) async fn effect(cx: &StepContext, action: &ModuleAction) -> Result<Done, StepError> {
    let module = made(cx, action)?;
    let context = Context::new(cx);
    // A stop and the end of its time are no reason to undo anything: half an undo is worse, and the next run goes on.
    let error = match context.guarded(module.configure(&context)).await? {
        Err(error) => error,
        Ok(change) => match context.guarded(module.verify(&context)).await? {
            Err(error) => error,
            Ok(Verified::Missing(why)) => {
                let why = context.scrub(&why).into();
                StepError::local(&ModuleStepError::NotSo { why }).into()
            }
            Ok(_) => return Ok(done(&context, change)),
        },
    };
    if !matches!(error.class(), Class::Permanent | Class::Local) || error.kind() == Kind::Timeout {
        return Err(error.into_step());
    }
    let undone = context.guarded(module.rollback(&context, &error)).await;
    let mut failed = error.into_step();
    failed.causes.extend(match undone {
        Ok(Ok(Undone::NotOffered)) => None,
        Ok(Ok(Undone::Undone(what))) => {
            Some(format!("what it had done was undone: {}", context.scrub(&what)).into())
        }
        Ok(Err(error)) => Some(format!("what it had done could not be undone: {error}").into()),
        Err(cut) => Some(format!("what it had done could not be undone: {cut}").into()),
    });
    Err(failed)
}

fn done(context: &Context<'_>, change: Change) -> Done {
    match change {
        Change::Changed(what) => {
            Done { changed: true, what: Some(context.scrub(&what).into()), stamp: None, later: None }
        }
        Change::Unchanged => Done::default(),
    }
}
