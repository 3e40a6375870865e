//! Brings a clone up to date, where that loses nothing.

use std::path::Path;

use super::work::{Job, Line};
use super::{GitError, Made};

pub(super) fn update(_job: &Job, _line: Line, dest: &Path) -> Result<Made, GitError> {
    Err(GitError::NotUpdated { path: dest.to_owned(), why: "not yet".to_owned() })
}
