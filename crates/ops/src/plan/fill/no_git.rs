//! A clone of a repository, of which a build without git knows nothing.

use super::Filler;
use crate::plan::action::Action;
use crate::plan::decode::At;
use crate::plan::document::Git;
use crate::plan::problem::ProblemKind;

impl Filler<'_> {
    pub(super) fn git(&mut self, at: &At<Git>) -> Option<Action> {
        self.problems.add(at.spot, ProblemKind::NoGit);
        None
    }
}
