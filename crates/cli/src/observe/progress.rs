//! Bytes as a bar, or as a plain line every ten seconds where there is no terminal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytesize::ByteSize;
use tracing::info;
use vps_ops::event::{Event, EventKind, Observer};

use super::Screen;

/// How often a plain line is worth it.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Progress {
    screen: Screen,
    last: Mutex<Option<(vps_breaker::Tick, u64)>>,
}

impl Progress {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, last: Mutex::new(None) }
    }

    fn plain_step(&self, event: &Event, percent: u32, text: &str) {
        if self.screen.bar().is_some() {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, _) = *last.get_or_insert((event.at, 0));
        if event.at.since(at) >= EVERY {
            *last = Some((event.at, 0));
            info!(operation = event.name, percent = percent / 1_000, "{} %: {text}", percent / 1_000);
        }
    }

    fn plainly(&self, event: &Event, done: u64, total: Option<u64>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, before) = *last.get_or_insert((event.at, done));
        let passed = event.at.since(at);
        if passed < EVERY {
            return;
        }
        *last = Some((event.at, done));
        let rate = done.saturating_sub(before) / passed.as_secs().max(1);
        let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
        let left = total
            .filter(|_| rate > 0)
            .map(|total| format!(", {}s left", total.saturating_sub(done) / rate))
            .unwrap_or_default();
        info!(operation = event.name, bytes = done, "{}{of}, {}/s{left}", size(done), size(rate));
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

impl Observer for Progress {
    fn on(&self, event: &Event) {
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
                    None => self.plainly(event, *done, *total),
                }
            }
            EventKind::Step { percent, text } => {
                self.screen.show_step(*percent, text);
                self.plain_step(event, *percent, text);
            }
            EventKind::Succeeded { .. } | EventKind::Failed(_) | EventKind::Retrying { .. } => {
                self.screen.clear();
            }
            _ => {}
        }
    }
}
