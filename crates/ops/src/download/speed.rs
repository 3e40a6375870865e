//! Whether a source is silent, or too slow to stay with.

use std::collections::VecDeque;
use std::time::Duration;

use vps_breaker::Tick;

/// Points at which the window is looked at.
const MARKS: u32 = 10;

/// What was seen at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// All is well.
    Fine,
    /// Not one byte for the whole idle limit.
    Silent,
    /// Bytes, but fewer a second than asked for, over the whole window.
    Slow,
}

/// Watches how many bytes arrive over a sliding window. Time comes in, nothing sleeps.
#[derive(Debug)]
pub(super) struct Speed {
    idle: Duration,
    min_speed: u64,
    last_byte: Tick,
    bytes: u64,
    /// Bytes in all at each mark of the last window, oldest first.
    marks: VecDeque<(Tick, u64)>,
}

impl Speed {
    pub(super) fn new(now: Tick, idle: Duration, min_speed: u64) -> Self {
        Self { idle, min_speed, last_byte: now, bytes: 0, marks: VecDeque::from([(now, 0)]) }
    }

    /// Bytes arrived.
    pub(super) fn gained(&mut self, now: Tick, bytes: usize) {
        self.last_byte = now;
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Bytes that arrived since the window began.
    pub(super) fn in_window(&self) -> u64 {
        self.bytes - self.marks.front().map_or(0, |(_, before)| *before)
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Tick {
        let silent = self.last_byte.after(self.idle);
        match self.marks.back() {
            Some((mark, _)) if self.min_speed > 0 => silent.min(mark.after(self.idle / MARKS)),
            _ => silent,
        }
    }

    /// Looks at the last window.
    pub(super) fn look(&mut self, now: Tick) -> Pace {
        if now.since(self.last_byte) >= self.idle {
            return Pace::Silent;
        }
        if self.min_speed == 0 {
            return Pace::Fine;
        }
        self.marks.push_back((now, self.bytes));
        // The first mark that is a whole window old stays: the window begins there.
        while self.marks.get(1).is_some_and(|(mark, _)| now.since(*mark) >= self.idle) {
            self.marks.pop_front();
        }
        match self.marks.front() {
            Some((mark, before)) if now.since(*mark) >= self.idle => {
                let gained = u128::from(self.bytes - before) * 1000;
                let wanted = u128::from(self.min_speed) * now.since(*mark).as_millis();
                if gained < wanted { Pace::Slow } else { Pace::Fine }
            }
            _ => Pace::Fine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    /// Feeds `bytes` every `every` seconds for `seconds`; gives the first look that is not fine.
    fn watch(min_speed: u64, bytes: usize, every: u64, seconds: u64) -> Option<(u64, Pace)> {
        let start = Tick::from_millis(5_000);
        let mut speed = Speed::new(start, IDLE, min_speed);
        let mut look = speed.next_look();
        for second in 1..=seconds {
            let now = start.after(Duration::from_secs(second));
            if second % every == 0 {
                speed.gained(now, bytes);
            }
            if now >= look {
                match speed.look(now) {
                    Pace::Fine => look = speed.next_look(),
                    pace => return Some((second, pace)),
                }
            }
        }
        None
    }

    #[test]
    fn silence_is_seen_at_the_limit() {
        assert_eq!(watch(1, 0, 1_000, 100), Some((30, Pace::Silent)));
        assert_eq!(watch(0, 0, 1_000, 100), Some((30, Pace::Silent)));
    }

    #[test]
    fn a_trickle_below_the_speed_is_slow_and_at_it_is_fine() {
        assert_eq!(watch(2, 29, 29, 600).map(|(_, pace)| pace), Some(Pace::Slow));
        assert_eq!(watch(1, 1, 1, 600), None);
        assert_eq!(watch(1_000, 1_000, 1, 600), None);
        assert_eq!(watch(1_000, 999, 1, 600).map(|(_, pace)| pace), Some(Pace::Slow));
    }

    #[test]
    fn nothing_is_slow_before_a_whole_window_was_seen() {
        let (second, pace) = watch(1_000, 1, 1, 600).unwrap();
        assert_eq!((second, pace), (30, Pace::Slow));
    }

    #[test]
    fn zero_turns_the_speed_off_but_not_silence() {
        assert_eq!(watch(0, 1, 29, 3_600), None);
    }

    #[test]
    fn a_fast_start_does_not_hide_a_stall() {
        let start = Tick::from_millis(0);
        let mut speed = Speed::new(start, IDLE, 1_000);
        speed.gained(start.after(Duration::from_secs(1)), 1 << 30);
        let mut slow_at = None;
        for second in (3..200).step_by(3) {
            let now = start.after(Duration::from_secs(second));
            speed.gained(now, 1);
            if speed.look(now) == Pace::Slow {
                slow_at = Some(second);
                break;
            }
        }
        assert!(slow_at.is_some_and(|second| second <= 36), "{slow_at:?}");
    }
}
