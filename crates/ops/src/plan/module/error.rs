//! How a module fails.

use std::error::Error;
use std::fmt::{self, Display};
use std::io;

use vps_retry::{Class, Kind};

use super::super::run::StepError;
use crate::apt::InvalidPackages;
use crate::download::InvalidRequest;
use crate::failure::Failure;
use crate::foreign::Foreign;
use crate::hint::Advise;
use crate::pipeline::OperationError;
use crate::unpack::UnpackError;

/// Why a module could not do something, and whether another run may. An operation of the network that failed is one by
/// `?`, and keeps what the pipeline says of it.
#[derive(Clone, Debug)]
pub struct ModuleError(Box<StepError>);

/// A sentence of the module.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(Foreign);

impl ModuleError {
    /// One that another run meets as well: what was done is undone where the module can.
    #[must_use]
    pub fn permanent(what: impl Display) -> Self {
        Self::of(&Said(what.to_string().into()), Kind::Failed, Class::Permanent)
    }

    /// One of this machine's: no room, no rights.
    #[must_use]
    pub fn local(what: impl Display) -> Self {
        Self::of(&Said(what.to_string().into()), Kind::Local, Class::Local)
    }

    /// One that passes: a later run goes on.
    #[must_use]
    pub fn transient(what: impl Display) -> Self {
        Self::of(&Said(what.to_string().into()), Kind::Failed, Class::Transient)
    }

    /// An error with what stands behind it, of this sort.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static), kind: Kind, class: Class) -> Self {
        Self(Box::new(StepError::new(error, kind, class)))
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// All that is known of it.
    #[must_use]
    pub fn as_step(&self) -> &StepError {
        &self.0
    }

    pub(crate) fn step_mut(&mut self) -> &mut StepError {
        &mut self.0
    }

    pub(crate) fn into_step(self) -> StepError {
        *self.0
    }
}

impl Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for ModuleError {}

impl From<StepError> for ModuleError {
    fn from(error: StepError) -> Self {
        Self(Box::new(error))
    }
}

impl<E: Failure + Advise> From<OperationError<E>> for ModuleError {
    fn from(error: OperationError<E>) -> Self {
        StepError::of(&error).into()
    }
}

/// What the plan or the module says is no such thing.
macro_rules! local {
    ($($(#[$if:meta])? $error:ty),* $(,)?) => {
        $($(#[$if])?
        impl From<$error> for ModuleError {
            fn from(error: $error) -> Self {
                StepError::local(&error).into()
            }
        })*
    };
}

local!(
    io::Error,
    InvalidPackages,
    InvalidRequest,
    UnpackError,
    #[cfg(feature = "git")]
    crate::git::InvalidGitUrl,
    #[cfg(feature = "git")]
    crate::git::InvalidRef
);
