//! How much of the time it was up.

use core::fmt;
use core::time::Duration;

/// How much of the time that somebody looked it was up: healthy or degraded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Uptime {
    /// Time in which it was up.
    #[cfg_attr(feature = "serde", serde(rename = "up_seconds", with = "crate::time::seconds"))]
    pub up: Duration,
    /// Time in which somebody looked.
    #[cfg_attr(feature = "serde", serde(rename = "seen_seconds", with = "crate::time::seconds"))]
    pub seen: Duration,
}

impl Uptime {
    /// In hundredths of a percent, cut: 10,000 is said only if it was never down. `None` where nobody looked.
    #[must_use]
    pub fn hundredths(&self) -> Option<u16> {
        let share = (self.up.as_millis() * 10_000).checked_div(self.seen.as_millis())?;
        u16::try_from(share).ok()
    }
}

impl fmt::Display for Uptime {
    /// `99.93%`, `100%`, or `-` where nobody looked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hundredths() {
            None => f.write_str("-"),
            Some(10_000) => f.write_str("100%"),
            Some(share) => write!(f, "{}.{:02}%", share / 100, share % 100),
        }
    }
}

/// How many samples had no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lost {
    /// Samples without an answer.
    pub lost: u32,
    /// All samples that were not LOCAL.
    pub asked: u32,
}

impl Lost {
    /// From 0 to 1; 0 of none.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.asked == 0 { 0.0 } else { f64::from(self.lost) / f64::from(self.asked) }
    }

    /// In percent, rounded to the nearest, but 0 and 100 only where that is exact.
    #[must_use]
    pub fn percent(&self) -> u8 {
        if self.asked == 0 || self.lost == 0 {
            return 0;
        }
        if self.lost >= self.asked {
            return 100;
        }
        let (lost, asked) = (u64::from(self.lost), u64::from(self.asked));
        u8::try_from((lost * 200 + asked) / (asked * 2)).unwrap_or(99).clamp(1, 99)
    }
}
