//! Bytes as a bar, or as a plain line every ten seconds where there is no terminal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytesize::ByteSize;
use tracing::info;
use vps_breaker::Tick;
use vps_ops::event::{Event, EventKind, Observer};

use super::Screen;

/// How often a plain line is worth it.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Progress {
    screen: Screen,
    plain: Mutex<Plain>,
}

impl Progress {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, plain: Mutex::default() }
    }
}

/// What was last said without a bar, or where counting began.
#[derive(Debug, Default)]
struct Plain {
    last: Option<(Tick, u64)>,
}

impl Plain {
    /// Whether a line about a step is due at `at`.
    fn is_due(&mut self, at: Tick) -> bool {
        let (before, _) = *self.last.get_or_insert((at, 0));
        let is_due = at.since(before) >= EVERY;
        if is_due {
            self.last = Some((at, 0));
        }
        is_due
    }

    /// The line that is due at `at`, if one is.
    fn line(&mut self, at: Tick, done: u64, total: Option<u64>) -> Option<String> {
        let (before, had) = *self.last.get_or_insert((at, done));
        let passed = at.since(before);
        if passed < EVERY {
            return None;
        }
        self.last = Some((at, done));
        let rate = done.saturating_sub(had) / passed.as_secs().max(1);
        let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
        let left = total
            .filter(|_| rate > 0)
            .map(|total| format!(", {}s left", total.saturating_sub(done) / rate))
            .unwrap_or_default();
        Some(format!("{}{of}, {}/s{left}", size(done), size(rate)))
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

impl Observer for Progress {
    fn on(&self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Progress { done, total, resumed_from } => {
                self.screen.show(*total);
                match self.screen.bar() {
                    Some(bar) => {
                        if bar.position() < *resumed_from {
                            bar.set_position(*resumed_from);
                            bar.reset_eta();
                        }
                        bar.set_position(*done);
                    }
                    None => {
                        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(line) = plain.line(event.at, *done, *total) {
                            info!(operation = event.operation.kind.as_str(), bytes = done, "{line}");
                        }
                    }
                }
            }
            EventKind::Step { percent, text } => {
                self.screen.show_step(*percent, text);
                let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
                if self.screen.bar().is_none() && plain.is_due(event.at) {
                    let percent = percent / 1_000;
                    info!(operation = event.operation.kind.as_str(), percent, "{percent} %: {text}");
                }
            }
            EventKind::Succeeded { .. } | EventKind::Failed(_) | EventKind::Retrying { .. } => {
                self.screen.clear();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_comes_every_ten_seconds() {
        let mib = 1024 * 1024;
        let mut plain = Plain::default();
        let mut line = |seconds: u64, done| {
            plain.line(Tick::ZERO.after(Duration::from_secs(seconds)), done * mib, Some(100 * mib))
        };
        assert_eq!(line(1, 0), None, "counting begins");
        assert_eq!(line(10, 18), None);
        assert_eq!(line(11, 20).as_deref(), Some("20.0 MiB of 100.0 MiB, 2.0 MiB/s, 40s left"));
        assert_eq!(line(20, 50), None);
        assert_eq!(line(31, 40).as_deref(), Some("40.0 MiB of 100.0 MiB, 1.0 MiB/s, 60s left"));
        assert_eq!(line(41, 40).as_deref(), Some("40.0 MiB of 100.0 MiB, 0 B/s"), "it stands still");
        assert_eq!(
            Plain { last: Some((Tick::ZERO, 0)) }.line(Tick::ZERO.after(EVERY), mib, None).as_deref(),
            Some("1.0 MiB, 102.4 KiB/s")
        );
    }
}
