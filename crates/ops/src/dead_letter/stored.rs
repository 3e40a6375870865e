//! Letters in a store: one record each, and each change one transaction.

use std::collections::BTreeSet;

use super::id::LetterId;
use super::letter::{Lease, Letter, VERSION};
use super::news::{Dropped, News, WhyDropped};
use crate::env::Env;
use crate::settings::DeadLetterSettings;
use crate::store::{Store, StoreError};

/// Where the letters begin in the store.
const PREFIX: &str = "letter/";

/// What stands in the store under a letter's name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kept {
    /// A letter.
    Letter(Box<Letter>),
    /// What this version cannot read: a newer one wrote it. It is left as it is.
    Unreadable {
        /// Its name.
        id: LetterId,
    },
}

impl Kept {
    /// What it is called.
    #[must_use]
    pub fn id(&self) -> &LetterId {
        match self {
            Self::Letter(letter) => &letter.id,
            Self::Unreadable { id } => id,
        }
    }

    /// The letter, if this version can read it.
    #[must_use]
    pub fn letter(&self) -> Option<&Letter> {
        match self {
            Self::Letter(letter) => Some(letter),
            Self::Unreadable { .. } => None,
        }
    }
}

fn key(id: &LetterId) -> String {
    format!("{PREFIX}{id}")
}

fn decode(bytes: &[u8]) -> Option<Letter> {
    serde_json::from_slice(bytes).ok().filter(|letter: &Letter| letter.version == VERSION)
}

fn kept(id: LetterId, bytes: &[u8]) -> Kept {
    match decode(bytes) {
        Some(letter) => Kept::Letter(Box::new(letter)),
        None => Kept::Unreadable { id },
    }
}

/// Keeps `fresh`, that of a failure just now; on the disk before this returns. The one there is of the same operation
/// becomes this. What is to be told: that it is kept, and what had to go for it.
pub(super) fn put(
    store: &dyn Store,
    env: &Env,
    settings: &DeadLetterSettings,
    fresh: &Letter,
) -> Result<Vec<News>, StoreError> {
    if store.stands_in() {
        return Err(StoreError::Failed { reason: "there is none that outlives this process".into() });
    }
    let mut is_parked = false;
    store.update_durably(&key(&fresh.id), &mut |bytes| {
        let earlier = match bytes.map(decode) {
            None => None,
            Some(Some(earlier)) => Some(earlier),
            // A newer version's, of the same operation: there is a letter.
            Some(None) => return None,
        };
        let letter = fresh.clone().after(earlier.as_ref());
        is_parked = letter.is_parked();
        letter.encode()
    })?;
    // It is kept: what goes wrong with the others takes nothing of that.
    let mut news = vec![News::Kept { id: fresh.id.clone(), parked: is_parked }];
    // What could not go goes for the next one.
    let _ = make_room(store, env, settings, &fresh.id, &mut |dropped| news.push(News::Dropped(dropped)));
    Ok(news)
}

/// Drops what is too old and what is too many, the oldest first, and tells of each that has gone, also where it fails
/// with another one then.
fn make_room(
    store: &dyn Store,
    env: &Env,
    settings: &DeadLetterSettings,
    fresh: &LetterId,
    tell: &mut dyn FnMut(Dropped),
) -> Result<(), StoreError> {
    let now = env.wall().as_secs_f64();
    let all = list(store)?;
    let mut excess = all.len().saturating_sub(usize::try_from(settings.max_count).unwrap_or(usize::MAX));
    let mut letters: Vec<&Letter> = all.iter().filter_map(Kept::letter).collect();
    letters.sort_by(|a, b| a.last_at.total_cmp(&b.last_at));
    let is_held = |letter: &Letter| letter.holder().is_some_and(|holder| env.is_alive(holder));
    for letter in letters.into_iter().filter(|letter| letter.id != *fresh && !is_held(letter)) {
        let why = if now - letter.last_at > settings.max_age.0.as_secs_f64() {
            WhyDropped::TooOld
        } else if excess > 0 {
            WhyDropped::TooMany
        } else {
            break;
        };
        // Unless it failed again meanwhile, in another process.
        if remove_if(store, &letter.id, |found| found.last_at <= letter.last_at)? {
            excess = excess.saturating_sub(1);
            tell(Dropped { id: letter.id.clone(), target: letter.target.clone(), why });
        }
    }
    Ok(())
}

/// All of them, in order of name.
pub(super) fn list(store: &dyn Store) -> Result<Vec<Kept>, StoreError> {
    let rows = store.list(PREFIX)?.into_iter();
    let named = rows.map(|(key, bytes)| {
        let id = LetterId::named(key.strip_prefix(PREFIX).unwrap_or_default());
        kept(id, &bytes)
    });
    Ok(named.collect())
}

/// How many there are.
pub(super) fn count(store: &dyn Store) -> Result<u64, StoreError> {
    Ok(store.list(PREFIX)?.len() as u64)
}

pub(super) fn load(store: &dyn Store, id: &LetterId) -> Result<Option<Kept>, StoreError> {
    Ok(store.load(&key(id))?.map(|bytes| kept(id.clone(), &bytes)))
}

/// The names of all of them.
pub(crate) fn names(store: &dyn Store) -> Result<BTreeSet<LetterId>, StoreError> {
    let named = |(key, _): (String, _)| key.strip_prefix(PREFIX).map(LetterId::named);
    Ok(store.list(PREFIX)?.into_iter().filter_map(named).collect())
}

/// Takes out the letter of what was done, if there is one. It is news where it stays: it would be done once more.
pub(crate) fn take_out(store: &dyn Store, id: LetterId) -> Option<News> {
    let error = remove(store, &id).err()?;
    let is_there = store.load(&key(&id)).is_ok_and(|found| found.is_some());
    is_there.then(|| News::Stays { id, reason: error.to_string().into() })
}

/// Takes a letter out, so that it does not come back by a loss of power; whether there was one.
pub(super) fn remove(store: &dyn Store, id: &LetterId) -> Result<bool, StoreError> {
    // A success that changes nothing writes nothing.
    if store.load(&key(id))?.is_none() {
        return Ok(false);
    }
    let mut was_there = false;
    store.update_all_durably(&[&key(id)], &mut |values| {
        was_there = values.iter_mut().any(|value| value.take().is_some());
        was_there
    })?;
    Ok(was_there)
}

fn remove_if(
    store: &dyn Store,
    id: &LetterId,
    mut may_go: impl FnMut(&Letter) -> bool,
) -> Result<bool, StoreError> {
    let mut is_gone = false;
    store.update_all(&[&key(id)], &mut |values| {
        let found = values.iter().flatten().find_map(|bytes| decode(bytes));
        is_gone = found.is_some_and(|letter| may_go(&letter));
        if is_gone {
            values.fill(None);
        }
        is_gone
    })?;
    Ok(is_gone)
}

/// What came of the wish to do a letter's operation again.
#[derive(Debug)]
pub(super) enum Lent {
    /// It is the asker's.
    Yes(Box<Letter>),
    NotThere,
    Unreadable,
    /// A living process has it.
    Held {
        pid: u32,
    },
    Parked(Box<Letter>),
}

/// Gives a letter to one process alone, until that says it is done or dies.
pub(super) fn lease(
    store: &dyn Store,
    env: &Env,
    id: &LetterId,
    force: bool,
    number: u64,
) -> Result<Lent, StoreError> {
    let mut lent = Lent::NotThere;
    store.update_durably(&key(id), &mut |bytes| {
        let (answer, written) = match bytes.map(decode) {
            None => (Lent::NotThere, None),
            Some(None) => (Lent::Unreadable, None),
            Some(Some(letter)) => lend(letter, env, force, number),
        };
        lent = answer;
        written
    })?;
    Ok(lent)
}

fn lend(mut letter: Letter, env: &Env, force: bool, number: u64) -> (Lent, Option<Vec<u8>>) {
    if let Some(lease) = letter.lease.take() {
        if env.is_alive(&lease.owner) {
            return (Lent::Held { pid: lease.owner.pid }, None);
        }
        // Whoever had it died of something: not to be tried for ever.
        letter.interrupted = letter.interrupted.saturating_add(1);
    }
    let is_lent = force || !letter.is_parked();
    letter.lease = is_lent.then(|| Lease { owner: env.identity().clone(), number });
    let written = letter.encode();
    let letter = Box::new(letter);
    (if is_lent { Lent::Yes(letter) } else { Lent::Parked(letter) }, written)
}

/// Gives it back after it failed, or was not done.
pub(super) fn release(store: &dyn Store, id: &LetterId, number: u64) -> Result<(), StoreError> {
    store.update(&key(id), &mut |bytes| {
        let mut letter = decode(bytes?)?;
        letter.lease.take_if(|lease| lease.number == number)?;
        // Whoever had it lived to say so.
        letter.interrupted = 0;
        letter.encode()
    })
}
