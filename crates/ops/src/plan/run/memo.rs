//! What is written down of a step, and of a plan as a whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::env::ProcessIdentity;
use crate::foreign::Foreign;

/// Of this layout; a row of another one is not read.
pub(super) const LAYOUT: u32 = 1;

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// It was begun. Found by a later run: it was interrupted.
    Started,
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// It was begun, and the run was stopped before it was done.
    Stopped,
    /// It was begun, and nobody let it through: it is left for a later run.
    Left,
    /// What was known of it was lost with a damaged store: it may have been done, or be due.
    Lost,
}

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memo {
    pub(super) layout: u32,
    /// Of what it did: an edited step is another one.
    pub(crate) hash: String,
    /// Where it is.
    pub(crate) stage: Stage,
    /// The run that wrote this.
    pub(crate) run: u64,
    /// How often it was begun since it was last done.
    pub(crate) attempts: u32,
    /// How many runs ended while they were at it, one after the other.
    #[serde(default)]
    pub(crate) cut: u32,
    /// The plan's count of changes when it last changed something; 0 where it never did.
    pub(crate) change: u64,
    /// The same count when it was last done or found to be.
    pub(crate) seen: u64,
    /// The same count when it last failed: what it watches may have changed since, and with it what it failed by.
    #[serde(default)]
    pub(crate) failed_at: u64,
    /// Whether it is due whatever the counts say: a change of what it watches may have been lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) owes: bool,
    /// Who does it, where that is a process of its own. Only there where it was begun and its end is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leader: Option<ProcessIdentity>,
    /// What its kind wants to know next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stamp: Option<Value>,
    /// How often it failed in the same way, one after the other, where trying again could not help.
    #[serde(default)]
    pub(crate) equal_failures: u32,
    /// What it failed with last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Foreign>,
    /// When this was written: seconds since the Unix epoch.
    pub(crate) at: f64,
}

/// What is known of a plan as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub(super) layout: u32,
    /// The last run that wrote something.
    pub run: u64,
    /// Tells it from another one that took the same number.
    pub(super) writer: u64,
    /// How often something changed.
    pub(crate) change: u64,
    /// Where the plan was read from.
    #[serde(default)]
    pub path: Option<Foreign>,
    /// The damaged store by which what is known of the plan was lost, where its steps are marked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lost_with: Option<u64>,
    /// When something was written: seconds since the Unix epoch.
    pub(crate) at: f64,
}

impl Head {
    /// That of a plan of which nothing is known, and nothing was since this store was lost.
    pub(super) fn anew(lost_with: u64) -> Self {
        Self { layout: LAYOUT, lost_with: Some(lost_with), ..Self::default() }
    }
}

impl Memo {
    pub(super) fn new() -> Self {
        Self {
            layout: LAYOUT,
            hash: String::new(),
            stage: Stage::Started,
            run: 0,
            attempts: 0,
            cut: 0,
            change: 0,
            seen: 0,
            failed_at: 0,
            owes: false,
            leader: None,
            stamp: None,
            equal_failures: 0,
            failure: None,
            at: 0.0,
        }
    }

    /// It is as it is to be, and has seen so many changes.
    pub(crate) fn done_now(&mut self, seen: u64) {
        (self.stage, self.attempts, self.failure, self.equal_failures) = (Stage::Done, 0, None, 0);
        (self.seen, self.leader, self.owes, self.cut) = (seen, None, false, 0);
    }

    /// It is of this work from now on: what another one failed with, or knew of its result, says nothing of it.
    pub(crate) fn is_of(&mut self, hash: String) {
        if self.hash != hash {
            (self.equal_failures, self.cut, self.stamp) = (0, 0, None);
            self.hash = hash;
        }
    }

    /// Whether it was begun, and not found done since: then what is found done now may have been made so by that, of
    /// which nobody who watches it has heard.
    pub(crate) fn may_have_changed(&self) -> bool {
        self.stage != Stage::Done && (self.attempts > 0 || self.is_lost())
    }

    /// Whether it was done, or found to be.
    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether it is not known if it was done.
    pub(crate) fn is_lost(&self) -> bool {
        self.stage == Stage::Lost
    }

    /// Whether it was begun by a run that did not come to its end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.stage == Stage::Started
    }
}
