//! A clone of a repository.

use std::num::NonZeroU32;

use url::Url;

use super::Filler;
use crate::git::{CommitId, GitUrl, RefName};
use crate::plan::action::{Action, GitAction};
use crate::plan::decode::At;
use crate::plan::document::Git;
use crate::plan::problem::ProblemKind;

impl Filler<'_> {
    pub(super) fn git(&mut self, at: &At<Git>) -> Option<Action> {
        let text = &at.value;
        let commit = ("commit", text.commit.key());
        self.at_most_one(&[("branch", text.branch.key()), commit]);
        self.at_most_one(&[("depth", text.depth.key()), ("full", text.full.key_if_true())]);
        self.at_most_one(&[commit, ("update", text.update.key_if_true())]);
        let url = text.url.get().and_then(|url| self.git_url(url));
        let dest = text.dest.get().and_then(|dest| self.folder_path(dest));
        let branch = text.branch.get().and_then(|at| {
            let name = self.line(at)?;
            self.of_git(at, name.parse::<RefName>().map(|_| name))
        });
        let commit = text.commit.get().and_then(|at| {
            let id = self.line(at)?;
            self.of_git(at, id.parse::<CommitId>().map(|id| id.to_string()))
        });
        let depth = text.depth.get().and_then(|at| self.number(at, 1, u32::MAX));
        let action = GitAction {
            url: url?,
            dest: dest?,
            branch,
            commit,
            depth: depth.and_then(NonZeroU32::new),
            full: text.full.value_or(false),
            submodules: text.submodules.value_or(false),
            update: text.update.value_or(false),
        };
        Some(Action::Git(action))
    }

    fn of_git<T, E: std::fmt::Display>(&mut self, at: &At<String>, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(error) => {
                self.problems.add(at.spot, ProblemKind::Git(error.to_string().into()));
                None
            }
        }
    }

    /// A repository, without user and password; one of this machine from the plan's folder.
    fn git_url(&mut self, at: &At<String>) -> Option<String> {
        let text = self.line(at)?;
        let url = self.of_git(at, text.parse::<GitUrl>())?;
        if url.has_credentials() {
            let has_user = |url: Url| !url.username().is_empty() || url.password().is_some();
            // Of an address without a scheme only a password is refused.
            let has_user = Url::parse(&text).map_or(true, has_user);
            let what = if has_user { ProblemKind::Userinfo } else { ProblemKind::RepositoryQuery };
            self.problems.add(at.spot, what);
            return None;
        }
        if url.is_local() && !text.starts_with("file:") {
            let path = self.in_folder(&text).into_os_string().into_string();
            if path.is_err() {
                self.problems.add(at.spot, ProblemKind::NotAPath);
            }
            return path.ok();
        }
        Some(text)
    }
}
