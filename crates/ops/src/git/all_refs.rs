//! The fetch of a clone: all branches and tags of a whole history, one of a short one. gix would lock a file for each ref, which takes longer than
//! all the rest where there are tens of thousands; here they are one file, as git's own clone has them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

use gix::ObjectId;
use gix::bstr::BString;
use gix::protocol::fetch::refmap::Mapping;
use gix::protocol::fetch::refmap::init::Context as Specs;
use gix::protocol::fetch::{Shallow, Tags};
use gix::refspec::RefSpec;
use gix::refspec::parse::Operation;

use super::job::{self, Job, Line};
use super::negotiate::JustThese;
use super::talk::Talk;
use super::target::Target;
use super::{GitError, words};

const BRANCHES: &str = "+refs/heads/*:refs/remotes/origin/*";

/// Brings all of it into a repository with nothing in it, and says what is wanted of it.
pub(super) fn fetch(repo: &gix::Repository, job: &Job, line: Line) -> Result<Target, GitError> {
    let mut talk = Talk::begin(job, line)?;
    let refs = talk.refs(specs(job)?)?;
    let target = job.want.find(&refs.remote_refs)?;
    let wants = wants(job, &target, &refs.mappings);
    // Nothing is asked of an empty repository.
    if !wants.is_empty() {
        let mut all = JustThese { ids: &wants, filter: None };
        let depth = job.depth.map_or(Shallow::NoChange, Shallow::DepthAtRemote);
        talk.bring(repo, &mut all, &depth, &Cell::new(0), None).map_err(|error| job::named(job, error))?;
        job::stopped(job)?;
        write(repo, &refs.mappings)?;
    }
    talk.end();
    Ok(target)
}

/// What to ask for: what is wanted, and with all of the history every branch and tag.
pub(super) fn specs(job: &Job) -> Result<Specs, GitError> {
    specs_of(job, &job.want.specs())
}

/// The same where these are wanted.
pub(super) fn specs_of(job: &Job, wanted: &[String]) -> Result<Specs, GitError> {
    let parse = |spec: &str| {
        let spec = gix::refspec::parse(spec.into(), Operation::Fetch);
        spec.map(|spec| spec.to_owned()).map_err(|error| words::of_any("fetch", error))
    };
    let mut extra = wanted.iter().map(|name| parse(name)).collect::<Result<Vec<RefSpec>, _>>()?;
    let mut own = Vec::new();
    if job.depth.is_none() {
        own.push(parse(BRANCHES)?);
        extra.extend(Tags::All.to_refspec().map(|spec| spec.to_owned()));
    }
    Ok(Specs { fetch_refspecs: own, extra_refspecs: extra })
}

/// What a clone leads to: with all of the history, every branch and tag.
pub(super) fn wants(job: &Job, target: &Target, mappings: &[Mapping]) -> Vec<ObjectId> {
    let mut wants: Vec<ObjectId> = target.id.into_iter().collect();
    if job.depth.is_none() {
        wants.extend(mappings.iter().filter_map(|mapping| mapping.remote.as_id().map(ToOwned::to_owned)));
    }
    wants.sort();
    wants.dedup();
    wants
}

/// Writes the refs that get a name here; `origin/HEAD` is what the other end calls its own.
pub(super) fn write(repo: &gix::Repository, mappings: &[Mapping]) -> Result<(), GitError> {
    let refs = named(mappings).map(|(name, id)| (name.clone(), id)).collect();
    pack_refs(repo, &refs)
}

/// Writes those that are new or went on beside `known`, which are there: a tag stays what it is.
pub(super) fn update(
    repo: &gix::Repository,
    mappings: &[Mapping],
    known: BTreeMap<BString, ObjectId>,
) -> Result<(), GitError> {
    let mut refs = known;
    for (name, id) in named(mappings) {
        if !(name.starts_with(b"refs/tags/") && refs.contains_key(name)) {
            refs.insert(name.clone(), id);
        }
    }
    pack_refs(repo, &refs)
}

fn named(mappings: &[Mapping]) -> impl Iterator<Item = (&BString, ObjectId)> {
    mappings.iter().filter_map(|mapping| {
        let name = mapping.local.as_ref().filter(|name| *name != "refs/remotes/origin/HEAD")?;
        Some((name, mapping.remote.as_id()?.to_owned()))
    })
}

fn pack_refs(repo: &gix::Repository, refs: &BTreeMap<BString, ObjectId>) -> Result<(), GitError> {
    if refs.is_empty() {
        return Ok(());
    }
    let mut text = b"# pack-refs with: sorted \n".to_vec();
    for (name, id) in refs {
        text.extend_from_slice(format!("{id} ").as_bytes());
        text.extend_from_slice(name);
        text.push(b'\n');
    }
    fs::write(repo.git_dir().join("packed-refs"), text)
        .map_err(|error| GitError::local("write the refs", error))
}
