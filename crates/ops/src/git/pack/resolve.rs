//! The ids of deltas: each is put together once, below what it is a delta of, and let go of as soon as it was.
//!
//! On the way down a chain what is above is held, in a bound: what does not fit is made again when it is needed again.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use gix::ObjectId;
use gix::hash::Kind as HashKind;
use gix::objs::Kind;
use gix::odb::pack::data::File as Pack;
use gix::odb::pack::data::entry::Header;
use gix::progress::{Count as _, NestedProgress as _, Progress as _, StepShared};

use super::content::Content;
use super::table::{Base, Table};
use super::weave::{Link, Loom, Sink};
use super::{Damage, GitError, Into, damaged, words};
use crate::git::excess::Excess;
use crate::git::limits::Counted;
use crate::git::stoppable::stopped;

/// Bytes of objects that are held on the way down chains, by all threads together.
const HELD: u64 = 64 << 20;
/// More threads would need more memory.
const THREADS: usize = 8;
/// Objects that a thread begins with at a time.
const BATCH: usize = 16;

/// Finds the ids of all deltas in the pack at `path` that lead to what is in it; what the others are of.
pub(super) fn all(
    path: &Path,
    table: &mut Table,
    room: u64,
    into: &Into<'_>,
) -> Result<Counted<ObjectId>, GitError> {
    let pack = opened(path, into)?;
    let pairs = table.pairs()?;
    let counter = counter(into, pairs.len().saturating_add(table.named.len()));
    round(&Source { pack: &pack, table, pairs: &pairs }, &roots(table, &pairs)?, room, into, &counter)?;
    drop(pairs);
    named(&pack, table, room, into, &counter)?;
    let mut missing = Counted::with_capacity(into.limits, table.named.len())?;
    table.named.iter().try_for_each(|delta| missing.push(table.named_base(*delta)))?;
    missing.sort_unstable();
    missing.dedup();
    Ok(missing)
}

/// The same of those that are left, once all that they are of is in the pack.
pub(super) fn rest(path: &Path, table: &mut Table, room: u64, into: &Into<'_>) -> Result<(), GitError> {
    let pack = opened(path, into)?;
    let counter = counter(into, table.named.len());
    named(&pack, table, room, into, &counter)?;
    table.named.first().map_or(Ok(()), |delta| Err(Damage::missing(table.named_base(*delta)).into()))
}

fn opened(path: &Path, into: &Into<'_>) -> Result<Pack, GitError> {
    Pack::at(path, into.hash).map_err(|error| words::of(super::DOING, &error))
}

/// Deltas that name what they are of, and all below them, as far as it is known: what is found makes others known.
fn named(
    pack: &Pack,
    table: &mut Table,
    room: u64,
    into: &Into<'_>,
    counter: &StepShared,
) -> Result<(), GitError> {
    loop {
        let found = found(table)?;
        if found.is_empty() {
            return Ok(());
        }
        let mut roots = Counted::with_capacity(into.limits, found.len())?;
        found.iter().try_for_each(|(base, _)| roots.push(*base))?;
        roots.sort_unstable();
        roots.dedup();
        let pairs = below(table, found)?;
        round(&Source { pack, table, pairs: &pairs }, &roots, room, into, counter)?;
    }
}

fn counter(into: &Into<'_>, deltas: usize) -> StepShared {
    let mut objects = into.meter.progress().add_child_with_id("deltas", *b"IWRO");
    objects.init(Some(deltas), None);
    objects.counter()
}

/// What is whole and something is a delta of.
fn roots(table: &Table, pairs: &[(u32, u32)]) -> Result<Counted<u32>, Excess> {
    let mut roots: Counted<u32> = Counted::new(table.limits());
    for (base, _) in pairs {
        if roots.last() != Some(base) && table.base(*base) == Base::Whole {
            roots.push(*base)?;
        }
    }
    Ok(roots)
}

/// Deltas that named what they are of, with its place, where that is known by now; they are taken out.
fn found(table: &mut Table) -> Result<Counted<(u32, u32)>, Excess> {
    let limits = table.limits().clone();
    let mut found = Counted::new(&limits);
    if table.named.is_empty() {
        return Ok(found);
    }
    // By what they are of.
    let mut wanted = Counted::with_capacity(&limits, table.named.len())?;
    table.named.iter().try_for_each(|delta| wanted.push(*delta))?;
    wanted.sort_unstable_by_key(|delta| table.id(*delta));
    for at in 0..u32::try_from(table.len()).unwrap_or(u32::MAX) {
        // What is not put together yet has no id of its own.
        if table.base(at) == Base::Named {
            continue;
        }
        let id = table.id(at);
        let first = wanted.partition_point(|delta| table.id(*delta) < id);
        let deltas = wanted.get(first..).unwrap_or_default().iter();
        for delta in deltas.take_while(|delta| table.id(**delta) == id) {
            found.push((at, *delta))?;
        }
    }
    // An object may be there twice.
    found.sort_unstable_by_key(|(_, delta)| *delta);
    found.dedup_by_key(|(_, delta)| *delta);
    for (base, delta) in &*found {
        table.found(*delta, *base);
    }
    let is_left = |table: &Table, delta: u32| table.base(delta) == Base::Named;
    let mut named = std::mem::replace(&mut table.named, Counted::new(&limits));
    named.retain(|delta| is_left(table, *delta));
    table.named = named;
    Ok(found)
}

/// The deltas of `found` and all below them, by what they are of.
fn below(table: &Table, found: Counted<(u32, u32)>) -> Result<Counted<(u32, u32)>, Excess> {
    let all = table.pairs()?;
    let mut pairs = found;
    let mut next = 0;
    while let Some((_, delta)) = pairs.get(next).copied() {
        children(&all, delta).try_for_each(|pair| pairs.push(pair))?;
        next += 1;
    }
    pairs.sort_unstable();
    Ok(pairs)
}

fn children(pairs: &[(u32, u32)], base: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
    let first = pairs.partition_point(|(other, _)| *other < base);
    pairs.get(first..).unwrap_or_default().iter().take_while(move |(other, _)| *other == base).copied()
}

/// All below `roots`, on as many threads as there are processors.
fn round(
    source: &Source<'_>,
    roots: &[u32],
    room: u64,
    into: &Into<'_>,
    counter: &StepShared,
) -> Result<(), GitError> {
    let hands = into.env.cores().min(THREADS).min(roots.len().div_ceil(BATCH)).max(1);
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    // What is left for it: with less, more is made again.
    let spare = into.limits.spare(HELD);
    let held = spare.bytes() / u64::try_from(hands).unwrap_or(1);
    let work = |_| {
        let loom = Loom::new(into.folder, room, into.stop).shared_by(hands);
        let mut hand = Hand { source: *source, loom, hash: into.hash, held, counter };
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            let some = roots.get(first..roots.len().min(first.saturating_add(BATCH))).unwrap_or_default();
            if some.is_empty() {
                return;
            }
            if let Err(error) = some.iter().try_for_each(|root| hand.tree(*root)) {
                // The others have no more to do.
                next.store(roots.len(), Ordering::Relaxed);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                return;
            }
        }
    };
    let done = into.env.by_all_hands("resolve", 0..hands, work);
    if done.iter().any(Result::is_err) {
        return Err(GitError::Protocol { why: "a thread broke down".into() });
    }
    stopped(into.stop)?;
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// What there is to be read.
#[derive(Clone, Copy)]
struct Source<'a> {
    pack: &'a Pack,
    table: &'a Table,
    /// Deltas with what they are of.
    pairs: &'a [(u32, u32)],
}

/// What a thread works with.
struct Hand<'a> {
    source: Source<'a>,
    loom: Loom<'a>,
    hash: HashKind,
    /// What may be held on the way down.
    held: u64,
    counter: &'a StepShared,
}

/// An object on the way down, and which of its deltas are still to be made.
struct Step {
    at: u32,
    content: Option<Content>,
    rest: std::ops::Range<usize>,
}

impl Hand<'_> {
    /// All below one.
    fn tree(&mut self, root: u32) -> Result<(), GitError> {
        let (kind, chain) = self.source.chain(root)?;
        let content = self.loom.chain(&chain)?;
        let mut way = vec![Step { at: root, content, rest: self.source.below(root) }];
        while let Some(step) = way.last_mut() {
            let Some((_, delta)) = step.rest.next().and_then(|next| self.source.pairs.get(next)).copied()
            else {
                way.pop();
                continue;
            };
            if step.content.is_none() {
                self.restore(&mut way)?;
            }
            let Some(Step { content: Some(base), .. }) = way.last() else { return Err(lost()) };
            let rest = self.source.below(delta);
            let sink = if rest.is_empty() { Sink::Nowhere } else { Sink::Kept };
            let link = self.source.link(delta)?.0;
            let made = self.loom.delta(base, link, Some((self.hash, kind)), sink)?;
            if let Some(id) = made.id {
                self.source.table.identify(delta as usize, &id);
            }
            self.counter.fetch_add(1, Ordering::Relaxed);
            if !rest.is_empty() {
                way.push(Step { at: delta, content: made.content, rest });
                self.let_go(&mut way);
            }
        }
        Ok(())
    }

    /// Lets go of what is held longest until the rest fits, but for the last.
    fn let_go(&self, way: &mut [Step]) {
        let cost = |step: &Step| step.content.as_ref().map_or(0, Content::cost);
        let mut held: u64 = way.iter().map(cost).fold(0, u64::saturating_add);
        let Some((_, above)) = way.split_last_mut() else { return };
        for step in above {
            // Nothing more is made of it.
            let is_done = step.rest.is_empty();
            if held > self.held || is_done {
                held = held.saturating_sub(cost(step));
                step.content = None;
            }
        }
    }

    /// Makes the last of the way again, from the nearest above it that is held.
    fn restore(&mut self, way: &mut [Step]) -> Result<(), GitError> {
        let from = way.iter().rposition(|step| step.content.is_some());
        let (mut base, rest) = match from {
            Some(from) => (None, way.get(from.saturating_add(1)..).unwrap_or_default()),
            None => {
                let first = way.first().ok_or_else(lost)?.at;
                let chain = self.source.chain(first)?.1;
                (self.loom.chain(&chain)?, way.get(1..).unwrap_or_default())
            }
        };
        let held = from.and_then(|from| way.get(from)?.content.as_ref());
        for step in rest {
            let link = self.source.link(step.at)?.0;
            let above = base.as_ref().or(held).ok_or_else(lost)?;
            base = self.loom.delta(above, link, None, Sink::Kept)?.content;
        }
        way.last_mut().ok_or_else(lost)?.content = base;
        Ok(())
    }
}

impl<'a> Source<'a> {
    /// Which of the pairs are of its deltas.
    fn below(&self, base: u32) -> std::ops::Range<usize> {
        let first = self.pairs.partition_point(|(other, _)| *other < base);
        let count = children(self.pairs, base).count();
        first..first.saturating_add(count)
    }

    /// What an object is made of, itself first and what is whole last, and of what kind that is.
    fn chain(&self, mut at: u32) -> Result<(Kind, Vec<Link<'a>>), GitError> {
        let mut chain = Vec::new();
        loop {
            let (link, kind) = self.link(at)?;
            chain.push(link);
            match (self.table.base(at), kind) {
                (Base::Whole, Some(kind)) => return Ok((kind, chain)),
                // A chain longer than the pack goes round in circles.
                (Base::At(base), _) if chain.len() <= self.table.len() => at = base,
                _ => return Err(lost()),
            }
        }
    }

    fn link(&self, at: u32) -> Result<(Link<'a>, Option<Kind>), GitError> {
        let range = self.table.range(at).ok_or_else(lost)?;
        let entry = self.pack.entry(range.start).map_err(|error| words::of(super::DOING, &error))?;
        let deflated = self.pack.entry_slice(entry.data_offset..range.end).ok_or_else(lost)?;
        let kind = match entry.header {
            Header::OfsDelta { .. } | Header::RefDelta { .. } => None,
            whole => whole.as_kind(),
        };
        Ok((Link { deflated, size: entry.decompressed_size }, kind))
    }
}

fn lost() -> GitError {
    damaged("a delta leads nowhere")
}
