//! Several targets as one service, and several services in one sentence.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::time::Duration;

use crate::gate::Connection;
use crate::level::Level;
use crate::sample::Sample;
use crate::status::Status;

/// How many services are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Summary {
    /// Answer in time.
    pub healthy: usize,
    /// Answer slowly, or in part.
    pub degraded: usize,
    /// Do not answer.
    pub unhealthy: usize,
    /// Nobody knows.
    pub unknown: usize,
    /// All of them.
    pub total: usize,
}

impl Summary {
    /// Of these.
    #[must_use]
    pub fn of(statuses: impl IntoIterator<Item = Status>) -> Self {
        let mut summary = Self::default();
        for status in statuses {
            summary.total += 1;
            match status {
                Status::Healthy => summary.healthy += 1,
                Status::Degraded => summary.degraded += 1,
                Status::Unhealthy => summary.unhealthy += 1,
                Status::Unknown => summary.unknown += 1,
            }
        }
        summary
    }

    /// Degraded or unhealthy.
    #[must_use]
    pub const fn bad(&self) -> usize {
        self.degraded + self.unhealthy
    }
}

/// What the first sentence of a view says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Headline {
    /// How many are how.
    pub summary: Summary,
    /// Names of the worst: unhealthy ones if there are any, else degraded ones; in order.
    pub worst: Vec<String>,
    /// Whether it is this machine.
    pub connection: Connection,
}

impl Headline {
    /// Of these services.
    #[must_use]
    pub fn of<'n>(services: impl IntoIterator<Item = (&'n str, Status)>, connection: Connection) -> Self {
        let mut services: Vec<_> = services.into_iter().collect();
        services.sort_by(|a, b| row_order(*a, *b));
        let summary = Summary::of(services.iter().map(|(_, status)| *status));
        let worst = if summary.unhealthy > 0 { Status::Unhealthy } else { Status::Degraded };
        let named = services.iter().filter(|(_, status)| *status == worst);
        Self { summary, worst: named.map(|(name, _)| String::from(*name)).collect(), connection }
    }
}

/// The order of rows: bad ones first, the worse before the less bad, then all others; each by name.
#[must_use]
pub fn row_order((a, a_is): (&str, Status), (b, b_is): (&str, Status)) -> Ordering {
    let badness = |status| match status {
        Status::Unhealthy => 0,
        Status::Degraded => 1,
        Status::Unknown | Status::Healthy => 2,
    };
    badness(a_is).cmp(&badness(b_is)).then_with(|| a.cmp(b))
}

/// Several targets of one service, as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combined<'s> {
    /// All bad is unhealthy, some bad is degraded; `None` where all are LOCAL.
    pub level: Option<Level>,
    /// Of the slowest good one.
    pub took: Option<Duration>,
    /// The bad ones, by name, where not all are bad.
    pub bad: Vec<&'s str>,
    /// The sample that speaks for all: the worst; of good ones the slowest.
    pub leading: &'s Sample,
}

/// Several targets' samples, each with the target's name, as one service's. `None` of none. LOCAL ones have
/// no say where others have.
#[must_use]
pub fn combine<'s>(samples: &[(&'s str, &'s Sample)]) -> Option<Combined<'s>> {
    let real = || samples.iter().filter_map(|(name, sample)| Some((*name, *sample, sample.outcome.level?)));
    let Some((_, leading, worst)) = real().max_by_key(|(_, sample, level)| (*level, sample.took)) else {
        let (_, leading) = samples.first()?;
        return Some(Combined { level: None, took: None, bad: Vec::new(), leading });
    };
    let took = real().filter(|(.., level)| *level < Level::Unhealthy).map(|(_, sample, _)| sample.took).max();
    let bad: Vec<_> =
        real().filter(|(.., level)| *level == Level::Unhealthy).map(|(name, ..)| name).collect();
    let all_bad = bad.len() == real().count();
    Some(if bad.is_empty() || all_bad {
        Combined { level: Some(worst), took, bad: Vec::new(), leading }
    } else {
        Combined { level: Some(Level::Degraded), took, bad, leading }
    })
}

#[cfg(test)]
mod tests {
    use vps_breaker::Verdict;

    use super::*;
    use crate::answer::{Outcome, Reason};
    use crate::time::Moment;

    fn sample(level: Option<Level>, millis: u64) -> Sample {
        let outcome = Outcome::new(level, Reason::Answered, Verdict::Success);
        Sample::new(Moment::ORIGIN, Duration::from_millis(millis), outcome)
    }

    #[test]
    fn targets_are_one_service() {
        use Level::{Degraded, Healthy, Unhealthy};
        let of = |levels: &[Option<Level>]| {
            let samples: Vec<_> = levels.iter().zip(1..).map(|(level, ms)| sample(*level, ms)).collect();
            let named: Vec<_> = ["a", "b", "c"].into_iter().zip(&samples).collect();
            let all = combine(&named).unwrap();
            (all.level, all.took.map(|took| took.as_millis()), all.bad.join(","))
        };
        let nobody = String::new;
        assert_eq!(of(&[Some(Healthy), Some(Healthy)]), (Some(Healthy), Some(2), nobody()));
        assert_eq!(of(&[Some(Degraded), Some(Healthy)]), (Some(Degraded), Some(2), nobody()));
        assert_eq!(
            of(&[Some(Unhealthy), Some(Healthy), Some(Unhealthy)]),
            (Some(Degraded), Some(2), "a,c".into())
        );
        assert_eq!(of(&[Some(Unhealthy), Some(Unhealthy)]), (Some(Unhealthy), None, nobody()));
        assert_eq!(of(&[Some(Unhealthy), None]), (Some(Unhealthy), None, nobody()));
        assert_eq!(of(&[None, Some(Healthy)]), (Some(Healthy), Some(2), nobody()));
        assert_eq!(of(&[None, None]), (None, None, nobody()));
        assert!(combine(&[]).is_none());
    }

    #[test]
    fn bad_rows_come_first_then_names() {
        let services = [
            ("docker_hub", Status::Healthy),
            ("b", Status::Unhealthy),
            ("apt", Status::Unknown),
            ("a", Status::Unhealthy),
            ("github", Status::Degraded),
        ];
        let mut rows = services;
        rows.sort_by(|a, b| row_order(*a, *b));
        assert_eq!(rows.map(|(name, _)| name), ["a", "b", "github", "apt", "docker_hub"]);
        let headline = Headline::of(services, Connection::Online);
        assert_eq!(headline.worst, ["a", "b"]);
        let Summary { healthy, degraded, unhealthy, unknown, total } = headline.summary;
        assert_eq!((healthy, degraded, unhealthy, unknown, total), (1, 1, 2, 1, 5));
        assert_eq!(Headline::of([("a", Status::Degraded)], Connection::Online).worst, ["a"]);
        assert!(Headline::of([("a", Status::Healthy)], Connection::Offline).worst.is_empty());
    }
}
