//! What is wrong with a policy.

use core::fmt;

/// A rule that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidPolicy {
    /// The setting at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
    /// The same for programs.
    pub rule: PolicyRule,
}

/// What a setting of a policy must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyRule {
    /// A duration is longer than nothing.
    LongerThanNothing,
    /// A duration is not longer than a year.
    WithinAYear,
    /// A rate is taken over a window.
    HasWindow,
    /// A window is there for a rate.
    HasRate,
    /// A window over calls holds no more than it can.
    WindowFits,
    /// A window holds the calls that a rate takes at least.
    MinCallsFit,
    /// A window over time is longer than nothing and within a year.
    WindowLasts,
    /// A window over time slides by so many buckets.
    BucketsFit,
    /// A rate is above nothing.
    RateAboveNothing,
    /// The rate of slow calls is above nothing.
    SlowRateAboveNothing,
    /// The open time grows to no less than it begins with.
    CapAboveTimeout,
}

impl PolicyRule {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::LongerThanNothing => "must be longer than nothing",
            Self::WithinAYear => "must not be longer than a year",
            Self::HasWindow => "needs a window",
            Self::HasRate => "needs a failure rate or a slow-call rate",
            Self::WindowFits => "holds at most 1024 calls",
            Self::MinCallsFit => "is more than the window holds, so no rate would ever be taken",
            Self::WindowLasts => "must be longer than nothing and not longer than a year",
            Self::BucketsFit => "must be 10 to 60",
            Self::RateAboveNothing => "must be above nothing",
            Self::SlowRateAboveNothing => "its rate must be above nothing",
            Self::CapAboveTimeout => "its cap must not be below timeout",
        }
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl core::error::Error for InvalidPolicy {}
