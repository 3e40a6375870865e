//! Times and how long something takes, in words.

use std::time::Duration;

use vps_ops::circuit::rfc3339;

/// `1.31 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// `1.31s`, in a table.
pub(crate) fn seconds_of(duration: Duration) -> String {
    format!("{:.2}s", duration.as_secs_f64())
}

pub(super) fn millis(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// `41s`, `3m`, `2h 5m`: to the second below a minute, then to the minute.
pub(crate) fn short(duration: Duration) -> String {
    let all = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let (days, hours, minutes, seconds) = (all / 86_400, all / 3_600 % 24, all / 60 % 60, all % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) if seconds == 0 => format!("{minutes}m"),
        (0, 0, minutes) => format!("{minutes}m {seconds}s"),
        (0, hours, 0) => format!("{hours}h"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, 0, _) => format!("{days}d"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// `3 d`, `5 h`: how long ago or ahead something is that lasts.
pub(super) fn long(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The time of day, in UTC: `22:41:07`.
pub(crate) fn clock(wall: f64) -> String {
    moment(wall, wall)
}

/// When something is, as who reads it at `now` needs it: the time of day, and before it the date where that is
/// another day's: `2026-11-28 22:41:07`.
pub(crate) fn moment(at: f64, now: f64) -> String {
    let (at, now) = (rfc3339(at), rfc3339(now));
    let at = at.trim_end_matches('Z');
    match at.split_once('T') {
        Some((day, time)) if now.starts_with(day) => time.to_owned(),
        Some((day, time)) => format!("{day} {time}"),
        None => at.to_owned(),
    }
}

/// Whole seconds.
#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 are far from the end of an i64")]
pub(super) fn whole(seconds: f64) -> i64 {
    seconds as i64
}
