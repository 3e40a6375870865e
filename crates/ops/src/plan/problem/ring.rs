//! Steps that wait for each other.

use std::fmt;

use crate::foreign::Foreign;

/// One step in a ring of steps that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The step.
    pub step: Foreign,
    /// Why it waits for the next.
    pub why: Wait,
}

/// Why a step waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// `needs` names it.
    Needs,
    /// `on_change` names it.
    Watches,
    /// It stands below it, and has no `needs`.
    Below,
}

/// All of a ring, as it is said.
pub(super) struct Ring<'r>(pub(super) &'r [Link]);

impl fmt::Display for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let following = self.0.iter().cycle().skip(1);
        for (number, (link, next)) in self.0.iter().zip(following).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            let why = match link.why {
                Wait::Needs => "needs",
                Wait::Watches => "watches",
                Wait::Below => "has no `needs` and stands below",
            };
            write!(f, "{comma}`{}` {why} `{}`", link.step, next.step)?;
        }
        Ok(())
    }
}
