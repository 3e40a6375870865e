//! Time as it comes in.

use core::time::Duration;

/// A moment of a clock that never goes back: nanoseconds since an origin that the caller chooses, also before
/// it. Arithmetic saturates.
///
/// One clock for all: the one that runs on while the machine sleeps (`BOOTTIME`), or a status would be as fresh after a
/// night as before. Nobody's wall clock takes part.
///
/// ```
/// use core::time::Duration;
/// use vps_health::Moment;
///
/// let now = Moment::ORIGIN.after(Duration::from_secs(5));
/// let earlier = now.before(Duration::from_secs(60));
/// assert_eq!(now.since(earlier), Duration::from_secs(60));
/// assert_eq!(earlier.since(now), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The origin.
    pub const ORIGIN: Self = Self(0);

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Milliseconds since the origin.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// `duration` later.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// `duration` earlier.
    #[must_use]
    pub const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// What went by since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        let nanos = (self.0 as i128) - (earlier.0 as i128);
        Duration::from_nanos(if nanos < 0 { 0 } else { lower(nanos) })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "two i64 are at most a u64 apart"
)]
const fn lower(nanos: i128) -> u64 {
    nanos as u64
}

impl From<vps_breaker::Tick> for Moment {
    fn from(tick: vps_breaker::Tick) -> Self {
        Self(i64::try_from(tick.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl From<Duration> for Moment {
    fn from(since_origin: Duration) -> Self {
        Self(nanos(since_origin))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
const fn nanos(duration: Duration) -> i64 {
    let nanos = duration.as_nanos();
    if nanos > i64::MAX as u128 { i64::MAX } else { nanos as i64 }
}

/// A duration as a number of seconds in JSON.
#[cfg(feature = "serde")]
pub(crate) mod seconds {
    use core::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }

    /// One that may be missing.
    pub(crate) mod maybe {
        use core::time::Duration;

        use serde::{Deserialize, Deserializer, Serializer, de::Error};

        pub(crate) fn serialize<S: Serializer>(
            duration: &Option<Duration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => to.serialize_some(&duration.as_secs_f64()),
                None => to.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Duration>, D::Error> {
            let seconds = Option::<f64>::deserialize(from)?;
            seconds.map(Duration::try_from_secs_f64).transpose().map_err(D::Error::custom)
        }
    }
}
