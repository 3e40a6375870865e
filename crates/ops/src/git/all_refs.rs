//! The fetch of a whole history: all branches and tags. gix would lock a file for each ref, which takes longer than
//! all the rest where there are tens of thousands; here they are one file, as git's own clone has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use gix::ObjectId;
use gix::bstr::BString;
use gix::odb::pack;
use gix::protocol::fetch::negotiate::{Action, Round, one_round};
use gix::protocol::fetch::refmap::{self, Source};
use gix::protocol::fetch::{Arguments, Context, Negotiate, Options, RefMap, Response, Tags};
use gix::protocol::{Handshake, transport::Protocol};
use gix::refspec::parse::Operation;
use gix::remote::fetch::Shallow;
use gix_transport::Service;

use super::target::Target;
use super::work::{self, Job, Line};
use super::{GitError, fault};

/// What is all of it.
const ALL: [&str; 2] = ["+refs/heads/*:refs/remotes/origin/*", "refs/tags/*:refs/tags/*"];
/// Who we say that we are.
const AGENT: &str = concat!("vps-configurator/", env!("CARGO_PKG_VERSION"));

/// Brings all of it into a repository with nothing in it, and says what is wanted of it.
pub(super) fn fetch(repo: &gix::Repository, job: &Job, mut line: Line) -> Result<Target, GitError> {
    let failed = |error: gix::Error| work::fetch_failed(job, &error);
    let mut progress = job.meter.progress();
    let nobody = |_| Ok(None);
    let mut handshake =
        gix::protocol::handshake(&mut line, Service::UploadPack, nobody, Vec::new(), &mut progress)
            .map_err(failed)?;
    let specs = ALL.map(str::to_owned).into_iter().chain(job.want.specs());
    let specs = specs.map(|spec| {
        let parsed = gix::refspec::parse(spec.as_str().into(), Operation::Fetch);
        parsed.map(|spec| spec.to_owned()).map_err(|error| fault::of_any("fetch", error))
    });
    let context = refmap::init::Context {
        fetch_refspecs: specs.collect::<Result<_, _>>()?,
        extra_refspecs: Vec::new(),
    };
    let map = handshake
        .prepare_lsrefs_or_extract_refmap(agent(), true, context)
        .and_then(|map| map.fetch_blocking(&mut progress, &mut line, false))
        .map_err(failed)?;
    let target = job.want.find(&map.remote_refs)?;
    // Nothing is asked of an empty repository.
    if target.id.is_some() || map.remote_refs.iter().any(|found| found.unpack().1.is_some()) {
        receive(repo, job, &mut line, &mut handshake, &map).map_err(failed)?;
        work::stopped(job)?;
        write(repo, &map)?;
    }
    if handshake.server_protocol_version == Protocol::V2 {
        // All is there: what the other end makes of the end is its own.
        let _ = gix::protocol::indicate_end_of_interaction(&mut line, false);
    }
    Ok(target)
}

fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(AGENT.to_owned()))
}

/// Receives what the refs of `map` lead to.
fn receive(
    repo: &gix::Repository,
    job: &Job,
    line: &mut Line,
    handshake: &mut Handshake,
    map: &RefMap,
) -> Result<(), gix::Error> {
    let mut wants = Wants(map.mappings.iter().filter_map(|mapping| id_of(&mapping.remote)).collect());
    let folder = repo.objects.store_ref().path().join("pack");
    let options = pack::bundle::write::Options {
        thread_limit: None,
        index_version: pack::index::Version::default(),
        iteration_mode: pack::data::input::Mode::Verify,
        alloc_limit_bytes: None,
        compression: gix::zlib::Compression::BEST_SPEED,
    };
    let mut keep = None;
    gix::protocol::fetch(
        &mut wants,
        |reader, progress, stop| {
            let none = None::<gix::OdbHandle>;
            let hash = repo.object_hash();
            let written =
                pack::Bundle::write_to_directory(reader, Some(&folder), progress, stop, none, hash, options)?;
            keep = written.keep_path;
            Ok(true)
        },
        job.meter.progress(),
        &job.stop,
        Context { handshake, transport: line, user_agent: agent(), trace_packetlines: false },
        Options {
            shallow_file: repo.shallow_file()?,
            shallow: &Shallow::NoChange,
            tags: Tags::None,
            reject_shallow_remote: false,
        },
    )?;
    // What keeps git from packing it with others; nobody else works here.
    if let Some(keep) = keep {
        let _ = fs::remove_file(keep);
    }
    Ok(())
}

/// Writes the refs that `map` gives names here.
fn write(repo: &gix::Repository, map: &RefMap) -> Result<(), GitError> {
    let mut refs: BTreeMap<&BString, ObjectId> = BTreeMap::new();
    for mapping in &map.mappings {
        if let (Some(name), Some(id)) = (&mapping.local, id_of(&mapping.remote))
            && name != "refs/remotes/origin/HEAD"
        {
            refs.insert(name, id);
        }
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

fn id_of(source: &Source) -> Option<ObjectId> {
    match source {
        Source::ObjectId(id) => Some(*id),
        Source::Ref(found) => found.unpack().1.map(ToOwned::to_owned),
    }
}

/// Asks for these, and says of nothing that it is here.
struct Wants(BTreeSet<ObjectId>);

impl Negotiate for Wants {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        Ok(Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        for id in &self.0 {
            arguments.want(id);
        }
        !self.0.is_empty()
    }

    fn one_round(
        &mut self,
        _state: &mut one_round::State,
        _arguments: &mut Arguments,
        _before: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        let round = Round {
            haves_sent: 0,
            in_vain: 0,
            haves_to_send: 0,
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}
