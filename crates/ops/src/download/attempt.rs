//! One attempt, step by step: plan, part, ask, receive, verify, commit.

use std::sync::Arc;

use url::Url;
use vps_retry::Class;

use super::ask::{Asking, Incoming, from_part};
use super::commit::{Committed, How, commit};
use super::downloaded::{Downloaded, Saved, Spool};
use super::error::{Fault, PROGRESS, Reached};
use super::existing;
use super::hash::{Hashing, Running};
use super::held::Held;
use super::memory::{Memory, State, Waiting};
use super::oddity::oddity;
use super::open_part;
use super::part::Part;
use super::plan::Target;
use super::receive::{Terms, receive};
use super::request::DownloadRequest;
use super::seal::SealKey;
use super::sweep::sweep;
use super::warning::DownloadWarning;
use super::words::Asked;
use super::{DownloadError, DownloadOperation};
use crate::attempt::Attempt;
use crate::env::fs::Clobber;
use crate::foreign::Foreign;
use crate::http::{Connection, Fact, HttpError, SafeUrl, host_and_port};

/// From this size on space is taken in advance, and a second thread pays for itself.
const LARGE: u64 = 1 << 20;

/// A fault, and whose it is.
pub(super) struct Failed {
    pub(super) fault: Fault,
    pub(super) host: Option<String>,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, host: None }
    }
}

impl From<HttpError> for Failed {
    fn from(error: HttpError) -> Self {
        let host = error.host().map(str::to_owned);
        Self { fault: Fault::Http(error), host }
    }
}

impl DownloadOperation {
    pub(super) async fn once(&self, state: &mut State, attempt: &Attempt) -> Result<Downloaded, Failed> {
        let State { part, memory } = state;
        memory.gained = 0;
        let target = match memory.target.clone() {
            Some(target) => target,
            None => match self.look(memory).await? {
                Ok(target) => target,
                Err(done) => return Ok(done),
            },
        };
        if part.is_none() {
            match self.take_part(memory, &target, attempt).await? {
                Ok(taken) => *part = Some(taken),
                Err(done) => return Ok(done),
            }
        }
        let Some(part) = part else { return Err(HttpError::new(Fact::Unknown).into()) };
        memory.best = memory.best.max(part.written);
        let url = self.candidates.get(attempt.candidate).unwrap_or(self.request.url.as_url());
        let outcome = self.fetch(memory, part, &target, url, attempt).await;
        memory.gained = part.written.saturating_sub(memory.best);
        let Target::File(file) = target else { return outcome };
        match (outcome, self.request.hold) {
            (Ok(mut done), true) => {
                if let Some(part) = state.part.take() {
                    done.saved = Saved::Held(Held::new(part, file, Arc::clone(&self.request)));
                }
                Ok(done)
            }
            (outcome, _) => outcome,
        }
    }

    /// Looks at DEST; `Err` is a download that is done already.
    pub(super) async fn look(&self, memory: &mut Memory) -> Result<Result<Target, Downloaded>, Fault> {
        let target = super::plan::look(self.env.fs().as_ref(), &self.request)?;
        // While we wait for another process this is asked again and again: a file that was not the
        // right one is not read again until it is another.
        let existing = target.existing();
        if let Target::File(file) = &target
            && (existing.is_none() || existing != memory.not_right)
        {
            if let Some(done) = existing::is_done(&self.env, &self.request, file).await? {
                return Ok(Err(done));
            }
            memory.not_right = existing;
        }
        memory.target = Some(target.clone());
        Ok(Ok(target))
    }

    /// Opens the part; `Err` is a file that another process completed while we waited for it.
    async fn take_part(
        &self,
        memory: &mut Memory,
        target: &Target,
        attempt: &Attempt,
    ) -> Result<Result<Part, Downloaded>, Fault> {
        if let Target::File(file) = target {
            let first = self.swept.lock().is_ok_and(|mut swept| swept.insert(file.folder_path()));
            if first {
                sweep(&self.env, file, self.key.as_ref()).await;
            }
        }
        match open_part::open(&self.env, target, self.key.as_ref(), self.request.resume) {
            Ok((mut part, warning)) => {
                if let (Target::File(file), Some(waiting)) = (target, memory.waiting.take())
                    && waiting.is_over(file)
                {
                    part.discard();
                    attempt.note("another process has downloaded it meanwhile");
                    return Ok(Err(existing::unchanged(&self.request, file, None)));
                }
                if let Some(done) = existing::is_done_meanwhile(&self.env, &self.request, target).await? {
                    part.discard();
                    attempt.note("another process has downloaded it meanwhile");
                    return Ok(Err(done));
                }
                let of_key = self.key.as_ref().and_then(SealKey::warning);
                for warning in of_key.into_iter().chain(warning) {
                    attempt.warn(warning.clone());
                    memory.warnings.push(warning);
                }
                Ok(Ok(part))
            }
            Err(fault @ Fault::Busy { .. }) => {
                if let Target::File(file) = target {
                    let now = Waiting::begin(&self.env, file, self.key.as_ref(), self.request.url.as_url());
                    memory.waiting = Some(match memory.waiting.take() {
                        Some(before) => before.still(&now),
                        None => now,
                    });
                }
                // What stands at DEST may change while we wait: look again next time.
                memory.target = None;
                Err(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn fetch(
        &self,
        memory: &mut Memory,
        part: &mut Part,
        target: &Target,
        url: &Url,
        attempt: &Attempt,
    ) -> Result<Downloaded, Failed> {
        let request = &*self.request;
        let mut asked = if memory.fresh { Asked::default() } else { from_part(part, url, request) };
        if asked.start > 0 && !hash_what_is_there(part, request).await? {
            attempt.note("what was kept is damaged: starting from zero");
            asked = Asked::default();
        }
        let asking = Asking {
            env: &self.env,
            http: self.http.as_ref(),
            request,
            url,
            attempt,
            own: memory.own_connection,
        };
        let mut begun = None;
        let (host, closes, page) = loop {
            let Incoming { mut body, host, total, until, page, closes } = asking.ask(part, asked).await?;
            memory.fresh = false;
            let total = expected_size(request, total)?;
            memory.total = total;
            make_room(part, target, total)?;
            let from = part.written;
            let mut hashing = begin_hashing(part, request, total);
            let alternative = self.alternative();
            // Of several parts the first says where it began, unless a later one began anew.
            let resumed_from = begun.map_or(from, |begun: u64| begun.min(from));
            begun = Some(resumed_from);
            let terms = Terms { limits: &request.limits, total, alternative, resumed_from, until };
            let received = receive(&mut body, part, &mut hashing, &terms, attempt, memory).await;
            drop(body);
            memory.fetched = memory.fetched.saturating_add(part.written - from);
            part.running = match hashing {
                Some(hashing) => hashing.finish().await,
                None => None,
            };
            let at_host = |fault: Fault| Failed { fault, host: Some(host.clone()) };
            received.map_err(|failed| at_host(failed.fault))?;
            // A server may send the rest in parts of its own size (RFC 9110, 15.3.7): each is whole.
            if until.is_some_and(|until| part.written == until) && part.written > from {
                asked = from_part(part, url, request);
                if asked.start == part.written {
                    continue;
                }
            }
            check_complete(part, total).map_err(at_host)?;
            break (host, closes, page);
        };
        let resumed_from = begun.unwrap_or_default();
        let at_host = |fault: Fault| Failed { fault, host: Some(host.clone()) };
        let verified = verify(part, request).await.map_err(at_host)?;
        if closes && !verified && request.size.is_none() {
            memory.warnings.push(DownloadWarning::NoLength);
        }
        if !verified {
            memory.warnings.extend(oddity(part.written, page, url));
        }
        self.finish(memory, part, target, url, resumed_from).await.map_err(Failed::from)
    }

    /// What turning to a mirror may cost: with a digest it goes on with what is held, without one
    /// it begins at zero.
    fn alternative(&self) -> Option<u64> {
        match (self.candidates.len(), self.request.digest()) {
            (..=1, _) => None,
            (_, Some(_)) => Some(u64::MAX),
            (_, None) => Some(PROGRESS),
        }
    }

    async fn finish(
        &self,
        memory: &mut Memory,
        part: &mut Part,
        target: &Target,
        url: &Url,
        resumed_from: u64,
    ) -> Result<Downloaded, Fault> {
        let request = &*self.request;
        let bytes = part.written;
        let saved = match target {
            Target::Spool => Saved::Spool(Spool::new(Arc::clone(&part.file), bytes)),
            Target::File(file) if request.hold => Saved::File(file.path.clone()),
            Target::File(file) => {
                let clobber = if request.keep_existing { Clobber::Keep } else { Clobber::Replace };
                match commit(part, file, How { mode: request.mode, clobber, durable: request.durable })
                    .await?
                {
                    Committed::Kept => return Ok(existing::unchanged(request, file, None)),
                    committed => memory.warnings.extend(committed.warning()),
                }
                Saved::File(file.path.clone())
            }
        };
        Ok(Downloaded {
            saved,
            bytes,
            fetched: memory.fetched,
            resumed_from,
            digest: request.digest().cloned(),
            url: SafeUrl::new(url),
            verified: request.digest().is_some(),
            unchanged: false,
            warnings: std::mem::take(&mut memory.warnings),
        })
    }

    /// Turns a fault into the attempt's error: what it means after all that came before, and what
    /// becomes of the part.
    pub(super) async fn conclude(
        &self,
        state: &mut State,
        attempt: &Attempt,
        failed: Failed,
    ) -> DownloadError {
        let State { part, memory } = state;
        let Failed { fault, host } = failed;
        let judgement = memory.seen.judge(attempt.candidate, &fault);
        let url = self.candidates.get(attempt.candidate).unwrap_or(self.request.url.as_url());
        let mut reached = Reached { total: memory.total, gained: memory.gained, ..Reached::default() };
        if judgement.class == Class::Permanent {
            memory.dead.insert(attempt.candidate);
        }
        // The dead connection of a stall must not carry the next attempt.
        let stalled = |error: &HttpError| {
            matches!(error.fact(), Fact::Idle | Fact::Reset | Fact::NoAnswer | Fact::BrokenFraming)
        };
        if matches!(&fault, Fault::Http(error) if stalled(error)) || matches!(fault, Fault::TooSlow { .. }) {
            memory.own_connection |= self.request.connection == Connection::Shared;
        }
        if let Some(part) = part {
            reached.held = part.written;
            if is_wrong(&fault) {
                (memory.fresh, memory.best) = (true, 0);
                let _ = part.restart(None).await;
            }
            let hopeless = memory.dead.len() >= self.candidates.len();
            if hopeless || (judgement.class == Class::Local && !part.is_resumable()) {
                part.discard();
            } else if part.is_kept() {
                part.settle().await;
            }
            reached.kept = !part.gone && part.is_resumable();
            reached.found_again = part.is_kept();
        }
        if part.as_ref().is_some_and(|part| part.gone) {
            *part = None;
        }
        let host = host.or_else(|| Some(host_and_port(url)));
        DownloadError::new(fault, SafeUrl::new(url), host.map(Foreign::from), reached, judgement)
    }
}

/// Whether what was received is no part of the right file.
fn is_wrong(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Digest { .. }
            | Fault::Length { .. }
            | Fault::TooLarge { .. }
            | Fault::NoRoom { .. }
            | Fault::UnaskedPart
    )
}

/// Makes the digest cover what is there; `false` if it is not what it was.
async fn hash_what_is_there(part: &mut Part, request: &DownloadRequest) -> Result<bool, Fault> {
    let Some(checksum) = request.digest().filter(|_| part.running.is_none()) else {
        return Ok(true);
    };
    let path = part.path();
    part.rehash(checksum.algorithm()).await.map_err(|source| Fault::Disk { doing: "read", path, source })
}

/// The length the file must have, by what the server and the caller say.
fn expected_size(request: &DownloadRequest, total: Option<u64>) -> Result<Option<u64>, Fault> {
    match (request.size, total) {
        (Some(expected), Some(got)) if expected != got => return Err(Fault::Length { expected, got }),
        _ => {}
    }
    let total = total.or(request.size);
    match (request.limits.max_size, total) {
        (Some(limit), Some(total)) if total > limit => Err(Fault::TooLarge { limit }),
        _ => Ok(total),
    }
}

/// Takes the space for the rest of the file, or says that there is not that much.
fn make_room(part: &Part, target: &Target, total: Option<u64>) -> Result<(), Fault> {
    let (Some(total), Target::File(file)) = (total, target) else { return Ok(()) };
    if total < LARGE || total == part.written {
        return Ok(());
    }
    let taken = part.file.meta().map_or(0, |meta| meta.allocated).max(part.written);
    let needed = total.saturating_sub(taken);
    match file.folder.free() {
        Ok(free) if free < needed => {
            return Err(Fault::NoSpace { folder: file.folder_path(), needed, free });
        }
        _ => {}
    }
    part.file.preallocate(total).map_err(|source| Fault::Disk {
        doing: "take the space for",
        path: file.path.clone(),
        source,
    })
}

fn begin_hashing(part: &mut Part, request: &DownloadRequest, total: Option<u64>) -> Option<Hashing> {
    let checksum = request.digest()?;
    let running = part.running.take().unwrap_or_else(|| Running::new(checksum.algorithm()));
    let large = total.is_none_or(|total| total - part.written >= LARGE);
    Some(Hashing::begin(&part.env, running, large))
}

fn check_complete(part: &Part, total: Option<u64>) -> Result<(), Fault> {
    match total {
        Some(total) if part.written < total => Err(Fault::Http(HttpError::new(Fact::EarlyEnd))),
        _ => Ok(()),
    }
}

/// Whether a digest says that the part is right; an error if it says that it is not.
async fn verify(part: &mut Part, request: &DownloadRequest) -> Result<bool, Fault> {
    let Some(expected) = request.digest().cloned() else { return Ok(false) };
    if part.running.is_none() {
        hash_what_is_there(part, request).await?;
    }
    let got = part.running.as_ref().map(Running::hex).unwrap_or_default();
    if got == expected.hex() { Ok(true) } else { Err(Fault::Digest { expected, got: got.into() }) }
}
