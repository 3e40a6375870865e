//! When a certificate is near its end.

use core::time::Duration;

/// When the certificates that a server showed are valid: the last beginning and the earliest end of what took part
/// in the verification, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Certificate {
    /// From.
    pub not_before_seconds: i64,
    /// Until.
    pub not_after_seconds: i64,
}

/// Less than this is near, unless a quarter of its life is less still.
const NEAR: u64 = 21 * 24 * 60 * 60;

impl Certificate {
    /// How long it is still valid at `now` (seconds since 1970); `None` once it is not.
    #[must_use]
    pub fn left(&self, now_seconds: i64) -> Option<Duration> {
        let left = self.not_after_seconds.saturating_sub(now_seconds);
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_secs)
    }

    /// From when on it is near its end: 21 days before, or a quarter of its life, whichever is less. A valid one
    /// that is near changes no status.
    #[must_use]
    pub fn near(&self) -> Duration {
        let life = self.not_after_seconds.saturating_sub(self.not_before_seconds);
        Duration::from_secs((u64::try_from(life).unwrap_or(0) / 4).min(NEAR))
    }

    /// Whether it is near its end at `now`, or over.
    #[must_use]
    pub fn is_near(&self, now_seconds: i64) -> bool {
        self.left(now_seconds).is_none_or(|left| left < self.near())
    }
}

/// The last certificate that was seen: a probe that fails does not take it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LastCertificate {
    /// It.
    pub certificate: Option<Certificate>,
}

impl LastCertificate {
    /// What a probe saw.
    pub fn note(&mut self, seen: Option<Certificate>) {
        self.certificate = seen.or(self.certificate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn near_is_21_days_or_a_quarter_of_its_life() {
        for (life, near) in [(398, 21 * 4), (90, 21 * 4), (84, 21 * 4), (80, 20 * 4), (6, 6), (0, 0), (-5, 0)]
        {
            let certificate = Certificate { not_before_seconds: 0, not_after_seconds: life * DAY };
            assert_eq!(certificate.near().as_secs() * 4, near * 24 * 60 * 60, "{life} days");
        }
        let certificate = Certificate { not_before_seconds: 0, not_after_seconds: 90 * DAY };
        assert!(!certificate.is_near(69 * DAY) && certificate.is_near(69 * DAY + 1));
        assert!(certificate.is_near(90 * DAY) && certificate.left(90 * DAY).is_none());
        let strange = Certificate { not_before_seconds: i64::MAX, not_after_seconds: i64::MIN };
        assert!(strange.is_near(0) && strange.left(i64::MAX).is_none());
    }

    #[test]
    fn a_probe_that_fails_leaves_the_last_one() {
        let certificate = Certificate { not_before_seconds: 0, not_after_seconds: 90 * DAY };
        let mut last = LastCertificate::default();
        last.note(Some(certificate));
        last.note(None);
        assert_eq!(last.certificate, Some(certificate));
    }
}
