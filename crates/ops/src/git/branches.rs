//! Whether a repository without a commit at its HEAD is empty, or only says badly where its branches are.

use gix::progress::NestedProgress;
use gix::refspec::parse::Operation;
use gix::remote::{fetch::Tags, ref_map};

use super::job::{Job, Line, Made};
use super::{GitError, repository, target, words};

/// Everything that may be checked out.
const ALL: [&str; 2] = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];

/// Asks again, for all branches and tags this time: since version 2 a server tells of what it is asked for
/// only, and a HEAD that leads nowhere looks the same in an empty repository.
pub(super) fn none(job: &Job, line: Line) -> Result<Made, GitError> {
    let failed = |error: gix::Error| words::of("list the branches", &error);
    let repo = repository::open(&job.folder)?;
    let remote =
        repo.remote_at_without_url_rewrite(job.url.stored()).map_err(failed)?.with_fetch_tags(Tags::None);
    let mut connection = remote.to_connection_with_transport(line);
    connection.set_credentials(|_| Ok(None));
    connection.set_transport_options(Box::new(()));
    let mut options = ref_map::Options::default();
    for spec in ALL {
        let spec = gix::refspec::parse(spec.into(), Operation::Fetch)
            .map_err(|error| words::of_any("list the branches", error))?;
        options.extra_refspecs.push(spec.to_owned());
    }
    let (map, _) = connection.ref_map(job.meter.progress().add_child("refs"), options).map_err(failed)?;
    match target::without_head(&map.remote_refs) {
        Some(error) => Err(error),
        None => Ok(Made::default()),
    }
}
