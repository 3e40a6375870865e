//! A history as bytes, and back.
//!
//! Little endian; version 1: `VH`, 1, the boot's id (16 bytes), milliseconds since that boot, seconds since 1970, the
//! history's own time in milliseconds, how many samples, hours and days follow (a byte each), and they.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::time::Duration;

use super::bucket::{BINS, Bucket};
use super::ring::{Packed, Ring};
use super::{DAY, DAYS, HOUR, HOURS, History, Piece, RECENT, good_for};
use crate::status::Status;
use crate::time::Moment;

/// The most that an encoded history is.
pub const MOST_BYTES: usize = HEAD + RECENT * 8 + (HOURS + DAYS) * BUCKET;

const MAGIC: [u8; 2] = *b"VH";
const VERSION: u8 = 1;
const HEAD: usize = 2 + 1 + 16 + 8 + 8 + 8 + 3;
const BUCKET: usize = 4 + 4 * 4 + 2 * 2 + BINS * 2;
/// Longer than anything is kept.
const LONGEST_GAP: u64 = 400 * DAY;

const _: () = assert!(MOST_BYTES <= 8 << 10);

/// Which boot of which machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BootId(pub [u8; 16]);

/// What clocks show at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// The boot.
    pub boot: BootId,
    /// Since the boot, sleep included.
    pub since_boot: Duration,
    /// The wall's, seconds since 1970. It may be wrong, and jump.
    pub wall_seconds: i64,
}

impl Clocks {
    /// What went by since `earlier`, if that is known for sure: in one boot.
    #[must_use]
    pub fn elapsed_since(&self, earlier: &Self) -> Option<Duration> {
        if self.boot != earlier.boot {
            return None;
        }
        self.since_boot.checked_sub(earlier.since_boot)
    }

    /// What probably went by. After another boot that is what the wall says, and at least what went by since the
    /// boot: it only says how long nobody looked.
    fn gap_since(&self, earlier: &Self) -> u64 {
        let gap = self.elapsed_since(earlier).unwrap_or_else(|| {
            let by_wall = self.wall_seconds.saturating_sub(earlier.wall_seconds);
            let by_wall = Duration::from_secs(u64::try_from(by_wall).unwrap_or(0));
            if self.boot == earlier.boot { by_wall } else { by_wall.max(self.since_boot) }
        });
        u64::try_from(gap.as_millis()).unwrap_or(u64::MAX).min(LONGEST_GAP)
    }
}

/// Why bytes are no history that this program understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unreadable {
    /// They are something else.
    NotAHistory,
    /// Of another version.
    Version(u8),
    /// They end too early.
    CutOff,
    /// There are more than it says.
    TooLong,
    /// It says that there are more samples, hours or days than are kept.
    TooMany,
    /// A sample that cannot be.
    Sample,
    /// An hour or a day that cannot be: out of order, in the future, or with more time than there was in it.
    Bucket,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHistory => f.write_str("not a history"),
            Self::Version(version) => {
                write!(f, "a history of version {version}; this program knows {VERSION}")
            }
            Self::CutOff => f.write_str("a history that is cut off"),
            Self::TooLong => f.write_str("a history with something behind it"),
            Self::TooMany => f.write_str("a history with more in it than is kept"),
            Self::Sample => f.write_str("a history with a sample that cannot be"),
            Self::Bucket => f.write_str("a history with an hour or a day that cannot be"),
        }
    }
}

impl Error for Unreadable {}

impl History {
    /// As bytes, at most [`MOST_BYTES`]. What a later sample could still have dated back is settled in them.
    #[must_use]
    pub fn encode(&self, clocks: &Clocks) -> Vec<u8> {
        let mut settled = self.clone();
        settled.settle(u64::MAX, self.status);
        let mut to = Vec::with_capacity(MOST_BYTES);
        to.extend(MAGIC);
        to.push(VERSION);
        to.extend(clocks.boot.0);
        to.extend(u64::try_from(clocks.since_boot.as_millis()).unwrap_or(u64::MAX).to_le_bytes());
        to.extend(clocks.wall_seconds.to_le_bytes());
        to.extend(settled.now.to_le_bytes());
        for count in [settled.ring.len(), settled.hours.len(), settled.days.len()] {
            to.push(u8::try_from(count).unwrap_or(u8::MAX));
        }
        for packed in settled.ring.iter() {
            to.extend(packed.at.to_le_bytes());
            to.extend(packed.millis.to_le_bytes());
            to.extend([packed.level, packed.reason.code()]);
        }
        for bucket in settled.hours.iter().chain(&settled.days) {
            for number in [bucket.index, bucket.healthy, bucket.degraded, bucket.unhealthy, bucket.unknown] {
                to.extend(number.to_le_bytes());
            }
            for number in [bucket.max, bucket.lost].into_iter().chain(bucket.bins) {
                to.extend(number.to_le_bytes());
            }
        }
        to
    }

    /// The history of these bytes. What went by since they were written was seen by nobody.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], by name, for anything that [`encode`](Self::encode) of this version does not write.
    pub fn decode(
        bytes: &[u8],
        interval: Duration,
        clocks: &Clocks,
        now: Moment,
    ) -> Result<Self, Unreadable> {
        let mut from = Reader(bytes);
        if from.take().ok() != Some(MAGIC) {
            return Err(Unreadable::NotAHistory);
        }
        let [version] = from.take()?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        let written = Clocks {
            boot: BootId(from.take()?),
            since_boot: Duration::from_millis(u64::from_le_bytes(from.take()?)),
            wall_seconds: i64::from_le_bytes(from.take()?),
        };
        let own = u64::from_le_bytes(from.take()?);
        let [samples, hours, days] = from.take()?.map(usize::from);
        if samples > RECENT || hours > HOURS || days > DAYS {
            return Err(Unreadable::TooMany);
        }
        let mut ring = Ring::default();
        for _ in 0..samples {
            ring.push(from.sample(own)?);
        }
        let hours = from.buckets(hours, own, HOUR, HOURS)?;
        let days = from.buckets(days, own, DAY, DAYS)?;
        if !from.0.is_empty() {
            return Err(Unreadable::TooLong);
        }
        let gap = clocks.gap_since(&written);
        let mut history = Self {
            now: own.saturating_add(gap),
            clock: now,
            last: None,
            good_for: good_for(interval),
            open: Vec::new(),
            status: Status::Unknown,
            ring,
            hours,
            days,
            quantiles: [None; 3],
        };
        history.time(Piece { from: own, until: history.now }, Status::Unknown);
        history.find_quantiles();
        Ok(history)
    }
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Unreadable::CutOff)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, Unreadable> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Unreadable> {
        self.take().map(u32::from_le_bytes)
    }

    fn sample(&mut self, own: u64) -> Result<Packed, Unreadable> {
        let (at, millis) = (self.u32()?, self.u16()?);
        let [level, reason] = self.take()?;
        let packed = Packed::read(at, millis, level, reason).ok_or(Unreadable::Sample)?;
        if u64::from(packed.at) > own / 1_000 {
            return Err(Unreadable::Sample);
        }
        Ok(packed)
    }

    fn buckets(
        &mut self,
        count: usize,
        own: u64,
        length: u64,
        most: usize,
    ) -> Result<Vec<Bucket>, Unreadable> {
        let mut buckets: Vec<Bucket> = Vec::with_capacity(if count == 0 { 0 } else { most });
        for _ in 0..count {
            let mut bucket = Bucket::new(self.u32()?);
            bucket.healthy = self.u32()?;
            bucket.degraded = self.u32()?;
            bucket.unhealthy = self.u32()?;
            bucket.unknown = self.u32()?;
            bucket.max = self.u16()?;
            bucket.lost = self.u16()?;
            for bin in &mut bucket.bins {
                *bin = self.u16()?;
            }
            let begin = u64::from(bucket.index).saturating_mul(length);
            let in_order = buckets.last().is_none_or(|last| last.index < bucket.index);
            if !in_order || begin > own || bucket.millis() > length.min(own - begin) {
                return Err(Unreadable::Bucket);
            }
            buckets.push(bucket);
        }
        let oldest = (own / length + 1).saturating_sub(most as u64);
        buckets.retain(|bucket| u64::from(bucket.index) >= oldest);
        Ok(buckets)
    }
}
