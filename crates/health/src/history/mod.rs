//! What there was: the last samples one by one, hours and days in sums.
//!
//! A history has a time of its own, which runs with the clock that it is given and never goes back. What is between two looks that are further apart than two
//! intervals was seen by nobody, and counts neither as up nor as down.

mod bucket;
mod bytes;
mod quantile;
mod ring;
mod uptime;

use alloc::vec::Vec;
use core::time::Duration;

use crate::sample::Sample;
use crate::status::{Change, Damped, Status};
use crate::time::Moment;

pub use bytes::{BootId, Clocks, MOST_BYTES, Unreadable};
pub use quantile::{Quantile, QuantileKind, Share};
pub use ring::{RECENT, Recent};
pub use uptime::{Lost, Uptime};

use bucket::Bucket;
use ring::{Packed, Ring, has_time, millis};

/// Hours that are kept.
pub const HOURS: usize = 48;
/// Days that are kept.
pub const DAYS: usize = 90;

const HOUR: u64 = 60 * 60 * 1_000;
const DAY: u64 = 24 * HOUR;
/// Hours or days that there is place for at once.
const GROWTH: usize = 6;
/// Pieces of time that wait for a status; there is a gap between any two of them.
const MOST_OPEN: usize = 16;

/// The history of one service, 8 KiB at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Its own time, in milliseconds, at `clock`.
    now: u64,
    /// The clock when it was that.
    clock: Moment,
    /// The last real sample, in its own time; time since then counts as seen, for two intervals at most.
    last: Option<u64>,
    /// How long a sample is good for, in milliseconds.
    good_for: u64,
    /// Time that was seen, whose status a damped change may still date back. In order.
    open: Vec<Piece>,
    /// The status of what is open.
    status: Status,
    ring: Ring,
    hours: Vec<Bucket>,
    days: Vec<Bucket>,
    /// Found when a sample is taken in: they are shown far more often than they change.
    quantiles: [Option<Quantile>; 3],
}

/// A piece of time that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: u64,
    until: u64,
}

impl History {
    /// Empty, of a service that is asked each `interval`.
    #[must_use]
    pub fn new(interval: Duration, now: Moment) -> Self {
        Self {
            now: 0,
            clock: now,
            last: None,
            good_for: good_for(interval),
            open: Vec::new(),
            status: Status::Unknown,
            ring: Ring::default(),
            hours: Vec::new(),
            days: Vec::new(),
            quantiles: [None; 3],
        }
    }

    /// Takes a sample in, with the damped status after it and the change that it made, if any.
    pub fn sample(&mut self, sample: &Sample, damped: &Damped, change: Option<Change>, now: Moment) {
        self.pass(now);
        let at = self.at(sample.at);
        self.ring.push(Packed::of(sample, u32::try_from(at / 1_000).unwrap_or(u32::MAX)));
        if sample.outcome.is_local() {
            self.last = None;
            self.find_quantiles();
            return;
        }
        let took = has_time(sample).then(|| millis(sample.took));
        for (buckets, length, most) in [(&mut self.hours, HOUR, HOURS), (&mut self.days, DAY, DAYS)] {
            if let Some(bucket) = bucket_of(buckets, at / length, most) {
                bucket.sample(took);
            }
        }
        self.last = Some(self.now);
        if let Some(change) = change {
            self.settle(self.at(change.since), change.from);
        }
        self.status = damped.status();
        let may_change = damped.may_change_since().map_or(u64::MAX, |since| self.at(since));
        self.settle(may_change, self.status);
        if self.open.len() > MOST_OPEN {
            let until = self.open.first().map_or(0, |piece| piece.until);
            self.settle(until, self.status);
        }
        self.find_quantiles();
    }

    /// The status is not the one of before, without a sample that changed it: restored, or unknown again.
    pub fn begin(&mut self, damped: &Damped, now: Moment) {
        self.pass(now);
        self.settle(u64::MAX, self.status);
        self.status = damped.status();
    }

    /// The machine slept for so long since its time last went on: nobody looked.
    pub fn slept(&mut self, slept: Duration, now: Moment) {
        self.pass(now.before(slept));
        self.last = None;
        self.pass(now);
    }

    /// Its own time goes on to `now`. What is only shown needs [`uptime_at`](Self::uptime_at) and
    /// [`recent_at`](Self::recent_at), which leave it as it is.
    pub fn pass(&mut self, now: Moment) {
        let (from, until) = (self.now, self.time_at(now));
        if until == from {
            return;
        }
        // Less than a millisecond is not lost.
        self.clock = self.clock.after(Duration::from_millis(until - from));
        self.now = until;
        let seen_until = self.seen_until(from, until);
        if seen_until > from {
            if self.open.capacity() == 0 {
                self.open.reserve_exact(MOST_OPEN + 2);
            }
            match self.open.last_mut().filter(|piece| piece.until == from) {
                Some(piece) => piece.until = seen_until,
                None => self.open.push(Piece { from, until: seen_until }),
            }
        }
        self.time(Piece { from: seen_until, until }, Status::Unknown);
        if from / HOUR != until / HOUR {
            // An hour may be too old to count.
            self.find_quantiles();
        }
    }

    /// Its own time at `now`, which may be later than it went on to.
    fn time_at(&self, now: Moment) -> u64 {
        let passed = u64::try_from(now.since(self.clock).as_millis()).unwrap_or(u64::MAX);
        self.now.saturating_add(passed)
    }

    /// How far the time from `from` to `until` was seen by the last sample.
    fn seen_until(&self, from: u64, until: u64) -> u64 {
        self.last.map_or(from, |last| last.saturating_add(self.good_for)).clamp(from, until)
    }

    /// A moment in its own time.
    fn at(&self, moment: Moment) -> u64 {
        let ago = u64::try_from(self.clock.since(moment).as_millis()).unwrap_or(u64::MAX);
        self.now.saturating_sub(ago)
    }

    /// Gives what is open before `until` its status.
    fn settle(&mut self, until: u64, status: Status) {
        let mut open = core::mem::take(&mut self.open);
        for piece in &mut open {
            let settled = Piece { from: piece.from, until: piece.until.min(until).max(piece.from) };
            self.time(settled, status);
            piece.from = settled.until;
        }
        open.retain(|piece| piece.from < piece.until);
        self.open = open;
    }

    /// Adds a piece of time to the hours and days that it is in.
    fn time(&mut self, piece: Piece, status: Status) {
        for (buckets, length, most) in [(&mut self.hours, HOUR, HOURS), (&mut self.days, DAY, DAYS)] {
            // What is older than all that is kept is not worth a loop.
            let oldest = (self.now / length).saturating_sub(most as u64).saturating_mul(length);
            let mut from = piece.from.max(oldest);
            while from < piece.until {
                let end = (from / length).saturating_add(1).saturating_mul(length).min(piece.until);
                let part = u32::try_from(end - from).unwrap_or(u32::MAX);
                if let Some(bucket) = bucket_of(buckets, from / length, most) {
                    bucket.time(status, part);
                }
                from = end;
            }
        }
    }

    /// The last samples, the oldest first, as of when its time last went on.
    #[must_use]
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = Recent> + '_ {
        self.recent_of(self.now)
    }

    /// The same as of `now`, as after [`pass`](Self::pass).
    #[must_use]
    pub fn recent_at(&self, now: Moment) -> impl DoubleEndedIterator<Item = Recent> + '_ {
        self.recent_of(self.time_at(now))
    }

    fn recent_of(&self, time: u64) -> impl DoubleEndedIterator<Item = Recent> + '_ {
        self.ring.iter().map(move |packed| Recent {
            ago: Duration::from_secs((time / 1_000).saturating_sub(u64::from(packed.at))),
            level: packed.level(),
            reason: packed.reason,
            took: packed.took().map(|millis| Duration::from_millis(u64::from(millis))),
        })
    }

    /// How many of the last samples had no answer.
    #[must_use]
    pub fn recent_lost(&self) -> Lost {
        let real = || self.ring.iter().filter(|packed| packed.level().is_some());
        let lost = real().filter(|packed| packed.took().is_none()).count();
        let as_u32 = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Lost { lost: as_u32(lost), asked: as_u32(real().count()) }
    }

    /// How many samples had no answer.
    #[must_use]
    pub fn lost(&self, window: Window) -> Lost {
        self.buckets(window).fold(Lost::default(), |sum, bucket| Lost {
            lost: sum.lost + u32::from(bucket.lost),
            asked: sum.asked + u32::from(bucket.lost) + bucket.count(),
        })
    }

    /// A quantile of the response times: of the last samples if there are enough, else of the last two days.
    #[must_use]
    pub const fn quantile(&self, share: Share) -> Option<Quantile> {
        let [p50, p95, p99] = self.quantiles;
        match share {
            Share::P50 => p50,
            Share::P95 => p95,
            Share::P99 => p99,
        }
    }

    fn find_quantiles(&mut self) {
        let mut times: Vec<u16> = self.ring.iter().filter_map(Packed::took).collect();
        let is_full = self.ring.len() >= RECENT;
        self.quantiles = [Share::P50, Share::P95, Share::P99].map(|share| {
            if times.len() < share.needs() && is_full {
                return self.quantile_of(share, Window::Hours(48));
            }
            quantile::of_times(share, &mut times)
        });
    }

    /// A quantile of all response times in the window.
    #[must_use]
    pub fn quantile_of(&self, share: Share, window: Window) -> Option<Quantile> {
        quantile::of_buckets(share, self.buckets(window))
    }

    /// How much of the window it was up, of what was seen, until its time last went on.
    #[must_use]
    pub fn uptime(&self, window: Window) -> Uptime {
        self.uptime_of(window, self.now)
    }

    /// The same until `now`, as after [`pass`](Self::pass).
    #[must_use]
    pub fn uptime_at(&self, window: Window, now: Moment) -> Uptime {
        self.uptime_of(window, self.time_at(now))
    }

    fn uptime_of(&self, window: Window, time: u64) -> Uptime {
        let first = window.first(time);
        let (mut up, mut down) = (0_u64, 0_u64);
        for bucket in self.buckets_from(window, first) {
            up += u64::from(bucket.healthy) + u64::from(bucket.degraded);
            down += u64::from(bucket.unhealthy);
        }
        let start = first.saturating_mul(window.length());
        // What is not seen is of no status.
        let since = Piece { from: self.now, until: self.seen_until(self.now, time) };
        let pieces = self.open.iter().chain([&since]);
        let open: u64 = pieces.map(|piece| piece.until.saturating_sub(piece.from.max(start))).sum();
        match self.status {
            Status::Healthy | Status::Degraded => up += open,
            Status::Unhealthy => down += open,
            Status::Unknown => {}
        }
        Uptime { up: Duration::from_millis(up), seen: Duration::from_millis(up + down) }
    }

    fn buckets(&self, window: Window) -> impl Iterator<Item = &Bucket> {
        self.buckets_from(window, window.first(self.now))
    }

    fn buckets_from(&self, window: Window, first: u64) -> impl Iterator<Item = &Bucket> {
        let buckets = match window {
            Window::Hours(_) => &self.hours,
            Window::Days(_) => &self.days,
        };
        buckets.iter().filter(move |bucket| u64::from(bucket.index) >= first)
    }
}

/// The last hours or days, the one that is not over included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// So many hours, 48 at most.
    Hours(u8),
    /// So many days, 90 at most.
    Days(u8),
}

impl Window {
    const fn length(self) -> u64 {
        match self {
            Self::Hours(_) => HOUR,
            Self::Days(_) => DAY,
        }
    }

    /// Number of its first hour or day at this time; the one that is not over is in it.
    fn first(self, time: u64) -> u64 {
        (time / self.length() + 1).saturating_sub(self.count() as u64)
    }

    fn count(self) -> usize {
        match self {
            Self::Hours(count) => usize::from(count).min(HOURS),
            Self::Days(count) => usize::from(count).min(DAYS),
        }
    }
}

fn good_for(interval: Duration) -> u64 {
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).saturating_mul(2)
}

/// The bucket of this number; `None` of one that is too old to be kept.
fn bucket_of(buckets: &mut Vec<Bucket>, index: u64, most: usize) -> Option<&mut Bucket> {
    let index = u32::try_from(index).ok()?;
    let place = match buckets.binary_search_by_key(&index, |bucket| bucket.index) {
        Ok(place) => place,
        Err(place) => {
            let newest = buckets.last().map_or(index, |bucket| bucket.index.max(index));
            let oldest = u64::from(newest).saturating_sub(most as u64 - 1);
            if u64::from(index) < oldest {
                return None;
            }
            let before = buckets.len();
            buckets.retain(|bucket| u64::from(bucket.index) >= oldest);
            let place = place.saturating_sub(before - buckets.len());
            if buckets.len() == buckets.capacity() {
                // A little at a time: of thousands, most of what is kept in the end would be empty for long.
                buckets.reserve_exact(GROWTH.min(most.saturating_sub(buckets.len())).max(1));
            }
            buckets.insert(place, Bucket::new(index));
            place
        }
    };
    buckets.get_mut(place)
}

#[cfg(test)]
mod tests;
