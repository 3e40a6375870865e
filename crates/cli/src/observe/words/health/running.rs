//! Operations that are under way, in words.

use std::time::Duration;

use vps_ops::running::{Doing, RunningOperation, Waits};

use crate::observe::words::attempt_of;

/// An operation that is under way: what it is, and what it does.
pub(crate) fn running(operation: &RunningOperation) -> (String, String) {
    let what = format!("{} {}", operation.operation.replace('_', " "), operation.target);
    let attempt = match (operation.attempt, operation.of) {
        (0 | 1, _) | (_, 0) => String::new(),
        (number, of) => format!("attempt {}, ", attempt_of(number, of)),
    };
    let doing = match &operation.doing {
        Doing::Retrying { after_millis } => {
            let wait = Duration::from_millis(*after_millis);
            format!("{attempt}waits {:.1} s", wait.as_secs_f64())
        }
        Doing::Waiting { what } => format!("{attempt}waits for {}", waits(*what)),
        Doing::Working { step: Some(step), percent } => {
            let percent = percent.map(|percent| format!("{percent} % ")).unwrap_or_default();
            format!("{attempt}{percent}{step}")
        }
        _ => match (operation.done_bytes, operation.total_bytes) {
            (Some(done), total) => format!("{attempt}{}", bytes(operation, done, total)),
            (None, _) => format!("{attempt}works"),
        },
    };
    (what, doing)
}

const fn waits(what: Waits) -> &'static str {
    match what {
        Waits::Circuit => "an open circuit",
        Waits::Place => "its turn",
        Waits::Lock => "somebody's lock",
        _ => "something",
    }
}

fn bytes(operation: &RunningOperation, done: u64, total: Option<u64>) -> String {
    let size = |bytes: u64| bytesize::ByteSize::b(bytes).display().iec().to_string();
    let mut text = match total {
        Some(total) => format!("{} of {}", size(done), size(total)),
        None => size(done),
    };
    if let Some(rate) = operation.bytes_per_second.filter(|rate| *rate > 0) {
        text.push_str(&format!("  {}/s", size(rate)));
        if let Some(total) = total {
            let left = total.saturating_sub(done) / rate;
            text.push_str(&format!("  {}:{:02} left", left / 60, left % 60));
        }
    }
    text
}
