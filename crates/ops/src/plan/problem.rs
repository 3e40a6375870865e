//! What is wrong with a plan, and where.

mod expected;
mod kind;
mod ring;
mod said;

use std::fmt;

use thiserror::Error;

use super::step::Place;
use crate::foreign::Foreign;

pub use expected::Expected;
pub use kind::ProblemKind;
pub use ring::{Link, Wait};

/// Something that is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where it begins.
    pub place: Place,
    /// How many characters of its line it is about; at least one.
    pub length: u32,
    /// Which key it is about: `steps[2].download.url`. Empty where it is about the whole.
    pub key: Foreign,
    /// What it is.
    pub kind: ProblemKind,
}

/// `3:5: steps[0].id: there is ...`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.place.line, self.place.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        self.kind.fmt(f)
    }
}

/// A plan that cannot be run. It has every problem that was found, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the plan has {} problems", problems.len())]
pub struct InvalidPlan {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// Something in a plan that can be run, and is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint {
    /// Where it begins.
    pub place: Place,
    /// How many characters of its line it is about; at least one.
    pub length: u32,
    /// Which key it is about.
    pub key: Foreign,
    /// What it is.
    pub kind: HintKind,
}

/// As a [`Problem`].
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.place.line, self.place.column, self.key, self.kind)
    }
}

/// What is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HintKind {
    /// A path below one that another step makes, which is not needed.
    #[error(
        "{path} is made by the step `{step}`: name it in `needs`, or this is also tried where that one failed"
    )]
    BelowAnothers {
        /// The path.
        path: Foreign,
        /// The step that makes it.
        step: Foreign,
    },
    /// A path that an earlier step puts in place, too.
    #[error("{path} is what the step `{step}` makes, too: each run does both again, and one of them stays")]
    MadeTwice {
        /// The path.
        path: Foreign,
        /// The step above.
        step: Foreign,
    },
    /// A file that a step takes something from, which is not there.
    #[error(
        "{path} is not there on this machine, {}",
        if *may_be_made {
            "and is to be made by a command, a module or a package before: no step says that it makes it"
        } else {
            "and no step before makes it: the step fails unless it is put there"
        }
    )]
    SourceMissing {
        /// The file.
        path: Foreign,
        /// Whether something is run before that may make it, though no step says so.
        may_be_made: bool,
    },
    /// A gate that steps come after, and that none needs.
    #[error(
        "no step needs this gate, so nothing is held back when it fails: write `needs: [{gate}]` in those that are to wait for it, or `on_failure: stop` here"
    )]
    HoldsNothing {
        /// The gate, as a list names it.
        gate: Foreign,
    },
    /// `${name}` in a text in which nothing is replaced.
    #[error("`{reference}` stays as it is here; `expand: true` beside it fills it in")]
    NotFilledIn {
        /// As it stands.
        reference: Foreign,
    },
    /// `${name}` in a value that is itself filled in somewhere, once.
    #[error("`{reference}` stays as it is: values are filled in once, and are not looked through again")]
    NotLookedThrough {
        /// As it stands.
        reference: Foreign,
    },
}
