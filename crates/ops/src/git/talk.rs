//! A conversation with a git server, one request after the other: gix's own fetch makes only one.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::sync::atomic::AtomicBool;

use gix::objs::Find;
use gix::progress::DynNestedProgress;
use gix::protocol::fetch::refmap::init::Context as Specs;
use gix::protocol::fetch::{Context, Negotiate, Options, RefMap, Shallow, Tags};
use gix::protocol::{Handshake, fetch, handshake, indicate_end_of_interaction};
use gix_transport::{Protocol, Service};

use super::job::{Job, Line};
use super::{GitError, pack, words};

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
    /// whole or not. What is said to be here is found in `borrowed`.
    pub(super) fn bring(
        &mut self,
        repo: &gix::Repository,
        asked: &mut impl Negotiate,
        shallow: &Shallow,
        bytes: &Cell<u64>,
        borrowed: Option<&dyn Find>,
    ) -> Result<(), GitError> {
        let folder = repo.objects.store_ref().path().join("pack");
        let Job { env, meter, limits, stop, .. } = self.job;
        let into = pack::Into { env, folder: &folder, hash: repo.object_hash(), meter, limits, stop };
        meter.next_pack();
        let mut failure = None;
        let write = |reader: &mut dyn BufRead, _: &mut dyn DynNestedProgress, _: &AtomicBool| {
            let mut counted = Counted { reader, bytes };
            pack::take_in(&mut counted, &into, borrowed).map(|()| true).map_err(|error| {
                let why = gix::Error::from_error(io::Error::other(error.to_string()));
                failure = Some(error);
                why
            })
        };
        let context = Context {
            handshake: &mut self.handshake,
            transport: &mut self.line,
            user_agent: agent(),
            trace_packetlines: false,
        };
        let shallow_file = repo.shallow_file().map_err(|error| failed(&error))?;
        let options = Options { shallow_file, shallow, tags: Tags::None, reject_shallow_remote: false };
        let fetched = fetch(asked, write, meter.progress(), stop, context, options);
        // What we know ourselves is not read out of what gix makes of it.
        match (fetched, failure) {
            (Err(_), Some(failure)) => Err(failure),
            (fetched, _) => fetched.map(|_| ()).map_err(|error| failed(&error)),
        }
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
