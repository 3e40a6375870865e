//! A response's body, onto the disk: gathered, hashed, watched.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use vps_breaker::Tick;

use super::attempt::Failed;
use super::ceiling::Ceiling;
use super::error::Fault;
use super::hash::Hashing;
use super::memory::Memory;
use super::part::Part;
use super::request::Limits;
use super::speed::{Pace, Speed};
use super::warning::DownloadWarning;
use crate::attempt::Attempt;
use crate::env::{BoxFuture, Env};
use crate::http::{Body, HttpError, silent};

/// Bytes gathered for one write where more is waiting.
const BATCH: usize = 512 << 10;

/// Between two reports of progress.
const REPORT: Duration = Duration::from_millis(100);

/// How often the only source is asked anew because it trickles.
const RENEWALS: u32 = 2;

/// What a body is received under.
pub(super) struct Terms<'a> {
    pub(super) limits: &'a Limits,
    /// The file's length, where known.
    pub(super) total: Option<u64>,
    /// Bytes that may be thrown away for another source; none where there is none.
    pub(super) alternative: Option<u64>,
    /// Bytes that were there before.
    pub(super) resumed_from: u64,
    /// Where this body ends, if it is not to the end of the file.
    pub(super) until: Option<u64>,
}

/// Receives `body` to its end into `part`.
///
/// Cancel safe in that the part holds what it says it holds; a digest under way is lost.
pub(super) async fn receive(
    body: &mut Body,
    part: &mut Part,
    hashing: &mut Option<Hashing>,
    terms: &Terms<'_>,
    attempt: &Attempt,
    memory: &mut Memory,
) -> Result<(), Failed> {
    let env = part.env.clone();
    let mut watch = Watch::new(&env, terms);
    let mut report = Report { last: None };
    let ceiling = if terms.total.is_none() { Ceiling::of(part) } else { None };
    attempt.progress(part.written, terms.total, terms.resumed_from);
    loop {
        let mut end = None;
        let mut batch = Vec::new();
        match watch.next(body, part, attempt, memory).await? {
            Ok(Some(bytes)) => batch.push(bytes),
            Ok(None) => end = Some(Ok(())),
            Err(error) => end = Some(Err(error)),
        }
        if end.is_none() {
            end = gather(body, &mut batch).await;
        }
        let gained: usize = batch.iter().map(Bytes::len).sum();
        if gained > 0 {
            check_size(part, gained, terms, ceiling.as_ref())?;
            part.append(&batch).map_err(|source| failed_write(part, source))?;
            let now = env.now();
            watch.speed.gained(now, gained);
            if let Some(hashing) = hashing {
                hashing.update(batch).await;
            }
            keep_up(part, hashing).await;
            report.maybe(now, || attempt.progress(part.written, terms.total, terms.resumed_from));
        }
        if let Some(end) = end {
            attempt.progress(part.written, terms.total, terms.resumed_from);
            return end.map_err(Failed::from);
        }
    }
}

/// What more is there already, without waiting for any: `Some` if the body ended.
async fn gather(body: &mut Body, batch: &mut Vec<Bytes>) -> Option<Result<(), HttpError>> {
    let mut gathered = batch.iter().map(Bytes::len).sum::<usize>();
    poll_fn(|cx| {
        while gathered < BATCH {
            match body.poll_chunk(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    gathered += bytes.len();
                    batch.push(bytes);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(Some(Ok(()))),
                Poll::Pending => break,
            }
        }
        Poll::Ready(None)
    })
    .await
}

fn check_size(part: &Part, gained: usize, terms: &Terms<'_>, ceiling: Option<&Ceiling>) -> Result<(), Fault> {
    let size = part.written.saturating_add(u64::try_from(gained).unwrap_or(u64::MAX));
    match (terms.limits.max_size, terms.total) {
        (Some(limit), _) if size > limit => Err(Fault::TooLarge { limit }),
        (_, Some(expected)) if size > terms.until.unwrap_or(expected) => {
            Err(Fault::Length { expected, got: size })
        }
        _ => ceiling.map_or(Ok(()), |ceiling| ceiling.check(size)),
    }
}

fn failed_write(part: &Part, source: std::io::Error) -> Fault {
    Fault::Disk { doing: "write", path: part.path(), source }
}

/// Records that are due, and the syncs behind them.
async fn keep_up(part: &mut Part, hashing: &mut Option<Hashing>) {
    part.keep_record();
    if part.is_checkpoint_due() {
        let digest = match hashing {
            Some(hashing) => hashing.digest_so_far().await,
            None => None,
        };
        part.begin_checkpoint(digest);
    }
}

/// The idle limit and the minimum speed. One timer for both, set again only when it rings: none is
/// made for each chunk.
struct Watch<'a> {
    env: &'a Env,
    terms: &'a Terms<'a>,
    speed: Speed,
    bell: BoxFuture<()>,
}

impl<'a> Watch<'a> {
    fn new(env: &'a Env, terms: &'a Terms<'a>) -> Self {
        let speed = Speed::new(env.now(), terms.limits.idle, terms.limits.min_speed);
        let bell = env.bell(speed.next_look());
        Self { env, terms, speed, bell }
    }

    /// The next bytes, the end, or what cut the body off.
    async fn next(
        &mut self,
        body: &mut Body,
        part: &Part,
        attempt: &Attempt,
        memory: &mut Memory,
    ) -> Result<Result<Option<Bytes>, HttpError>, Fault> {
        loop {
            tokio::select! {
                biased;
                chunk = body.chunk() => return Ok(chunk),
                () = &mut self.bell => {}
            }
            let Limits { idle, min_speed, .. } = *self.terms.limits;
            match self.speed.look(self.env.now()) {
                Pace::Fine => {}
                Pace::Silent => return Err(Fault::Http(silent(idle))),
                Pace::Slow if self.terms.alternative.is_some_and(|spare| part.written <= spare) => {
                    return Err(Fault::TooSlow { min_speed, window: idle });
                }
                // A fresh connection may have a better way, and the rest would not come in time by this one.
                Pace::Slow if memory.renewed < RENEWALS && self.comes_too_late(part, attempt) => {
                    memory.renewed += 1;
                    return Err(Fault::TooSlow { min_speed, window: idle });
                }
                // It is the only source there is, or would have to be begun anew: slow is better than none.
                Pace::Slow => {
                    if !std::mem::replace(&mut memory.warned_slow, true) {
                        attempt.warn(DownloadWarning::Slow { min_speed, window: idle });
                    }
                }
            }
            self.bell = self.env.bell(self.speed.next_look());
        }
    }
}

impl Watch<'_> {
    /// Whether what is there can be gone on with, and the rest will not be there before the deadline.
    fn comes_too_late(&self, part: &Part, attempt: &Attempt) -> bool {
        let (Some(total), Some(left)) = (self.terms.total, attempt.deadline.left(self.env.now())) else {
            return false;
        };
        let to_come = u128::from(total.saturating_sub(part.written)) * self.terms.limits.idle.as_millis();
        part.is_resumable() && to_come > u128::from(self.speed.in_window()) * left.as_millis()
    }
}

struct Report {
    last: Option<Tick>,
}

impl Report {
    fn maybe(&mut self, now: Tick, tell: impl FnOnce()) {
        if self.last.is_none_or(|last| now.since(last) >= REPORT) {
            self.last = Some(now);
            tell();
        }
    }
}
