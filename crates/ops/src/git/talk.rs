//! A conversation with a git server, one request after the other: gix's own fetch makes only one.

use std::cell::Cell;
use std::fs;
use std::io::{self, BufRead, Read};
use std::sync::atomic::AtomicBool;

use gix::odb::pack::Bundle;
use gix::odb::pack::bundle::write::Options as Writing;
use gix::progress::DynNestedProgress;
use gix::protocol::fetch::refmap::init::Context as Specs;
use gix::protocol::fetch::{Context, Options, RefMap, Shallow, Tags};
use gix::protocol::{Handshake, fetch, handshake, indicate_end_of_interaction};
use gix_transport::{Protocol, Service};

use super::job::{Job, Line};
use super::negotiate::JustThese;
use super::{GitError, words};

const DOING: &str = "fetch";

/// Who we are, as gix says it everywhere.
fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(gix::protocol::agent(gix::env::agent())))
}

fn failed(error: &gix::Error) -> GitError {
    words::of(DOING, error)
}

/// The other end, once it said what it can do.
pub(super) struct Talk<'a> {
    job: &'a Job,
    line: Line,
    handshake: Handshake,
}

impl<'a> Talk<'a> {
    pub(super) fn begin(job: &'a Job, mut line: Line) -> Result<Self, GitError> {
        let mut progress = job.meter.progress();
        let handshake = handshake(&mut line, Service::UploadPack, |_| Ok(None), Vec::new(), &mut progress)
            .map_err(|error| failed(&error))?;
        Ok(Self { job, line, handshake })
    }

    /// Whether it can leave files out, and be asked for them one by one.
    pub(super) fn serves_pieces(&self) -> bool {
        let fetch = self.handshake.capabilities.capability("fetch");
        self.handshake.server_protocol_version == Protocol::V2
            && fetch.and_then(|fetch| fetch.supports("filter")).unwrap_or(false)
    }

    /// Its refs, as far as `specs` ask for them.
    pub(super) fn refs(&mut self, specs: Specs) -> Result<RefMap, GitError> {
        let list = self.handshake.prepare_lsrefs_or_extract_refmap(agent(), true, specs);
        let progress = self.job.meter.progress();
        list.and_then(|list| list.fetch_blocking(progress, &mut self.line, false))
            .map_err(|error| failed(&error))
    }

    /// Brings a pack of what `asked` names into `repo`. How many bytes of it came is in `bytes`, whether it is
    /// whole or not.
    pub(super) fn bring(
        &mut self,
        repo: &gix::Repository,
        mut asked: JustThese<'_>,
        shallow: &Shallow,
        bytes: &Cell<u64>,
    ) -> Result<(), GitError> {
        let folder = repo.objects.store_ref().path().join("pack");
        let hash = repo.object_hash();
        self.job.meter.next_pack();
        let write = |reader: &mut dyn BufRead, progress: &mut dyn DynNestedProgress, stop: &AtomicBool| {
            let mut counted = Counted { reader, bytes };
            // No pack refers to what is not in it: nothing was said to be here.
            let others = None::<gix::OdbHandle>;
            let (into, options) = (Some(folder.as_path()), Writing::default());
            let written =
                Bundle::write_to_directory(&mut counted, into, progress, stop, others, hash, options)?;
            // What keeps git from packing it with others; nobody else works here.
            if let Some(keep) = written.keep_path {
                let _ = fs::remove_file(keep);
            }
            Ok(true)
        };
        let context = Context {
            handshake: &mut self.handshake,
            transport: &mut self.line,
            user_agent: agent(),
            trace_packetlines: false,
        };
        let shallow_file = repo.shallow_file().map_err(|error| failed(&error))?;
        let options = Options { shallow_file, shallow, tags: Tags::None, reject_shallow_remote: false };
        let progress = self.job.meter.progress();
        let fetched = fetch(&mut asked, write, progress, &self.job.stop, context, options);
        fetched.map(|_| ()).map_err(|error| failed(&error))
    }

    /// Nothing more is asked.
    pub(super) fn end(mut self) {
        // Whoever does not want to hear it has hung up already.
        let _ = indicate_end_of_interaction(&mut self.line, false);
    }
}

/// Counts what is read.
struct Counted<'a> {
    reader: &'a mut dyn BufRead,
    bytes: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count(read);
        Ok(read)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count(amount);
        self.reader.consume(amount);
    }
}

impl Counted<'_> {
    fn count(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)));
    }
}
