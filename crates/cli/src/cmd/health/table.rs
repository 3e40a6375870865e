//! Health as a table: the sentence first, bad rows first, each with its reason.

use std::fmt::Write as _;

use vps_health::{Level, Recent};
use vps_ops::watch::{Board, Row};

use crate::observe::words::health as words;
use crate::report::document::LAST_LOOKS;
use crate::term::Term;

/// What a table may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Bars instead of digits.
    pub(crate) unicode: bool,
}

impl Look {
    pub(crate) fn of_terminal(term: Term) -> Self {
        Self { unicode: term.unicode }
    }
}

pub(crate) fn render(board: &Board, look: &Look) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", words::sentence(&board.headline()));
    let _ = writeln!(
        text,
        "this machine: {}; as of {} UTC\n",
        words::this_machine(board),
        words::clock(board.at)
    );
    let width = board.rows.iter().map(|row| row.service.as_str().len()).max().unwrap_or(0).max(7);
    let _ = writeln!(
        text,
        "{:width$}  {:10}  {:6}  {:>6}  {:>4}  {:>7}  {:10}  LAST {LAST_LOOKS}",
        "SERVICE", "HEALTH", "NOW", "P95", "LOST", "UP 24h", "CIRCUIT"
    );
    for row in &board.rows {
        let _ = writeln!(text, "{}", line(row, width, look).trim_end());
        if let Some(detail) = words::detail(row, board.at) {
            let _ = writeln!(text, "  {detail}");
        }
    }
    text
}

fn line(row: &Row, width: usize, look: &Look) -> String {
    if !row.is_probed {
        return format!(
            "{:width$}  {:10}  {:29}  {:10}",
            row.service.as_str(),
            words::status_of(row),
            "",
            words::circuit(&row.circuit)
        );
    }
    format!(
        "{:width$}  {:10}  {:6}  {:>6}  {:>4}  {:>7}  {:10}  {}",
        row.service.as_str(),
        words::status_of(row),
        words::now(row),
        words::quantile(row.p95.as_ref()),
        words::lost(row),
        row.uptime_day.to_string(),
        words::circuit(&row.circuit),
        spark(&row.recent, LAST_LOOKS, look.unicode),
    )
}

/// The last looks, one character each: how long the answer took, `x` where it failed, `.` where nothing is known.
pub(crate) fn spark(recent: &[Recent], count: usize, unicode: bool) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const DIGITS: [char; 8] = ['1', '2', '3', '4', '5', '6', '7', '8'];
    let signs = if unicode { BARS } else { DIGITS };
    let over = recent.len().saturating_sub(count);
    let last = recent.iter().skip(over);
    let sign = |one: &Recent| match (one.level, one.took) {
        (None, _) => '.',
        (Some(Level::Unhealthy), None) | (Some(_), None) => 'x',
        // By the limits that people know: an eighth for each 400 ms, the last from 2.8 s on.
        (Some(_), Some(took)) => {
            let step = usize::try_from(took.as_millis() / 400).unwrap_or(usize::MAX);
            signs.get(step).or(signs.last()).copied().unwrap_or('x')
        }
    };
    last.map(sign).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vps_health::{Damped, History, Moment, OsFault, Phase, Phases, Sample, Timing, judge};
    use vps_health::{Fact, HttpAnswer};

    use super::*;

    #[test]
    fn a_graph_shows_how_long_what_failed_and_what_nobody_knows() {
        let (timing, answered) = (Timing::new(), Fact::Http(HttpAnswer::of(200)));
        let late = Fact::TimedOut { phase: Phase::Connect, after: timing.timeout() };
        let mut history = History::new(timing.interval(), Moment::ORIGIN);
        let (mut damped, mut now) = (Damped::new(timing), Moment::ORIGIN);
        for (fact, millis) in [
            (&answered, 5),
            (&answered, 399),
            (&answered, 1_300),
            (&answered, 4_000),
            (&Fact::Os(OsFault::Refused), 1),
            (&late, 5_000),
            (&Fact::Os(OsFault::NoRoute), 1),
        ] {
            let took = Duration::from_millis(millis);
            let outcome = judge(fact, None, &timing, took, &Phases::NONE);
            let sample = Sample::new(now, took, outcome);
            now = now.after(Duration::from_secs(30));
            let change = damped.sample(&sample, now);
            history.sample(&sample, &damped, change, now);
        }
        let all: Vec<Recent> = history.recent().collect();
        assert_eq!(spark(&all, 12, true), "▁▁▄█xx.");
        assert_eq!(spark(&all, 12, false), "1148xx.");
        assert_eq!(spark(&all, 2, false), "x.");
    }
}
