//! One fault of a service: when, what, how often.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The connection is refused.
    Refuse,
    /// The connection is reset after the request was sent.
    Reset,
    /// 429 with Retry-After.
    Throttle(Duration),
    /// 503 without Retry-After.
    Unavailable,
    /// No answer, ever.
    Stall,
    /// A good answer that takes this long.
    Slow(Duration),
    /// 404: the service is well, and this will never be.
    Missing,
    /// This machine is at fault: its disk is full.
    Local,
}

impl FaultKind {
    /// Its name in plans and traces.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reset => "fail",
            Self::Throttle(_) => "throttle",
            Self::Unavailable => "unavailable",
            Self::Stall => "stall",
            Self::Slow(_) => "slow",
            Self::Missing => "missing",
            Self::Local => "local",
        }
    }
}

/// One fault; `FROM-TO:KIND[(LENGTH)]PERCENT%` as text, `0ms-3500ms:throttle(2000ms)50%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Milliseconds since the world began.
    pub from: u64,
    /// The first millisecond it does not hold any more.
    pub to: u64,
    /// What.
    pub kind: FaultKind,
    /// How many of a hundred requests it strikes.
    pub percent: u64,
}

/// A text that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no fault; write FROM-TO:KIND[(LENGTH)]PERCENT%, as 0ms-3500ms:throttle(2000ms)50%")]
pub struct InvalidFault {
    text: String,
}

impl Fault {
    /// A fault.
    #[must_use]
    pub fn new(from: u64, to: u64, kind: FaultKind, percent: u64) -> Self {
        Self { from, to, kind, percent }
    }

    /// Whether it holds at this millisecond.
    #[must_use]
    pub fn holds_at(&self, tick: u64) -> bool {
        (self.from..self.to).contains(&tick)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms-{}ms:{}", self.from, self.to, self.kind.word())?;
        if let FaultKind::Throttle(length) | FaultKind::Slow(length) = self.kind {
            write!(f, "({}ms)", length.as_millis())?;
        }
        write!(f, "{}%", self.percent)
    }
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        parse(text).ok_or_else(|| InvalidFault { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Fault> {
    let millis = |text: &str| text.strip_suffix("ms")?.parse::<u64>().ok();
    let (times, what) = text.split_once(':')?;
    let (from, to) = times.split_once('-')?;
    let what = what.strip_suffix('%')?;
    let name_ends = what.find(|c: char| !c.is_ascii_lowercase())?;
    let (name, rest) = what.split_at_checked(name_ends)?;
    let (length, percent) = match rest.strip_prefix('(') {
        Some(rest) => {
            let (length, percent) = rest.split_once(')')?;
            (Some(Duration::from_millis(millis(length)?)), percent)
        }
        None => (None, rest),
    };
    let kind = match (name, length) {
        ("throttle", Some(length)) => FaultKind::Throttle(length),
        ("slow", Some(length)) => FaultKind::Slow(length),
        ("refuse", None) => FaultKind::Refuse,
        ("fail", None) => FaultKind::Reset,
        ("unavailable", None) => FaultKind::Unavailable,
        ("stall", None) => FaultKind::Stall,
        ("missing", None) => FaultKind::Missing,
        ("local", None) => FaultKind::Local,
        _ => return None,
    };
    Some(Fault { from: millis(from)?, to: millis(to)?, kind, percent: percent.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        let second = Duration::from_secs(1);
        let kinds = [
            FaultKind::Refuse,
            FaultKind::Reset,
            FaultKind::Throttle(second),
            FaultKind::Unavailable,
            FaultKind::Stall,
            FaultKind::Slow(second),
            FaultKind::Missing,
            FaultKind::Local,
        ];
        for kind in kinds {
            let fault = Fault::new(5, 70, kind, 40);
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "0ms-1ms", "0-1:fail1%", "0ms-1ms:fail", "0ms-1ms:slow5%", "0ms-1ms:fail(1ms)5%"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
