//! Response times that most samples stay below.

use core::time::Duration;

use super::bucket::{BIN_BOUNDS, BINS, Bucket};

/// A share of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Share {
    /// Half of them.
    P50,
    /// 95 of 100.
    P95,
    /// 99 of 100.
    P99,
}

impl Share {
    const fn percent(self) -> usize {
        match self {
            Self::P50 => 50,
            Self::P95 => 95,
            Self::P99 => 99,
        }
    }

    /// Answers that it takes: with as many the longest of them reaches it, 95 times of 100.
    #[must_use]
    pub const fn needs(self) -> usize {
        match self {
            Self::P50 => 5,
            Self::P95 => 60,
            Self::P99 => 300,
        }
    }
}

/// A response time that a share of samples stayed below. Without the failures: show what was lost beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Quantile {
    /// It.
    #[cfg_attr(feature = "serde", serde(rename = "value_seconds", with = "crate::time::seconds"))]
    pub value: Duration,
    /// Of so many answers.
    pub n: u32,
    /// How it was found.
    pub kind: QuantileKind,
}

/// How a quantile was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum QuantileKind {
    /// It is that of one of the last samples.
    Exact,
    /// Not above this, by the bins.
    AtMost,
    /// There are too few answers: it is the longest there was.
    Max,
}

/// Of response times in milliseconds; `None` of none.
pub(super) fn of_times(share: Share, times: &mut [u16]) -> Option<Quantile> {
    let n = times.len();
    let (rank, kind) = if n < share.needs() {
        (n, QuantileKind::Max)
    } else {
        ((n * share.percent()).div_ceil(100), QuantileKind::Exact)
    };
    // Of n a rank is n at most; of none there is none.
    let (_, millis, _) = times.select_nth_unstable(rank.checked_sub(1)?);
    Some(quantile(*millis, n, kind))
}

/// Of buckets, added.
pub(super) fn of_buckets<'b>(share: Share, buckets: impl Iterator<Item = &'b Bucket>) -> Option<Quantile> {
    let (mut bins, mut max) = ([0_usize; BINS], 0);
    for bucket in buckets {
        max = max.max(bucket.max);
        for (sum, count) in bins.iter_mut().zip(bucket.bins) {
            *sum += usize::from(count);
        }
    }
    let n: usize = bins.iter().sum();
    if n == 0 {
        return None;
    }
    if n < share.needs() {
        return Some(quantile(max, n, QuantileKind::Max));
    }
    let rank = (n * share.percent()).div_ceil(100);
    let mut below = 0;
    let bounds = BIN_BOUNDS.into_iter().chain([u16::MAX]);
    let bound = bins.into_iter().zip(bounds).find(|(count, _)| {
        below += count;
        below >= rank
    });
    Some(quantile(bound.map_or(max, |(_, bound)| bound.min(max)), n, QuantileKind::AtMost))
}

fn quantile(millis: u16, n: usize, kind: QuantileKind) -> Quantile {
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    Quantile { value: Duration::from_millis(u64::from(millis)), n, kind }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use vps_retry::{Rng, SplitMix64};

    use super::*;

    #[test]
    fn a_quantile_of_times_is_the_one_at_its_rank_in_order() {
        let mut rng = SplitMix64::new(95);
        for n in 0..400_usize {
            // Few values: many are there more than once.
            let times: Vec<u16> = (0..n).map(|_| (rng.next_u64() % 300) as u16).collect();
            let mut in_order = times.clone();
            in_order.sort_unstable();
            for (share, needs, percent) in [(Share::P50, 5, 50), (Share::P95, 60, 95), (Share::P99, 300, 99)]
            {
                let place = if n < needs { n } else { (n * percent).div_ceil(100) };
                let expected = place.checked_sub(1).map(|place| u128::from(in_order[place]));
                let found = of_times(share, &mut times.clone());
                assert_eq!(found.map(|found| found.value.as_millis()), expected, "{share:?} of {n}");
                assert!(found.is_none_or(|found| (found.kind == QuantileKind::Max) == (n < needs)));
            }
        }
    }
}
