//! What is not as it should be, with what this program has for it.

use vps_ops::event::Warning;
#[cfg(feature = "git")]
use vps_ops::git::CloneWarning;

/// One sentence, lower case, without a full stop.
pub(crate) fn warning(warning: &Warning) -> String {
    match warning {
        #[cfg(feature = "git")]
        Warning::Clone(warning) => of_clone(warning),
        other => other.to_string(),
    }
}

/// The same of a clone.
#[cfg(feature = "git")]
pub(crate) fn of_clone(warning: &CloneWarning) -> String {
    match warning {
        CloneWarning::ModuleBehind { .. } => format!("{warning}: add --recurse-submodules"),
        CloneWarning::HalfDone => {
            format!("{warning}: mend what is said below, and the same command goes on with it")
        }
        other => other.to_string(),
    }
}
