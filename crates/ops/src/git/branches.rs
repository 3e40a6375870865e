//! Whether a repository without a commit at its HEAD is empty, or only says badly where its branches are.

use gix::bstr::ByteSlice;
use gix::progress::NestedProgress;
use gix::protocol::handshake::Ref;
use gix::refspec::parse::Operation;
use gix::remote::{fetch::Tags, ref_map};

use super::work::{self, Job, Line};
use super::{GitError, Made, fault};

/// Branches that are named to a person.
const NAMED: usize = 3;
/// Everything that may be checked out.
const ALL: [&str; 2] = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];

/// Asks again, for all branches and tags this time: since version 2 a server tells of what it is asked for
/// only, and a HEAD that leads nowhere looks the same in an empty repository.
pub(super) fn none(job: &Job, line: Line) -> Result<Made, GitError> {
    let failed = |error: gix::Error| fault::of("list the branches", &error);
    let repo = work::open(&job.folder)?;
    let remote = repo.remote_at(job.url.stored()).map_err(failed)?.with_fetch_tags(Tags::None);
    let mut connection = remote.to_connection_with_transport(line);
    connection.set_credentials(|_| Ok(None));
    connection.set_transport_options(Box::new(()));
    let mut options = ref_map::Options::default();
    for spec in ALL {
        let spec = gix::refspec::parse(spec.into(), Operation::Fetch)
            .map_err(|error| fault::of_any("list the branches", error))?;
        options.extra_refspecs.push(spec.to_owned());
    }
    let (map, _) = connection.ref_map(job.meter.progress().add_child("refs"), options).map_err(failed)?;
    match without_head(&map.remote_refs) {
        Some(error) => Err(error),
        None => Ok(Made::default()),
    }
}

/// The error for refs that are there while HEAD leads to none of them.
pub(super) fn without_head(refs: &[Ref]) -> Option<GitError> {
    let names = |prefix: &str| -> Vec<String> {
        let full = refs.iter().filter(|found| found.unpack().1.is_some()).map(|found| found.unpack().0);
        full.filter_map(|name| name.strip_prefix(prefix.as_bytes()))
            .map(|name| format!("`{}`", name.to_str_lossy().escape_debug()))
            .collect()
    };
    let (mut branches, tags) = (names("refs/heads/"), names("refs/tags/").len());
    let more = branches.len().saturating_sub(NAMED);
    branches.truncate(NAMED);
    let has = match (branches.is_empty(), more, tags) {
        (true, _, 0) => return None,
        (true, _, tags) => format!("no branch, but {tags} tags"),
        (false, 0, _) => branches.join(", "),
        (false, more, _) => format!("{} and {more} more", branches.join(", ")),
    };
    Some(GitError::RefNotFound { what: format!("branch that its HEAD names; it has {has}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[&str]) -> Option<String> {
        let id = gix::ObjectId::null(gix::hash::Kind::Sha1);
        let direct = |name: &&str| Ref::Direct { full_ref_name: (*name).into(), object: id };
        without_head(&names.iter().map(direct).collect::<Vec<_>>()).map(|error| error.to_string())
    }

    #[test]
    fn some_branches_are_named_and_the_others_counted() {
        assert_eq!(said(&["HEAD", "refs/pull/1/head"]), None);
        let one = said(&["refs/heads/main", "refs/tags/v1"]).unwrap();
        assert!(one.ends_with("it has `main`"), "{one}");
        let five = said(&["refs/heads/a", "refs/heads/b", "refs/heads/c/d", "refs/heads/e", "refs/heads/f"]);
        assert!(five.unwrap().ends_with("it has `a`, `b`, `c/d` and 2 more"));
        let tags = said(&["refs/tags/a", "refs/tags/b"]).unwrap();
        assert!(tags.ends_with("it has no branch, but 2 tags"), "{tags}");
    }
}
