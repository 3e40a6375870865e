//! What is wanted of a repository, and what it is found to be there.

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};
use gix::protocol::handshake::Ref;

use super::cause::{Damage, Missing};
use super::{CommitId, GitError, RefName};
use crate::foreign::Foreign;

/// What is to be checked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Want {
    /// What the repository calls its own.
    #[default]
    Default,
    /// A branch, or a tag, by name.
    Named(RefName),
    /// A commit.
    Commit(CommitId),
}

/// What HEAD becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A branch by its full name.
    Branch(String),
    /// The commit of a tag, by the tag's full name.
    Tag(String),
    /// A commit as such.
    Detached,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A commit, or a tag that leads to one; none in an empty repository.
    pub(super) id: Option<ObjectId>,
    pub(super) head: Head,
    /// Whether the repository itself calls this branch its own.
    pub(super) is_default: bool,
}

impl Target {
    /// The commit that `id`, which is what it was found to be, leads to.
    pub(super) fn commit(&self, repo: &gix::Repository, id: ObjectId) -> Result<ObjectId, GitError> {
        let object = repo.find_object(id).map_err(|_| Damage::missing(id))?;
        object.peel_to_commit().map(|commit| commit.id).map_err(|_| {
            let missing = match &self.head {
                Head::Tag(name) => {
                    let tag = name.strip_prefix("refs/tags/").unwrap_or(name).to_owned();
                    Missing::BehindTag { tag: tag.into() }
                }
                _ => Missing::NoCommit(CommitId(id)),
            };
            missing.into()
        })
    }

    /// The full name of the branch or tag.
    pub(super) fn reference(&self) -> Option<String> {
        match &self.head {
            Head::Branch(name) | Head::Tag(name) => Some(name.clone()),
            Head::Detached => None,
        }
    }
}

impl Want {
    /// What to ask for.
    pub(super) fn specs(&self) -> Vec<String> {
        match self {
            Self::Default => vec!["HEAD".to_owned()],
            Self::Named(name) => name.full_names(),
            Self::Commit(id) => vec![id.to_string()],
        }
    }

    /// What the refs of the other end say that it is.
    pub(super) fn find(&self, refs: &[Ref]) -> Result<Target, GitError> {
        match self {
            Self::Commit(id) => Ok(Target { id: Some(id.0), head: Head::Detached, is_default: false }),
            Self::Named(name) => {
                let found = name.full_names().into_iter().find_map(|full| {
                    let id = id_of(refs, &full)?;
                    let is_branch = full.starts_with("refs/heads/");
                    Some((id, if is_branch { Head::Branch(full) } else { Head::Tag(full) }))
                });
                let (id, head) = found.ok_or_else(|| Missing::Named(name.clone()))?;
                Ok(Target { id: Some(id), head, is_default: false })
            }
            Self::Default => default(refs),
        }
    }
}

fn default(refs: &[Ref]) -> Result<Target, GitError> {
    let head = refs.iter().find(|found| found.unpack().0 == "HEAD");
    let target = |id, head| Target { id, head, is_default: true };
    match head {
        Some(Ref::Symbolic { target: name, object, .. }) => Ok(match branch(name.as_ref()) {
            Some(name) => target(Some(*object), Head::Branch(name)),
            None => target(Some(*object), Head::Detached),
        }),
        Some(Ref::Unborn { target: name, .. }) => {
            let name = branch(name.as_ref()).unwrap_or_else(|| "refs/heads/main".to_owned());
            Ok(target(None, Head::Branch(name)))
        }
        Some(found) => Ok(target(found.unpack().1.map(ToOwned::to_owned), Head::Detached)),
        None => match without_head(refs) {
            Some(error) => Err(error),
            // Nothing is there, or a server that says nothing of what is not born yet.
            None => Ok(target(None, Head::Branch("refs/heads/main".to_owned()))),
        },
    }
}

/// The error for refs that are there while HEAD leads to none of them.
pub(super) fn without_head(refs: &[Ref]) -> Option<GitError> {
    let names = |prefix: &str| -> Vec<String> {
        let full = refs.iter().filter(|found| found.unpack().1.is_some()).map(|found| found.unpack().0);
        let short = full.filter_map(|name| name.strip_prefix(prefix.as_bytes()));
        short.map(|name| name.to_str_lossy().into_owned()).collect()
    };
    let (mut branches, tags) = (names("refs/heads/"), names("refs/tags/").len());
    if branches.is_empty() && tags == 0 {
        return None;
    }
    let more = branches.len().saturating_sub(NAMED);
    branches.truncate(NAMED);
    let branches = branches.iter().map(|name| Foreign::new(name)).collect();
    Some(Missing::Head { branches, more, tags }.into())
}

/// A branch by its full name.
pub(super) fn branch_of(refs: &[Ref], full: &str) -> Result<Target, GitError> {
    let id = id_of(refs, full).ok_or_else(|| {
        let branch = full.strip_prefix("refs/heads/").unwrap_or(full).to_owned();
        Missing::Gone { branch: branch.into() }
    })?;
    Ok(Target { id: Some(id), head: Head::Branch(full.to_owned()), is_default: false })
}

/// The name, if it is a branch's and one that git takes.
fn branch(name: &BStr) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let is_valid = gix::validate::reference::name(name.into()).is_ok();
    (name.starts_with("refs/heads/") && is_valid).then(|| name.to_owned())
}

/// Branches that are named to a person.
const NAMED: usize = 3;

/// What a ref points to: the tag where it is one.
fn id_of(refs: &[Ref], full: &str) -> Option<ObjectId> {
    let found = refs.iter().find(|found| found.unpack().0 == full)?;
    found.unpack().1.map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn id() -> ObjectId {
        ObjectId::from_hex(ID.as_bytes()).unwrap()
    }

    fn direct(name: &str) -> Ref {
        Ref::Direct { full_ref_name: name.into(), object: id() }
    }

    fn named(name: &str) -> Want {
        Want::Named(name.parse().unwrap())
    }

    #[test]
    fn a_branch_wins_over_a_tag_of_its_name() {
        let refs = [direct("refs/tags/x"), direct("refs/heads/x"), direct("refs/tags/y")];
        assert_eq!(named("x").find(&refs).unwrap().head, Head::Branch("refs/heads/x".to_owned()));
        assert_eq!(named("y").find(&refs).unwrap().head, Head::Tag("refs/tags/y".to_owned()));
        assert!(matches!(named("z").find(&refs), Err(GitError::RefNotFound { .. })));
    }

    #[test]
    fn the_default_is_what_head_points_to() {
        let symbolic = |target: &str| Ref::Symbolic {
            full_ref_name: "HEAD".into(),
            target: target.into(),
            tag: None,
            object: id(),
        };
        let found = Want::Default.find(&[symbolic("refs/heads/trunk")]).unwrap();
        assert_eq!((found.id, found.head), (Some(id()), Head::Branch("refs/heads/trunk".to_owned())));
        for odd in ["refs/heads/../x", "refs/tags/x", "refs/heads/-x\n"] {
            assert_eq!(Want::Default.find(&[symbolic(odd)]).unwrap().head, Head::Detached, "{odd}");
        }
        assert_eq!(Want::Default.find(&[direct("HEAD")]).unwrap().head, Head::Detached);
        let unborn = Ref::Unborn { full_ref_name: "HEAD".into(), target: "refs/heads/trunk".into() };
        let found = Want::Default.find(&[unborn]).unwrap();
        assert_eq!((found.id, found.head), (None, Head::Branch("refs/heads/trunk".to_owned())));
        assert!(Want::Default.find(&[direct("refs/heads/x")]).is_err());
    }

    fn without(names: &[&str]) -> Option<String> {
        let refs: Vec<Ref> = names.iter().map(|name| direct(name)).collect();
        without_head(&refs).map(|error| error.to_string())
    }

    #[test]
    fn some_branches_are_named_and_the_others_counted() {
        assert_eq!(without(&["HEAD", "refs/pull/1/head"]), None);
        let one = without(&["refs/heads/main", "refs/tags/v1"]).unwrap();
        assert!(one.ends_with("it has `main`"), "{one}");
        let five =
            without(&["refs/heads/a", "refs/heads/b", "refs/heads/c/d", "refs/heads/e", "refs/heads/f"]);
        assert!(five.unwrap().ends_with("it has `a`, `b`, `c/d` and 2 more"));
        let tags = without(&["refs/tags/a", "refs/tags/b"]).unwrap();
        assert!(tags.ends_with("it has no branch, but 2 tags"), "{tags}");
    }
}
